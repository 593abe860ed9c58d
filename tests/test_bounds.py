"""Lower bounds of Theorems 2 and 3."""

import itertools
import math
from math import exp, log, log1p

import pytest
import torch

from hcl.bounds import scl_lower_bound, simclr_lower_bound, ucl_batch_value, ucl_lower_bound
from hcl.geometry import simplex_etf
from hcl.hardening import Exponential
from hcl.losses import contrastive_loss, simclr_loss
from hcl.psi import HardestTriplet, InfoNCE, LogSumExp, MeanExp, Triplet
from hcl.sampling import Exact


def info_nce(v):
    return log(1 + sum(exp(x) for x in v) / len(v))


def enumerated_ucl_bound(num_classes, k, psi):
    """Eq. (30), term by term."""
    total = 0.0
    for y, *others in itertools.product(range(num_classes), repeat=k + 1):
        total += psi([-num_classes / (num_classes - 1) * (other != y) for other in others])
    return total / num_classes ** (k + 1)


@pytest.mark.parametrize(("num_classes", "value"), [(3, 0.201413), (10, 0.284572), (100, 0.310555), (200, 0.311913)])
def test_scl_bound_has_the_known_values(num_classes, value):
    """targets.md; the paper prints .2014 and .3105 (D41)."""
    assert round(scl_lower_bound(num_classes), 6) == value


@pytest.mark.parametrize(("num_classes", "value"), [(3, 0.393332), (10, 0.333767), (100, 0.315201), (200, 0.314228)])
def test_ucl_bound_has_the_known_values_at_k_256(num_classes, value):
    assert round(ucl_lower_bound(num_classes, 256), 6) == value


def test_ucl_bound_of_three_classes_in_the_limit_is_what_the_paper_prints():
    """D42: .3935 is the k -> infinity value."""
    assert round(ucl_lower_bound(3, None), 6) == 0.393451


@pytest.mark.parametrize(("k", "value"), [(32, 0.31517), (256, 0.31520), (512, 0.31520)])
def test_ucl_bound_hardly_depends_on_k(k, value):
    """D32."""
    assert round(ucl_lower_bound(100, k), 5) == value


@pytest.mark.parametrize("k", [1, 2, 256, 1000, None])
def test_scl_bound_does_not_depend_on_k(k):
    assert scl_lower_bound(7, k) == pytest.approx(log1p(exp(-7 / 6)), abs=1e-14)


@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_ucl_bound_with_one_negative_by_hand(num_classes):
    other = log1p(exp(-num_classes / (num_classes - 1)))
    assert ucl_lower_bound(num_classes, 1) == pytest.approx(log(2) / num_classes + (1 - 1 / num_classes) * other)


@pytest.mark.parametrize(("num_classes", "k"), [(2, 1), (2, 5), (3, 3), (4, 2), (5, 4)])
def test_ucl_bound_equals_the_enumeration_of_equation_30(num_classes, k):
    assert ucl_lower_bound(num_classes, k) == pytest.approx(enumerated_ucl_bound(num_classes, k, info_nce), abs=1e-13)


