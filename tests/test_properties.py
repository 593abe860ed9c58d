"""Losses, bounds and geometry on batches that hypothesis makes up: inequalities, invariances, extreme values."""

from dataclasses import replace
from inspect import signature
from math import inf, log

import numpy as np
import oracle
import pytest
import torch
from helpers import seeded
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hcl import bounds, draws, geometry, sampling
from hcl.hardening import FAMILIES, Exponential, Polynomial, Threshold, Uniform, make, matching_beta
from hcl.losses import contrastive_loss, simclr_loss
from hcl.psi import HardestTriplet, InfoNCE, LogSumExp, MeanExp, Triplet, log_mean_exp

few = settings(derandomize=True, deadline=None, database=None, max_examples=25)

HARDENINGS = {
    "uniform": (Uniform(), oracle.uniform), "exponential": (Exponential(4.0), oracle.exponential(4.0)),
    "polynomial": (Polynomial(2.5), oracle.polynomial(2.5)), "threshold": (Threshold(1.1), oracle.threshold(1.1)),
}  # fmt: skip
PSIS = [InfoNCE(), LogSumExp(3.0), MeanExp(), HardestTriplet(0.7)]
KINDS = ("sphere", "ball", "tiny", "equal", "antipodal", "zero")


@st.composite
def batches(draw, least=2, most=7, kinds=KINDS, classes=3):
    """(z, labels): float64 representations in the unit ball, of one of several shapes."""
    n, d = draw(st.integers(least, most)), draw(st.integers(1, 4))
    z = torch.randn(n, d, generator=seeded(draw(st.integers(0, 10_000))), dtype=torch.float64)
    unit = z / z.norm(dim=1, keepdim=True)
    z = {
        "sphere": unit, "ball": unit * torch.linspace(0.1, 1, n)[:, None].double(), "tiny": 1e-12 * unit,
        "equal": unit[:1].expand(n, d).clone(), "zero": torch.zeros_like(unit),
        "antipodal": unit[:1] * (1 - 2 * (torch.arange(n) % 2))[:, None],
    }[draw(st.sampled_from(kinds))]  # fmt: skip
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    return z, torch.tensor(labels)


@st.composite
def options(draw):
    supervised = draw(st.booleans())
    return {
        "supervised": supervised, "exclude_self": not supervised and draw(st.booleans()),
        "reduction": draw(st.sampled_from(["anchor", "pair"])),
    }  # fmt: skip


def exact(z, labels, hardening=None, **how):
    return contrastive_loss(z, labels, hardening=hardening, k=None, **how)


def close(a, b, tolerance=1e-10):
    return torch.testing.assert_close(a, b, atol=tolerance, rtol=tolerance)


# Losses


@few
@given(batches(), options(), st.sampled_from(sorted(HARDENINGS)))
def test_the_loss_in_the_limit_is_that_of_the_loops(batch, how, name):
    z, labels = batch
    hardening, eta = HARDENINGS[name]
    ours = oracle.value_and_gradient(lambda z: exact(z, labels, hardening, **how), z)
    loops = oracle.value_and_gradient(lambda z: oracle.contrastive_loss(z, labels, eta=eta, **how), z)
    close(ours, loops)


@few
@given(batches(most=5), options(), st.sampled_from(sorted(HARDENINGS)), st.integers(1, 4), st.integers(0, 1000))
def test_the_loss_of_given_draws_is_that_of_the_loops(batch, how, name, k, seed):
    z, labels = batch
    hardening, eta = HARDENINGS[name]
    n = len(z)
    uniforms = torch.rand(n, 1, k, generator=seeded(seed), dtype=torch.float64)

    def inverted(i, j, p):
        allowed, share = list(p), torch.stack(list(p.values())).cumsum(0)
        return [allowed[min(int((share <= float(u)).sum()), len(allowed) - 1)] for u in uniforms[i, 0]]

    ours = contrastive_loss(z, labels, hardening=hardening, k=k, negatives="per_anchor", uniforms=uniforms, **how)
    close(ours, oracle.contrastive_loss(z, labels, eta=eta, k=k, draw=inverted, **how))


