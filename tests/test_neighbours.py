"""The losses beside the paper's: loops written from their papers, closed values, what they have in common with ours."""

from math import exp, log

import pytest
import torch
from torch.nn import functional as F

from hcl.geometry import simplex_etf
from hcl.hardening import Exponential, Threshold
from hcl.losses import contrastive_loss, simclr_loss
from hcl.neighbours import debiased_loss, sincere_loss, spectral_loss, supcon_loss
from hcl.psi import LogSumExp, Triplet
from hcl.sampling import Drawn, Exact

LABELS = torch.tensor([0, 0, 1, 1, 1, 2, 2, 3])  # one class has a single item, which is no one's positive
EVEN = torch.arange(3).repeat_interleave(4)


def points(n, d=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, d, generator=generator, dtype=torch.float64), dim=-1)


def by_loops(z, labels, temperature, of_pair):
    """The mean over anchors of the mean over P(i) of a function of pairs: (i, p, s, positives, others)."""
    n, total = len(z), 0.0
    s = [[float(z[i] @ z[j]) / temperature for j in range(n)] for i in range(n)]
    for i in range(n):
        own = [j for j in range(n) if j != i and labels[j] == labels[i]]
        others = [j for j in range(n) if labels[j] != labels[i]]
        for p in own:
            total += of_pair(s[i], i, p, own, others) / len(own) / n
    return total


def supcon(s, i, p, own, others):
    return -log(exp(s[p]) / sum(exp(s[a]) for a in range(len(s)) if a != i))


def sincere(s, i, p, own, others):
    return -log(exp(s[p]) / (exp(s[p]) + sum(exp(s[a]) for a in others)))


def debiased(tau, temperature, beta=0.0, weight=None, pool="all"):
    def of_pair(s, i, p, own, others):
        drawn = others if pool == "others" else own + others

        def mean(these):
            eta = [exp(beta * s[a]) for a in these]
            return sum(e * exp(s[a]) for e, a in zip(eta, these, strict=True)) / sum(eta)

        g = max((mean(drawn) - tau * mean(own)) / (1 - tau), exp(-1 / temperature))
        q = len(drawn) if weight is None else weight
        return -log(exp(s[p]) / (exp(s[p]) + q * g))

    return of_pair


@pytest.mark.parametrize("temperature", [1.0, 0.2])
@pytest.mark.parametrize(("ours", "loop"), [(supcon_loss, supcon), (sincere_loss, sincere)])
def test_a_loss_with_labels_is_its_loop(ours, loop, temperature):
    z = points(8)
    value = ours(z, LABELS, temperature=temperature)
    assert float(value) == pytest.approx(by_loops(z, LABELS, temperature, loop), abs=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("pool", ["all", "others"])
@pytest.mark.parametrize("tau", [0.0, 0.1, 0.9])
@pytest.mark.parametrize(("beta", "weight"), [(0.0, None), (2.0, None), (1.0, 3.0)])
def test_the_debiased_loss_is_its_loop_with_hard_negatives_and_without(tau, beta, weight, pool, temperature):
    z = points(8)
    value = debiased_loss(
        z, LABELS, collisions=tau, hardening=Exponential(beta), temperature=temperature, weight=weight, pool=pool
    )
    loop = by_loops(z, LABELS, temperature, debiased(tau, temperature, beta, weight, pool))
    assert float(value) == pytest.approx(loop, abs=1e-12)


def test_the_floor_is_reached_where_more_is_taken_off_than_is_there():
    """Else the loop above would not have been tried on it."""
    z = points(4)[LABELS]  # positives are nearest
    floor = by_loops(z, LABELS, 1.0, lambda s, i, p, own, others: log(1 + 7 * exp(-1 - s[p])))
    assert float(debiased_loss(z, LABELS, collisions=0.999)) == pytest.approx(floor, abs=1e-12)
    assert float(debiased_loss(z, LABELS, collisions=0.1)) > floor + 0.1


def test_the_spectral_loss_is_its_loop():
    z = 2 * points(8)
    near = by_loops(z, LABELS, 1.0, lambda s, i, p, own, others: -2 * s[p])
    square = sum(float(z[i] @ z[j]) ** 2 for i in range(8) for j in range(8) if i != j) / (8 * 7)
    assert float(spectral_loss(z, LABELS)) == pytest.approx(near + square, abs=1e-12)


# Closed values


@pytest.mark.parametrize(("c", "m"), [(2, 2), (4, 3), (10, 5)])
def test_values_at_neural_collapse(c, m):
    z = simplex_etf(c, c - 1).double().repeat_interleave(m, 0)
    labels = torch.arange(c).repeat_interleave(m)
    other, own, gap = (c - 1) * m, m - 1, c / (c - 1)
    closed = {
        supcon_loss: log(own + other * exp(-gap)), sincere_loss: log(1 + other * exp(-gap)),
        spectral_loss: -2 + (own + other / (c - 1) ** 2) / (own + other),
    }  # fmt: skip
    for loss, value in closed.items():
        assert float(loss(z, labels)) == pytest.approx(value, abs=1e-6), loss
    share = own / (own + other)
    ours = debiased_loss(z, labels, collisions=share, weight=other)
    assert float(ours) == pytest.approx(closed[sincere_loss], abs=1e-6)


# What they have in common with ours


def over_positives(z, labels, m, loss):
    """The mean of a loss with given positives over each of the m - 1 other items of an anchor's class, in turn."""
    at = torch.arange(len(z)).view(-1, m)
    return torch.stack([loss(z, labels, z_pos=z[at.roll(shift, 1).flatten()]) for shift in range(1, m)]).mean()


def each_once(count, n):
    """Uniform numbers that draw each of ``count`` equally likely negatives once: (n, 1, count)."""
    return ((torch.arange(count, dtype=torch.float64) + 0.5) / count).expand(n, 1, count)


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_sincere_is_scl_with_each_negative_drawn_once(temperature):
    z = points(12)
    scl = over_positives(z, EVEN, 4, lambda *of, **more: contrastive_loss(
        *of, supervised=True, psi=LogSumExp(1.0), sampling=Drawn.from_uniforms(each_once(8, 12), per="anchor"),
        temperature=temperature, **more,
    ))  # fmt: skip
    assert float(sincere_loss(z, EVEN, temperature=temperature)) == pytest.approx(float(scl), abs=1e-12)


class LogSum:
    """psi_k of footnote 1 with alpha = 0."""

    def __call__(self, v):
        return v.logsumexp(-1)


def test_supcon_is_ucl_without_the_anchor_with_each_negative_drawn_once():
    z = points(12)
    ucl = over_positives(z, EVEN, 4, lambda *of, **more: contrastive_loss(
        *of, supervised=False, exclude_self=True, psi=LogSum(),
        sampling=Drawn.from_uniforms(each_once(11, 12), per="anchor"), **more,
    ))  # fmt: skip
    assert float(supcon_loss(z, EVEN)) == pytest.approx(float(ucl), abs=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 0.3])
