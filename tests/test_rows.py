"""A loss of some anchors at a time: the value, the draws and the gradient of the whole, in memory of the size of n."""

from math import nan

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hcl.hardening import Exponential, Polynomial, Threshold, Uniform
from hcl.losses import contrastive_loss, simclr_loss
from hcl.models import unit_ball
from hcl.modules import ContrastiveLoss
from hcl.psi import InfoNCE, MeanExp
from hcl.sampling import Drawn, Exact

N, D = 13, 4  # of 13 no part is as large as the next but one
LABELS = torch.arange(N) % 3


def points(seed=0, n=N, dtype=torch.float64):
    return unit_ball(torch.randn(n, D, generator=torch.Generator().manual_seed(seed), dtype=dtype)).requires_grad_()


def with_gradient(loss, *leaves):
    value = loss(*leaves)
    return value, *torch.autograd.grad(value, leaves)


def samplings():
    """Return makers: a generator is used up."""
    return {
        "exact": Exact,
        "with the gradient of the weights": lambda: Exact(detach=False),
        "drawn": lambda: Drawn(k=7, per="anchor", generator=torch.Generator().manual_seed(3)),
        "given draws": lambda: Drawn.from_uniforms(
            torch.rand(N, 1, 5, generator=torch.Generator().manual_seed(4)), per="anchor"
        ),
    }