@few
@given(batches(), st.booleans(), st.sampled_from(sorted(HARDENINGS)), st.sampled_from([None, 0.0, 0.5, 30.0]))
def test_the_simclr_loss_is_that_of_the_loops(batch, supervised, name, weight):
    z, labels = batch
    z_pos = z.roll(1, 0) * 0.9
    hardening, eta = HARDENINGS[name]
    classes = labels if supervised else None
    ours = oracle.value_and_gradient(lambda z: simclr_loss(z, z_pos, classes, hardening=hardening, weight=weight), z)
    loops = oracle.value_and_gradient(lambda z: oracle.simclr_loss(z, z_pos, classes, eta=eta, weight=weight), z)
    close(ours, loops)


@few
@given(batches(), options(), st.sampled_from(sorted(HARDENINGS)), st.integers(0, 1000))
def test_order_rotation_and_names_of_classes_change_nothing(batch, how, name, seed):
    z, labels = batch
    hardening = HARDENINGS[name][0]
    if name == "threshold":  # rounding may carry an inner product over the threshold
        s = z @ z.T
        assume(bool((s - log(hardening.tau)).abs().min() > 1e-9))
    value = exact(z, labels, hardening, **how)
    order = torch.randperm(len(z), generator=seeded(seed))
    close(exact(z[order], labels[order], hardening, **how), value)
    rotation, _ = torch.linalg.qr(torch.randn(z.shape[1], z.shape[1], generator=seeded(seed), dtype=torch.float64))
    renamed = torch.tensor([7, 2, 11])[labels]
    close(exact(z, renamed, hardening, **how), value)
    if not bool(((z @ z.T) + 1).abs().min() < 1e-9 and name == "polynomial"):  # at -1 it is not continuous in rounding
        close(exact(z @ rotation, labels, hardening, **how), value)


@few
@given(batches(), options(), st.sampled_from([2, 3, 8]), st.booleans())
def test_shape_dtype_and_sign_of_the_loss(batch, how, k, single):
    z, labels = batch
    z = (z.float() if single else z).requires_grad_()
    loss = contrastive_loss(z, labels, hardening=Exponential(3.0), k=k, generator=seeded(), **how)
    loss.backward()
    assert loss.shape == () and loss.dtype == z.dtype == z.grad.dtype and float(loss.detach()) >= 0
    assert z.grad.isfinite().all()
    largest = float(torch.nn.functional.softplus(torch.tensor(2.0)))  # differences of inner products are 2 at most
    assert float(loss.detach()) <= largest + 1e-6


@few
@given(batches(kinds=("sphere", "ball", "antipodal", "equal")), options(), st.sampled_from([1, 4, 64]))
def test_a_loss_of_draws_lies_between_those_of_the_nearest_and_the_farthest_negative(batch, how, k):
    z, labels = batch
    found = contrastive_loss(z, labels, k=k, generator=seeded(k), **how)
    low, high = (exact(z, labels, psi=extreme, **how) for extreme in (Extreme(-1), Extreme(1)))
    assert low - 1e-9 <= found <= high + 1e-9


class Extreme:
    """log(1 + exp of the largest or smallest argument)."""

    def __init__(self, sign):
        self.sign = sign

    def expectation(self, v, log_p):
        v = v.expand(torch.broadcast_shapes(v.shape, log_p.shape))
        worst = self.sign * (self.sign * v).masked_fill(log_p == -inf, -inf).amax(-1)
        return torch.nn.functional.softplus(worst)


# Theorem 1