def test_the_debiased_loss_is_scl_where_the_share_is_that_of_the_batch(temperature):
    z, share = points(12), 3 / 11
    ours = debiased_loss(z, EVEN, collisions=share, weight=1, temperature=temperature)
    scl = over_positives(z, EVEN, 4, lambda *of, **more: contrastive_loss(
        *of, supervised=True, sampling=Exact(), temperature=temperature, **more,
    ))  # fmt: skip
    assert float(ours) == pytest.approx(float(scl), abs=1e-12)
    once = debiased_loss(z, EVEN, collisions=share, weight=8, temperature=temperature)
    assert float(once) == pytest.approx(float(sincere_loss(z, EVEN, temperature=temperature)), abs=1e-12)
    assert abs(float(debiased_loss(z, EVEN, collisions=0.1, weight=1, temperature=temperature)) - float(scl)) > 1e-3


@pytest.mark.parametrize("beta", [0.0, 1.0, 5.0])
def test_with_images_for_labels_two_are_the_simclr_loss(beta):
    z, images = points(10), torch.arange(5).repeat(2)
    ours = debiased_loss(z, images, collisions=0, hardening=Exponential(beta), pool="others", temperature=0.5)
    hard = simclr_loss(z[:5], z[5:], hardening=Exponential(beta), temperature=0.5, detach_weights=False)
    assert float(ours) == pytest.approx(float(hard), abs=1e-12)
    if not beta:
        for loss in (sincere_loss, supcon_loss):
            assert float(loss(z, images, temperature=0.5)) == pytest.approx(float(hard), abs=1e-12)


@pytest.mark.parametrize("detach", [True, False])
def test_the_gradient_goes_through_the_weights_as_it_is_said_to(detach):
    z, images = points(10).requires_grad_(), torch.arange(5).repeat(2)
    ours = debiased_loss(z, images, collisions=0, hardening=Exponential(3), pool="others", detach_weights=detach)
    hard = simclr_loss(z[:5], z[5:], hardening=Exponential(3), detach_weights=detach)
    one, other = (torch.autograd.grad(loss, z)[0] for loss in (ours, hard))
    assert torch.allclose(one, other, atol=1e-12)