@pytest.mark.parametrize("margin", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("num_classes", [2, 3, 10])
def test_triplet_bounds_by_hand(num_classes, margin):
    psi, other = Triplet(margin), max(margin - num_classes / (num_classes - 1), 0.0)
    for k in (1, None):
        assert scl_lower_bound(num_classes, k, psi) == pytest.approx(other)
        expected = margin / num_classes + (1 - 1 / num_classes) * other
        assert ucl_lower_bound(num_classes, k, psi) == pytest.approx(expected)
    assert ucl_lower_bound(num_classes, 1, psi) == pytest.approx(
        enumerated_ucl_bound(num_classes, 1, lambda v: max(v[0] + margin, 0.0))
    )


def test_a_custom_psi_is_used():
    class Mean:
        def __call__(self, v):
            return v.mean(-1)

    assert scl_lower_bound(3, 5, Mean()) == pytest.approx(-1.5)
    assert ucl_lower_bound(3, 5, Mean()) == pytest.approx(-1)


@pytest.mark.parametrize("k", [1, 16, 256, None])
def test_ucl_bound_lies_above_the_scl_bound(k):
    for num_classes in (2, 3, 10, 100):
        assert ucl_lower_bound(num_classes, k) > scl_lower_bound(num_classes, k)


def test_ucl_bound_grows_with_k_to_its_limit():
    values = [ucl_lower_bound(3, k) for k in (1, 2, 4, 16, 64, 256, 1024)]
    assert values == sorted(values) and values[-1] < ucl_lower_bound(3, None)
    assert ucl_lower_bound(3, 1024) == pytest.approx(ucl_lower_bound(3, None), abs=1e-4)


def test_both_bounds_tend_to_the_same_value_for_many_classes():
    limit = log1p(exp(-1))
    scl = [scl_lower_bound(c) for c in (2, 3, 10, 100, 10_000)]
    ucl = [ucl_lower_bound(c) for c in (2, 3, 10, 100, 10_000)]
    assert scl == sorted(scl) and scl[-1] < limit
    assert ucl == sorted(ucl, reverse=True) and ucl[-1] > limit
    assert scl[-1] == pytest.approx(limit, abs=1e-4) and ucl[-1] == pytest.approx(limit, abs=1e-4)


@pytest.mark.parametrize("bound", [scl_lower_bound, ucl_lower_bound])
def test_bad_arguments_are_refused(bound):
    with pytest.raises(ValueError, match="num_classes must be >= 2, got 1"):
        bound(1)
    for k in (0, -1):
        with pytest.raises(ValueError, match=f"k must be >= 1, or None for the limit, got {k}"):
            bound(3, k)
    with pytest.raises(ValueError, match="pass k=1"):
        bound(3, 2, Triplet(1.0))


@pytest.mark.parametrize("margin", [0.0, -1.0, float("inf"), float("nan")])
def test_triplet_refuses_a_bad_margin(margin):
    with pytest.raises(ValueError, match="margin must be a finite number > 0"):
        Triplet(margin)


def test_info_nce_neither_overflows_nor_loses_small_values():
    """D9."""
    v = torch.tensor([[1e4, 0.0], [-1e4, -1e4], [-40.0, -40.0]], dtype=torch.float64)
    assert InfoNCE()(v).tolist() == pytest.approx([1e4 - log(2), 0, exp(-40)], rel=1e-12)


def test_info_nce_expectation_is_its_value_for_equally_likely_negatives():
    v = torch.randn(4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(InfoNCE().expectation(v, torch.full_like(v, -log(5))), InfoNCE()(v))


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize(
    ("psi", "plain"),
    [
        (LogSumExp(0.1), lambda v: log(0.1 + sum(map(exp, v)))),
        (LogSumExp(10), lambda v: log(10 + sum(map(exp, v)))),
        (MeanExp(), lambda v: sum(map(exp, v)) / len(v)),
        (HardestTriplet(1.6), lambda v: max(max(v) + 1.6, 0.0)),
    ],
)
def test_bounds_of_every_psi_equal_the_enumeration_of_equation_30(psi, plain, k):
    assert scl_lower_bound(3, k, psi) == pytest.approx(plain([-1.5] * k))
    assert ucl_lower_bound(3, k, psi) == pytest.approx(enumerated_ucl_bound(3, k, plain))


def test_alpha_shifts_the_bounds_by_log_k():
    """D10: alpha = k."""
    for bound in (scl_lower_bound, ucl_lower_bound):
        assert bound(5, 4, LogSumExp(4)) == pytest.approx(bound(5, 4) + log(4))


@pytest.mark.parametrize(("reduction", "value"), [("anchor", 0.3161), ("pair", 0.3168)])
def test_value_of_ucl_in_batches_is_the_known_one(reduction, value):
    """D43: C = 100, B = 512, k = 256, beside the bound .3152."""
    assert round(ucl_batch_value(100, 512, 256, reduction), 4) == value


@pytest.mark.parametrize("k", [2, None])
@pytest.mark.parametrize("reduction", ["anchor", "pair"])
def test_value_of_ucl_in_batches_is_the_mean_over_all_labels(reduction, k):
    """Every assignment of 3 classes to a batch of 4 at Neural-Collapse, anchor by anchor and pair by pair."""
    other, total, weights = exp(-1.5), 0.0, 0.0
    for labels in itertools.product(range(3), repeat=4):
        for y in labels:
            count = labels.count(y)
            share = count / 4
            if k is None:
                value = log1p(share + (1 - share) * other)
            else:
                value = sum(
                    share ** draws.count(True) * (1 - share) ** draws.count(False)
                    * log1p(sum(1.0 if same else other for same in draws) / k)
                    for draws in itertools.product([True, False], repeat=k)
                )  # fmt: skip
            weight = count if reduction == "pair" else 1
            total, weights = total + weight * value, weights + weight
    assert ucl_batch_value(3, 4, k, reduction) == pytest.approx(total / weights, abs=1e-13)


def test_value_of_ucl_in_batches_falls_to_the_bound_of_the_population():
    values = [ucl_batch_value(10, b, None) for b in (1, 8, 64, 512, 4096)]
    assert values[0] == pytest.approx(log(2))  # the anchor is its only negative
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(ucl_lower_bound(10, None), abs=2e-4) and values[-1] > ucl_lower_bound(10, None)


def test_bad_batches_are_refused():
    with pytest.raises(ValueError, match="batch_size must be >= 1, got 0"):
        ucl_batch_value(3, 0)
    with pytest.raises(ValueError, match="'anchor' or 'pair', got 'item'"):
        ucl_batch_value(3, 4, reduction="item")
    with pytest.raises(ValueError, match="k must be >= 1"):
        ucl_batch_value(3, 4, 0)
    with pytest.raises(ValueError, match="num_classes must be >= 2"):
        ucl_batch_value(1, 4)


@pytest.mark.parametrize(("weight", "value"), [(1, 0.3106), (510, 5.2297), (1022, 5.9221)])
def test_simclr_bound_has_the_known_values(weight, value):
    """D13: 5.230 and 5.922; Q = 1 is Theorem 2."""
    assert simclr_lower_bound(100, weight) == pytest.approx(log(1 + weight * exp(-100 / 99)), abs=1e-12)
    assert round(simclr_lower_bound(100, weight), 4) == value


@pytest.mark.parametrize("num_classes", [2, 5, 100])
def test_simclr_bound_at_weight_1_is_theorem_2_or_3(num_classes):
    assert simclr_lower_bound(num_classes, 1) == pytest.approx(scl_lower_bound(num_classes, None))
    assert simclr_lower_bound(num_classes, 1, supervised=False) == pytest.approx(ucl_lower_bound(num_classes, None))
    assert simclr_lower_bound(num_classes, 0) == 0


@pytest.mark.parametrize("hardening", [None, Exponential(5)])
def test_supervised_simclr_loss_is_at_its_bound_at_an_etf_and_above_it_elsewhere(hardening):
    etf, labels = simplex_etf(5, 4), torch.arange(5)
    own = simclr_lower_bound(5, 2 * 5 - 2)
    assert float(simclr_loss(etf, etf, labels, hardening=hardening)) == pytest.approx(own, abs=1e-12)
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        z, z_pos = torch.nn.functional.normalize(torch.randn(2, 5, 4, generator=generator, dtype=torch.float64), dim=-1)
        assert float(simclr_loss(z, z_pos, labels, hardening=hardening)) > own


def test_a_negative_weight_is_refused():
    for bad in (-1, float("nan")):
        with pytest.raises(ValueError, match="weight"):
            simclr_lower_bound(3, bad)
    with pytest.raises(ValueError, match="num_classes must be >= 2"):
        simclr_lower_bound(1, 2)


def test_the_limit_of_ucl_is_right_to_float64():
    other, separation = 1 - 1 / 7, -7 / 6
    expected = log1p((1 - other) + other * exp(separation))
    assert ucl_lower_bound(7, None) == pytest.approx(expected, rel=1e-14)


# A temperature


@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.1])
def test_bounds_at_a_temperature_are_the_losses_of_an_etf_at_it(temperature):
    """Two items a class of four, so that a class has its share of the negatives of an anchor, the anchor among them."""
    labels = torch.arange(8) % 4
    z = simplex_etf(4, 5)[labels].double()

    def loss(supervised):
        return float(contrastive_loss(z, labels, supervised=supervised, sampling=Exact(), temperature=temperature))

    assert loss(True) == pytest.approx(scl_lower_bound(4, temperature=temperature), abs=1e-12)
    assert loss(False) == pytest.approx(ucl_lower_bound(4, None, temperature=temperature), abs=1e-12)
    of_views = float(simclr_loss(z, z, labels, temperature=temperature, weight=3.0))
    assert of_views == pytest.approx(simclr_lower_bound(4, 3.0, temperature=temperature), abs=1e-12)
    assert ucl_lower_bound(4, 2, temperature=temperature) == pytest.approx(
        enumerated_ucl_bound(4, 2, lambda v: info_nce([x / temperature for x in v])), abs=1e-12
    )


@pytest.mark.parametrize("reduction", ["anchor", "pair"])
def test_the_batch_value_at_a_temperature_is_the_mean_over_all_batches(reduction):
    etf = simplex_etf(3, 2).double()
    values, weights = [], []
    for labels in itertools.product(range(3), repeat=4):
        z, of = etf[list(labels)], torch.tensor(labels)
        loss = contrastive_loss(
            z, of, supervised=False, sampling=Exact(), reduction=reduction, temperature=0.5, psi=InfoNCE()
        )
        values.append(float(loss))
        weights.append(int((of[:, None] == of).sum()) if reduction == "pair" else 4)
    mean = sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)
    assert ucl_batch_value(3, 4, None, reduction, temperature=0.5) == pytest.approx(mean, abs=1e-12)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_bounds_refuse_a_temperature_that_a_loss_refuses(temperature):
    for bound in (
        lambda: scl_lower_bound(4, temperature=temperature),
        lambda: ucl_lower_bound(4, temperature=temperature),
        lambda: ucl_batch_value(4, 8, temperature=temperature),
        lambda: simclr_lower_bound(4, 3.0, temperature=temperature),
    ):
        with pytest.raises(ValueError, match="temperature must be a finite number > 0"):
            bound()