@few
@given(batches(), options(), st.floats(0, 20), st.sampled_from([Exponential, Polynomial, Threshold]))
def test_theorem_1_hardening_does_not_lower_the_loss(batch, how, hardness, family):
    z, labels = batch
    assume(family is not Polynomial or bool((z @ z.T).min() > -1 + 1e-6))  # where all weights are 0 it says nothing
    hardness = min(hardness, 2.5) if family is Threshold else hardness
    assert exact(z, labels, family(hardness), **how) >= exact(z, labels, **how) - 1e-9


@few
@given(batches(), options(), st.floats(0, 20), st.floats(0, 20))
def test_the_loss_rises_with_the_exponential_hardness(batch, how, one, other):
    z, labels = batch
    low, high = (exact(z, labels, Exponential(beta), **how) for beta in sorted((one, other)))
    assert high >= low - 1e-9


@few
@given(batches(), st.floats(0, 20), st.floats(0, 50))
def test_theorem_1_for_the_simclr_loss(batch, beta, weight):
    z, labels = batch
    z_pos = z.flip(0)
    plain, hard = (simclr_loss(z, z_pos, labels, hardening=h, weight=weight) for h in (Uniform(), Exponential(beta)))
    assert hard >= plain - 1e-9


# Theorems 2 and 3


@st.composite
def balanced(draw):
    """(z, labels, C): as many items of each class, anywhere in the unit ball."""
    classes, each = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    z, _ = draw(batches(classes * each, classes * each, kinds=("sphere", "ball", "tiny", "equal", "zero")))
    return z, torch.arange(classes).repeat(each), classes


@few
@given(balanced(), st.sampled_from(sorted(HARDENINGS)), st.sampled_from([1, 2, 5, None]))
def test_theorem_2_bounds_the_supervised_losses_of_populations(batch, name, k):
    """Of a population in which the classes are equally likely: k -> infinity is the least."""
    z, labels, classes = batch
    hardening = HARDENINGS[name][0]
    bound = bounds.scl_lower_bound(classes, k)
    assert exact(z, labels, hardening, supervised=True) >= bound - 1e-9
    assert exact(z, labels, hardening, supervised=True, reduction="pair") >= bound - 1e-9


@few
@given(balanced(), st.sampled_from([1, 2, None]))
def test_theorem_3_bounds_the_unsupervised_loss_of_class_means(batch, k):
    """Its condition (e), positives independent of the anchor given the class: one item a class, k negatives of all."""
    z, labels, classes = batch
    means = geometry.class_means(z, labels, classes)
    value = oracle.contrastive_loss(means, torch.arange(classes), supervised=False, k=k)
    assert float(value) >= bounds.ucl_lower_bound(classes, k) - 1e-9


@few
@given(st.integers(2, 9), st.integers(0, 4), st.sampled_from(sorted(HARDENINGS)), st.sampled_from(PSIS[2:] + PSIS[:1]))
def test_at_an_etf_the_supervised_losses_are_at_their_bound(classes, extra, name, psi):
    assume(classes > 2 or name != "polynomial")
    z = geometry.simplex_etf(classes, classes - 1 + extra).repeat(2, 1)
    labels = torch.arange(classes).repeat(2)
    bound = bounds.scl_lower_bound(classes, None, psi)
    assert float(exact(z, labels, HARDENINGS[name][0], supervised=True, psi=psi)) == pytest.approx(bound, abs=1e-9)


@few
@given(st.integers(2, 300), st.integers(1, 40), st.floats(0, 2000))
def test_the_order_of_the_bounds(classes, k, weight):
    scl, ucl, limit = bounds.scl_lower_bound(classes, k), bounds.ucl_lower_bound(classes, k), None
    limit = bounds.ucl_lower_bound(classes, None)
    assert log(1 + np.exp(-2)) <= scl + 1e-12 and scl < ucl <= limit + 1e-12 and limit < log(2)
    assert bounds.scl_lower_bound(classes + 1, k) > scl and bounds.ucl_lower_bound(classes, k + 1) >= ucl - 1e-12
    supervised, unsupervised = (bounds.simclr_lower_bound(classes, weight, of) for of in (True, False))
    assert 0 <= supervised <= unsupervised <= np.log1p(weight)
    assert bounds.simclr_lower_bound(classes, weight + 1) > supervised