def test_facenets_triplet_loss_is_ours_at_half_the_margin():
    z, margin = points(6), 0.8
    labels, at = torch.arange(3).repeat_interleave(2), torch.arange(6).view(-1, 2).roll(1, 1).flatten()
    ours = contrastive_loss(z, labels, supervised=True, sampling=Exact(), psi=Triplet(margin / 2), z_pos=z[at])
    triplets = [(i, int(at[i]), a) for i in range(6) for a in range(6) if labels[a] != labels[i]]
    anchor, positive, negative = (z[list(of)] for of in zip(*triplets, strict=True))
    theirs = F.triplet_margin_with_distance_loss(
        anchor, positive, negative, margin=margin,
        distance_function=lambda x, y: (x - y).square().sum(-1),
    )  # fmt: skip
    assert 2 * float(ours) == pytest.approx(float(theirs), abs=1e-12)


# Any loss

LOSSES = {
    "supcon": supcon_loss,
    "sincere": sincere_loss,
    "debiased": lambda z, labels: debiased_loss(z, labels, collisions=0.1),
    "robinson": lambda z, labels: debiased_loss(z, labels, collisions=0.1, hardening=Exponential(2)),
    "others": lambda z, labels: debiased_loss(z, labels, collisions=0.1, hardening=Threshold(2.9), pool="others"),
    "spectral": spectral_loss,
}
each = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


@each
def test_neither_a_rotation_nor_an_order_nor_the_names_of_classes_matter(loss):
    z, value = points(8), float(loss(points(8), LABELS))
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=z.dtype))[0]
    order = torch.randperm(8, generator=torch.Generator().manual_seed(2))
    for other, labels in ((z @ rotation, LABELS), (z[order], LABELS[order]), (z, 7 - 2 * LABELS), (z, LABELS.tolist())):
        assert float(loss(other, labels)) == pytest.approx(value, abs=1e-12)


@each
@pytest.mark.parametrize(
    "labels", [[0], [0, 1, 2, 3], [0, 0, 0, 0], [0, 0], [0, 1], [0, 0, 1, 1], [0, 0, 1, 2]], ids=str
)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_degenerate_batches_give_finite_losses_and_gradients(loss, labels, dtype):
    z = points(len(labels)).to(dtype).requires_grad_()
    value = loss(z, torch.tensor(labels))
    value.backward()
    assert value.shape == () and value.dtype == dtype and value.isfinite() and z.grad.isfinite().all()
    if len(set(labels)) == len(labels) and loss is not spectral_loss:
        assert value == 0 and not z.grad.any()


def test_a_single_class_has_nothing_to_part_from_but_for_supcon():
    z, labels = points(4).requires_grad_(), torch.zeros(4, dtype=torch.int64)
    for name in ("sincere", "others"):
        (gradient,) = torch.autograd.grad(LOSSES[name](z, labels), z)
        assert LOSSES[name](z, labels) == 0 and not gradient.any(), name
    assert supcon_loss(z, labels) > log(3) - 1e-9


@each
def test_the_gradient_is_that_of_differences(loss):
    z = points(8).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, LABELS), z)


@each
def test_half_precision_is_computed_in_float32_and_nan_stays(loss):
    z = points(8).half()
    assert loss(z, LABELS).dtype == torch.float32
    assert float(loss(z, LABELS)) == pytest.approx(float(loss(z.double(), LABELS)), rel=1e-5)
    z[0, 0] = torch.nan
    assert loss(z, LABELS).isnan()


@pytest.mark.parametrize("name", ["supcon", "sincere", "debiased", "robinson"])
def test_a_low_temperature_does_not_overflow(name):
    z = points(8).float().requires_grad_()
    losses = {
        "supcon": supcon_loss, "sincere": sincere_loss,
        "debiased": lambda *of, **t: debiased_loss(*of, collisions=0.1, **t),
        "robinson": lambda *of, **t: debiased_loss(*of, collisions=0.1, hardening=Exponential(1), **t),
    }  # fmt: skip
    value = losses[name](z, LABELS, temperature=0.005)
    value.backward()
    assert value.isfinite() and z.grad.isfinite().all()


@each
def test_a_batch_that_does_not_fit_is_refused(loss):
    with pytest.raises(ValueError, match=r"z must be \(n, d\)"):
        loss(points(4)[0], torch.tensor([0, 0, 1]))
    with pytest.raises(ValueError, match=r"labels must be \(4,\)"):
        loss(points(4), torch.tensor([0, 0, 1]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"collisions": 1.0}, "collisions"), ({"collisions": -0.1}, "collisions"),
        ({"collisions": float("nan")}, "tau"),
        ({"collisions": 0.1, "weight": -1}, "weight"), ({"collisions": 0.1, "pool": "other"}, "did you mean 'others'"),
        ({"collisions": 0.1, "temperature": 0}, "temperature"),
    ],
)  # fmt: skip
def test_options_out_of_range_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        debiased_loss(points(8), LABELS, **options)
