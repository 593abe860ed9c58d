"""The class of Definition 1: convex and non-decreasing in each argument."""

from dataclasses import dataclass
from math import exp, log

import pytest
import torch
from helpers import seeded
from torch.nn import functional as F

from hcl.companion.theorems import Saturating
from hcl.exact import exact_loss, independent
from hcl.losses import Drawn, contrastive_loss
from hcl.psi import HardestTriplet, InfoNCE, LogSumExp, MeanExp, Triplet, log_mean_exp

ALL = [InfoNCE(), LogSumExp(0.1), LogSumExp(1), LogSumExp(10), MeanExp(), HardestTriplet(0.5), HardestTriplet(2)]
STRICT = ALL[:5]


def arguments(seed=0, count=400, k=3):
    return 2 * torch.randn(count, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("psi", ALL, ids=repr)
def test_it_is_convex_and_non_decreasing_in_each_argument(psi):
    a, b = arguments(0), arguments(1)
    assert (psi((a + b) / 2) <= (psi(a) + psi(b)) / 2 + 1e-12).all()
    for m in range(3):
        higher = a.clone()
        higher[:, m] += b[:, m].abs()
        assert (psi(higher) >= psi(a)).all()


@pytest.mark.parametrize("psi", STRICT, ids=repr)
def test_it_is_strictly_convex_and_increasing(psi):
    a, b = arguments(0), arguments(1)
    assert (psi((a + b) / 2) < (psi(a) + psi(b)) / 2).all()
    assert (psi(a + torch.eye(3, dtype=torch.float64)[0]) > psi(a)).all()
    diagonal = torch.tensor([[0.0], [1.0]], dtype=torch.float64).expand(2, 3)  # log(0 + sum) is linear along it
    assert psi(diagonal.mean(0)) < psi(diagonal).mean() - 1e-3


def test_the_hardest_triplet_is_neither_strictly_convex_nor_strictly_increasing():
    psi = HardestTriplet(1)
    assert psi(torch.tensor([0.0, -1.0])) == psi(torch.tensor([0.0, 0.0])) == 1
    assert psi(torch.tensor([-3.0, -2.0])) == psi(torch.tensor([-3.0, -5.0])) == 0


def test_the_saturating_function_is_non_decreasing_and_not_convex():
    a = arguments()
    assert (Saturating()(a + 0.1) >= Saturating()(a)).all()
    assert (
        Saturating()(torch.tensor([0.5])) > (Saturating()(torch.tensor([0.0])) + Saturating()(torch.tensor([1.0]))) / 2
    )


@pytest.mark.parametrize("alpha", [0.1, 1, 10])
def test_log_sum_exp_by_its_definition(alpha):
    v = arguments()
    torch.testing.assert_close(LogSumExp(alpha)(v), (alpha + v.exp().sum(-1)).log())


def test_alpha_equal_to_k_is_infonce_plus_log_k():
    """D10."""
    v = arguments(k=7)
    torch.testing.assert_close(LogSumExp(7)(v), InfoNCE()(v) + log(7))


def test_log_sum_exp_neither_overflows_nor_loses_small_values():
    v = torch.tensor([[1e4, 0.0], [-40.0, -40.0]], dtype=torch.float64)
    assert LogSumExp(1)(v).tolist() == pytest.approx([1e4, 2 * exp(-40)], rel=1e-12)


def test_log_sum_exp_has_no_limit():
    with pytest.raises(ValueError, match="pass a finite k"):
        LogSumExp(1).expectation(torch.zeros(2), torch.zeros(2))


def test_hardest_triplet_of_one_negative_is_the_triplet():
    v = arguments(k=1)
    torch.testing.assert_close(HardestTriplet(0.7)(v), Triplet(0.7)(v))


@pytest.mark.parametrize("psi", [MeanExp(), HardestTriplet(0.5)], ids=repr)
def test_the_expectation_is_the_limit_of_many_negatives(psi):
    """Of two values, drawn ever more often; impossible ones do not count."""
    v = torch.tensor([0.3, -0.8, 5.0], dtype=torch.float64)
    log_p = torch.tensor([0.25, 0.75, 0.0], dtype=torch.float64).log()
    many = torch.cat([v[:1].expand(250), v[1:2].expand(750)])
    torch.testing.assert_close(psi.expectation(v, log_p), psi(many))


def test_the_hardest_triplet_grows_with_k_to_its_limit():
    z = torch.randn(4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) / 3
    population = independent(torch.tensor([0, 0, 1, 1]))
    values = [float(exact_loss(z, population, supervised=False, k=k, psi=HardestTriplet(1))) for k in (1, 2, 4, 7)]
    limit = float(exact_loss(z, population, supervised=False, psi=HardestTriplet(1)))
    assert values == sorted(values) and values[-1] < limit < values[-1] + 0.2


@pytest.mark.parametrize("bad", [0.0, -1.0, float("inf"), float("nan")])
def test_bad_parameters_are_refused(bad):
    with pytest.raises(ValueError, match="alpha must be a finite number > 0"):
        LogSumExp(bad)
    for kind in (Triplet, HardestTriplet):
        with pytest.raises(ValueError, match="margin must be a finite number > 0"):
            kind(bad)


@pytest.mark.parametrize("reduction", ["anchor", "pair"])
@pytest.mark.parametrize("per", ["pair", "anchor"])
@pytest.mark.parametrize("alpha", [1.0, 7.0])
def test_the_sum_in_place_of_the_mean_is_what_a_loop_over_its_draws_says(alpha, per, reduction):
    """log(alpha + sum) from one number a set of draws, in value and gradient, and the same path by the negatives."""

    @dataclass(frozen=True)
    class ByNegatives:
        def __call__(self, v):
            return LogSumExp(alpha)(v)

    z = F.normalize(torch.randn(7, 3, generator=seeded(0), dtype=torch.float64), dim=-1).requires_grad_()
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2])
    sets = 3 if per == "pair" else 1
    uniforms = torch.rand(7, sets, 4, generator=seeded(1), dtype=torch.float64)
    draw = Drawn(4, per, max_positives=sets, uniforms=uniforms)
    options = {"supervised": False, "sampling": draw, "reduction": reduction}
    ours = contrastive_loss(z, labels, psi=LogSumExp(alpha), **options)
    (gradient,) = torch.autograd.grad(ours, z)
    slow = contrastive_loss(z, labels, psi=ByNegatives(), **options)
    assert torch.allclose(ours, slow) and torch.allclose(gradient, torch.autograd.grad(slow, z)[0])

    drawn = (uniforms * 7).long().sort(-1).values  # of equal probabilities
    values = [[] for _ in range(7)]
    for i in range(7):
        for rank, j in enumerate((labels == labels[i]).nonzero()[:, 0].tolist()):
            chosen = drawn[i, rank if per == "pair" else 0].tolist()
            total = sum(exp(float(z[i].detach() @ (z[m] - z[j]).detach())) for m in chosen)
            values[i].append(log(alpha + total))
    anchors = [sum(of) / len(of) for of in values]
    pairs = [value for of in values for value in of]
    by_hand = sum(anchors) / 7 if reduction == "anchor" else sum(pairs) / len(pairs)
    assert float(ours) == pytest.approx(by_hand, abs=1e-12)


def test_a_function_of_the_level_is_the_function_of_the_numbers():
    v = torch.randn(5, 6, generator=seeded(2), dtype=torch.float64)
    for psi in (InfoNCE(), LogSumExp(1.0), LogSumExp(6.0)):
        assert torch.allclose(psi.of_level(log_mean_exp(v), 6), psi(v))