@few
@given(st.integers(2, 30), st.integers(2, 40), st.sampled_from([1, 3, None]), st.sampled_from(["anchor", "pair"]))
def test_the_value_of_batches_is_above_the_bound_and_at_most_log_2(classes, size, k, reduction):
    value = bounds.ucl_batch_value(classes, size, k, reduction)
    assert bounds.ucl_lower_bound(classes, k) - 1e-9 <= value <= log(2) + 1e-12
    assert bounds.ucl_batch_value(classes, size, k, "pair") >= bounds.ucl_batch_value(classes, size, k) - 1e-12


# Contrastive loss functions, hardening, draws


@few
@given(st.sampled_from(PSIS), st.lists(st.floats(-30, 30), min_size=1, max_size=6), st.floats(0, 20), st.integers(0, 5))
def test_psi_does_not_fall_in_any_argument_and_is_convex_and_symmetric(psi, values, by, place):
    v = torch.tensor(values, dtype=torch.float64)
    up = v.clone()
    up[place % len(v)] += by
    slack = 1e-9 * float(psi(up).abs()) + 1e-12
    assert psi(up) >= psi(v) - slack
    assert psi((v + up) / 2) <= (psi(v) + psi(up)) / 2 + slack
    close(psi(v.flip(0)), psi(v))
    assert float(psi(torch.stack([v, up]))[1]) == pytest.approx(float(psi(up)))


@few
@given(st.sampled_from([InfoNCE(), MeanExp(), Triplet(0.4)]), st.lists(st.floats(-5, 5), min_size=1, max_size=5))
def test_one_negative_drawn_evenly_has_the_expectation_of_psi_in_the_limit_or_below(psi, values):
    """Jensen: psi of the mean is at least the mean of psi for InfoNCE, whose logarithm is concave in the mean."""
    v = torch.tensor(values, dtype=torch.float64)
    mean = psi(v[:, None]).mean()
    limit = psi.expectation(v, torch.full_like(v, -log(len(v))))
    assert limit >= mean - 1e-12
    if not isinstance(psi, InfoNCE):
        close(limit, mean)


@few
@given(st.lists(st.floats(-700, 700), min_size=1, max_size=6), st.floats(-1000, 1000))
def test_log_mean_exp_lies_between_the_mean_and_the_largest_and_moves_with_its_arguments(values, by):
    v = torch.tensor(values, dtype=torch.float64)
    level = log_mean_exp(v)
    assert v.mean() - 1e-9 <= level <= v.max() + 1e-9
    close(log_mean_exp(v + by), level + by, 1e-9)


@few
@given(st.sampled_from(sorted(FAMILIES)), st.floats(0, 30), st.floats(-1, 1), st.floats(-1, 1))
def test_weights_do_not_fall_with_the_inner_product(family, hardness, one, other):
    low, high = make(family, hardness).log_weight(torch.tensor(sorted((one, other)), dtype=torch.float64))
    assert low <= high


@few
@given(st.floats(0, 50), st.integers(3, 300))
def test_the_matching_beta_gives_the_ratio_of_weights_at_an_etf(epsilon, classes):
    at = torch.tensor([1.0, -1 / (classes - 1)], dtype=torch.float64)
    ratios = [h.log_weight(at).diff() for h in (Polynomial(epsilon), Exponential(matching_beta(epsilon, classes)))]
    close(*ratios, 1e-9)