@pytest.mark.parametrize("sampling", samplings())
@pytest.mark.parametrize("given", [False, True], ids=["class", "given"])
@pytest.mark.parametrize("reduction", ["anchor", "pair"])
@pytest.mark.parametrize(("supervised", "exclude_self"), [(True, False), (False, False), (False, True)])
@pytest.mark.parametrize(
    ("hardening", "psi", "temperature"),
    [(Uniform(), InfoNCE(), 1.0), (Exponential(5.0), InfoNCE(), 0.5), (Polynomial(3.0), MeanExp(), 1.0)],
    ids=["plain", "hard", "another psi"],
)
def test_by_rows_is_the_whole(sampling, given, reduction, supervised, exclude_self, hardening, psi, temperature):
    def loss(z, z_pos=None, rows=None):
        return contrastive_loss(
            z, LABELS, supervised=supervised, hardening=hardening, sampling=samplings()[sampling](), psi=psi,
            reduction=reduction, z_pos=z_pos, exclude_self=exclude_self, temperature=temperature, rows=rows,
        )  # fmt: skip

    leaves = (points(), points(1)) if given else (points(),)
    whole = with_gradient(loss, *leaves)
    for rows in (1, 5, 1000):
        parts = with_gradient(lambda *x, rows=rows: loss(*x, rows=rows), *leaves)
        for part, of_whole in zip(parts, whole, strict=True):
            torch.testing.assert_close(part, of_whole, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("labels", [None, LABELS], ids=["unsupervised", "supervised"])
@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("weight", [None, 0.0, 3.0])
def test_simclr_by_rows_is_the_whole(labels, detach, weight):
    z, z_pos = points(), points(1)

    def loss(z, z_pos, rows=None):
        return simclr_loss(
            z,
            z_pos,
            labels,
            hardening=Exponential(5.0),
            temperature=0.5,
            weight=weight,
            detach_weights=detach,
            rows=rows,
        )

    whole = with_gradient(loss, z, z_pos)
    for rows in (1, 8, 26, 100):
        for part, of_whole in zip(with_gradient(lambda a, b, r=rows: loss(a, b, r), z, z_pos), whole, strict=True):
            torch.testing.assert_close(part, of_whole, rtol=1e-12, atol=1e-14)


def test_the_gradient_is_that_of_finite_differences_and_has_a_gradient_itself():
    z = points(n=7)

    def loss(z):
        return contrastive_loss(
            z, LABELS[:7], supervised=False, hardening=Exponential(2.0), sampling=Exact(detach=False), rows=3
        )

    assert torch.autograd.gradcheck(loss, (z,))
    assert torch.autograd.gradgradcheck(loss, (z,))
    assert torch.autograd.gradcheck(lambda a, b: simclr_loss(a, b, rows=3, detach_weights=False), (z, points(1, n=7)))


class Largest(TorchDispatchMode):
    """Notes the number of elements of the largest tensor that anything computes, forward and backward."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for made in result if isinstance(result, tuple | list) else (result,):
            if isinstance(made, torch.Tensor):
                self.elements = max(self.elements, made.numel())
        return result


def largest(loss, *leaves):
    with Largest() as seen:
        loss(*leaves).backward()
    return seen.elements


@pytest.mark.parametrize("sampling", [Exact(), Drawn(k=16, per="anchor")], ids=["exact", "drawn"])
def test_nothing_of_the_size_of_all_pairs_is_made(sampling):
    """Of 512 items, 8 at a time: at most 8 x 512 numbers at once, or 16 draws an item, not 512 x 512."""
    n, rows = 512, 8
    z, labels = points(n=n, dtype=torch.float32), torch.arange(n) % 8

    def loss(z, rows=None):
        return contrastive_loss(z, labels, supervised=True, hardening=Exponential(5.0), sampling=sampling, rows=rows)

    assert largest(loss, z) >= n * n
    assert largest(lambda z: loss(z, rows), z) <= max(rows, 16) * n
    assert largest(lambda z: simclr_loss(z, z.roll(1, 0), rows=rows), z) <= 2 * rows * n


def test_degenerate_batches_are_those_of_the_whole():
    z = points()
    one_class = with_gradient(
        lambda z: contrastive_loss(z, [0] * N, supervised=True, sampling=Exact(), rows=5), z
    )  # no negative at all: D16
    assert all(not x.any() for x in one_class)
    bad = z.detach().clone()
    bad[3, 1] = nan
    for sampling in (Exact(), Drawn(k=3, per="anchor")):
        assert contrastive_loss(bad, LABELS, supervised=False, sampling=sampling, rows=4).isnan()
    assert simclr_loss(bad, z, rows=4).isnan()


DEGENERATE = {
    "one item": (points(n=1), [0], {"supervised": False}),
    "one item, without itself": (points(n=1), [0], {"supervised": False, "exclude_self": True}),
    "one class": (points(n=5), [0] * 5, {"supervised": True}),
    "a class for each": (points(n=5), range(5), {"supervised": True}),
    "all weights 0": (points(n=5), [0, 0, 1, 1, 1], {"supervised": True, "hardening": None}),
    "all in one place": (points(n=5).detach()[:1].expand(5, D), [0, 0, 1, 1, 2], {"supervised": True}),
}  # fmt: skip


@pytest.mark.parametrize("sampling", ["exact", "with the gradient of the weights", "drawn"])
@pytest.mark.parametrize("reduction", ["anchor", "pair"])
@pytest.mark.parametrize("name", DEGENERATE)
def test_a_degenerate_batch_is_that_of_the_whole_in_value_and_gradient(name, reduction, sampling):
    z, labels, options = DEGENERATE[name]
    z = z.detach().clone().requires_grad_()
    hardening = Threshold(3.0) if "hardening" in options else Exponential(5.0)  # which no inner product reaches

    def loss(z, rows=None):
        return contrastive_loss(
            z, torch.as_tensor(list(labels)), sampling=samplings()[sampling](), reduction=reduction, rows=rows,
            **{**options, "hardening": hardening},
        )  # fmt: skip

    whole = with_gradient(loss, z)
    assert all(part.isfinite().all() for part in whole)
    for rows in (1, 2, 5):
        for part, of_whole in zip(with_gradient(lambda z, rows=rows: loss(z, rows), z), whole, strict=True):
            torch.testing.assert_close(part, of_whole, rtol=1e-12, atol=1e-14)


def test_simclr_of_one_image_has_no_negatives_by_rows_either():
    for part in with_gradient(lambda a, b: simclr_loss(a, b, rows=1), points(n=1), points(1, n=1)):
        assert not part.any()


def test_what_rows_cannot_do_is_refused_with_what_can():
    z = points()
    with pytest.raises(ValueError, match=r'rows needs .* Take sampling=Drawn\(per="anchor"\) or Exact\(\)'):
        contrastive_loss(z, LABELS, supervised=True, rows=4)
    assert contrastive_loss(z, None, supervised=False, z_pos=points(1), rows=4).isfinite(), "one draw a pair is a few"
    for rows in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="rows must be a whole number >= 1, or None"):
            contrastive_loss(z, LABELS, supervised=True, sampling=Exact(), rows=rows)
        with pytest.raises(ValueError, match="rows must be"):
            simclr_loss(z, z, rows=rows)
        with pytest.raises(ValueError, match="rows must be"):
            ContrastiveLoss(supervised=True, rows=rows)
    uniforms = torch.rand(N, 1, 5)
    for draw in (Drawn.from_uniforms(uniforms, per="anchor"), Drawn(k=5, per="anchor", uniforms=uniforms)):
        assert contrastive_loss(z, LABELS, supervised=True, sampling=draw, rows=4).isfinite()
    given = Drawn.from_uniforms(torch.rand(N + 1, 1, 5), per="anchor")
    with pytest.raises(ValueError, match="uniforms must be"):
        contrastive_loss(z, LABELS, supervised=True, sampling=given, rows=4)


def test_the_module_passes_rows_on():
    features = 3 * points().detach()
    module = ContrastiveLoss(supervised=True, sampling=Exact(), rows=4)
    assert "rows=4" in repr(module) and "rows" not in repr(ContrastiveLoss(supervised=True))
    torch.testing.assert_close(
        module(features, LABELS), ContrastiveLoss(supervised=True, sampling=Exact())(features, LABELS)
    )