@few
@given(st.tuples(*(st.integers(1, most) for most in (5, 6, 4, 5))), st.integers(0, 10_000), st.booleans())
def test_draws_by_inversion_are_the_quantiles(sizes, seed, single):
    n, m, sets, k = sizes
    p = torch.rand(n, m, generator=seeded(seed), dtype=torch.float64)
    p[:, 1:] *= torch.rand(n, m - 1, generator=seeded(seed + 1)) > 0.4
    p = p / p.sum(1, keepdim=True)
    p = p.float() if single else p
    uniforms = torch.rand(n, sets, k, generator=seeded(seed + 2), dtype=torch.float64)
    found = draws.invert(p, uniforms)
    assert found.shape == (n, sets, k) and found.dtype == torch.int64
    for i in range(n):
        below = [float(p[i, :j].double().sum()) for j in range(m + 1)]
        for u, j in zip(uniforms[i].sort(-1).values.flatten(), found[i].flatten(), strict=True):
            assert p[i, j] > 0 and below[j] - 1e-5 <= float(u) <= below[j + 1] + 1e-5


@few
@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 40), st.integers(0, 10_000))
def test_draws_from_tables_are_of_items_that_can_be_drawn(n, m, count, seed):
    p = torch.rand(n, m, generator=seeded(seed))
    p[:, 1:] *= torch.rand(n, m - 1, generator=seeded(seed + 1)) > 0.5
    p = p / p.sum(1, keepdim=True)
    found = draws.from_tables(p, count, seeded(seed + 2))
    assert found.shape == (n, count) and found.dtype == torch.int64
    assert (p.gather(1, found) > 0).all()


# Geometry


@st.composite
def class_means(draw, dtype=torch.float64):
    classes, dim = draw(st.integers(2, 6)), draw(st.integers(1, 6))
    means = torch.randn(classes, dim, generator=seeded(draw(st.integers(0, 10_000))), dtype=torch.float64)
    scale = draw(st.sampled_from([1e-3, 1.0, 1e3]))
    return (means * scale).to(dtype)


@few
@given(class_means(), st.integers(0, 1000))
def test_metrics_do_not_depend_on_the_order_of_classes_nor_on_the_axes(means, seed):
    order = torch.randperm(len(means), generator=seeded(seed))
    axes, _ = torch.linalg.qr(torch.randn(means.shape[1], means.shape[1], generator=seeded(seed), dtype=torch.float64))
    for other in (means[order], means @ axes):
        for metric in (
            geometry.zero_sum, geometry.unit_norm, geometry.equal_inner_product, geometry.least_distance,
            geometry.effective_rank, geometry.spectrum_rank, lambda m: geometry.equal_inner_product(m, cosine=True),
        ):  # fmt: skip
            close(metric(other).double(), metric(means).double(), 1e-8)
        assert geometry.cluster_count(other) == geometry.cluster_count(means)


@few
@given(class_means())
def test_ranks_lie_between_nothing_and_the_dimension(means):
    spectrum = geometry.covariance_spectrum(means)
    most = min(len(means) - 1, means.shape[1])
    assert spectrum.shape == (means.shape[1],) and spectrum[0] == 0 and (spectrum.diff() <= 0).all()
    assert 1 - 1e-9 <= float(geometry.effective_rank(means)) <= most + 1e-9
    assert 1 <= int(geometry.spectrum_rank(means)) <= most
    assert int(geometry.spectrum_rank(means, -1e-9)) == 1 <= int(geometry.spectrum_rank(means, -5.0))
    large = spectrum > -12  # what is smaller is rounding
    close(geometry.covariance_spectrum(means * 3 + 1)[large], spectrum[large], 1e-4)


@few
@given(class_means(), st.floats(-3, 3))
def test_clusters_and_distances_do_not_feel_a_shift(means, by):
    close(geometry.least_distance(means + by), geometry.least_distance(means), 1e-9)
    distance = float(geometry.least_distance(means))
    assume(distance > 1e-6)
    assert geometry.cluster_count(means, radius=distance * 0.999) == len(means)
    assert geometry.cluster_count(means, radius=distance * 1.001) < len(means)
    assert geometry.cluster_count(means, radius=1e9) == 1


@few
@given(batches(3, 9, classes=2), st.floats(0.1, 10))
def test_scatter_does_not_feel_a_shift_and_nc1_no_scale(batch, by):
    z, labels = batch
    assume(len(labels.unique()) == 2)
    close(geometry.within_class_variation(z + by, labels), geometry.within_class_variation(z, labels), 1e-9)
    close(geometry.within_class_variation(z * by, labels), by * geometry.within_class_variation(z, labels), 1e-9)
    means = geometry.class_means(z, labels, 2)
    close(geometry.class_means(z + by, labels, 2), means + by, 1e-9)
    assume(float((means[0] - means[1]).norm()) > 1e-3)
    close(geometry.nc1(z * by + 1, labels), geometry.nc1(z, labels), 1e-8)
    spread = (z - means[labels]).square().sum(1).mean() / ((means[0] - means[1]) / 2).square().sum()
    close(geometry.nc1(z, labels), spread, 1e-9)


@few
@given(batches(2, 9), st.integers(1, 20))
def test_every_pair_of_different_items_is_counted_once(batch, bins):
    z, labels = batch
    counts = geometry.similarity_histogram(z, labels, bins)
    same = int((labels[:, None] == labels).sum()) - len(z)
    assert counts.shape == (2, bins) and counts.sum(1).tolist() == [same, len(z) * (len(z) - 1) - same]
    edges = torch.linspace(-1, 1, bins + 1)
    values = torch.tensor([float(z[i] @ z[j]) for i in range(len(z)) for j in range(len(z)) if i != j])
    if (values[:, None] - edges).abs().min() > 1e-6:
        expected = torch.histogram(values.clamp(-1, 1), edges.float()).hist
        assert counts.sum(0).tolist() == expected.tolist()


@few
@given(st.integers(2, 12), st.integers(0, 5))
def test_the_simplex_is_an_etf(classes, extra):
    means = geometry.simplex_etf(classes, classes - 1 + extra)
    products = means @ means.T
    expected = torch.full_like(products, -1 / (classes - 1)).fill_diagonal_(1)
    close(products, expected, 1e-9)
    assert means.shape == (classes, classes - 1 + extra) and not means[:, classes - 1 :].any()
    assert int(geometry.spectrum_rank(means)) == classes - 1
    assert float(geometry.effective_rank(means)) == pytest.approx(classes - 1)
    near = replace(Exponential(1.0), beta=2.0).log_weight(products)
    close(near, 2 * products)


@pytest.mark.parametrize(
    ("function", "defaults"),
    [
        (contrastive_loss, {"reduction": "anchor", "exclude_self": False}),
        (sampling.from_keywords, {"k": 256, "negatives": "per_pair", "detach_weights": True}),
        (sampling.Drawn, {"k": 256, "per": "pair"}), (sampling.Exact, {"detach": True}),
        (simclr_loss, {"weight": None, "detach_weights": True}),
        (bounds.scl_lower_bound, {"k": 256}), (bounds.ucl_lower_bound, {"k": 256}),
        (bounds.ucl_batch_value, {"k": 256, "reduction": "anchor"}), (bounds.simclr_lower_bound, {"supervised": True}),
        (geometry.zero_sum, {"of": "mean"}), (geometry.equal_inner_product, {"cosine": False}),
        (geometry.spectrum_rank, {"floor": -10.0}), (geometry.cluster_count, {"radius": 0.5}),
        (geometry.similarity_histogram, {"bins": 100}),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)  # fmt: skip
def test_defaults_are_what_the_paper_or_a_d_number_says(function, defaults):
    """Most values do not show a change of k: for InfoNCE no bound of SCL depends on it."""
    parameters = signature(function).parameters
    assert {name: parameters[name].default for name in defaults} == defaults
