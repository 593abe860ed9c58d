import itertools
import re
from math import exp, log

import pytest
import torch

from hcl.companion import slips
from hcl.companion.points import of_kind
from hcl.companion.slips import SLIPS
from hcl.companion.slips_experiments import EXPERIMENTS
from hcl.companion.slips_theory import THEORY


def numbers(name):
    return [float(found.replace(",", "")) for found in re.findall(r"[\d.]+e[-+]\d+|\d+(?:,\d{3})*(?:\.\d+)?", name)]


@pytest.fixture(scope="module")
def table():
    return slips.slips()


def test_every_slip_has_a_row_without_gaps_or_markup(table):
    assert list(table.index) == [f"P{n}" for n in range(1, 18)] == list(SLIPS)
    assert list(table.columns) == ["place", "printed", "correct", "check", "number"]
    assert table.map(bool).all(axis=None)
    assert not table.map(lambda text: "<" in text or "&" in text).any(axis=None)


@pytest.mark.parametrize(
    ("slip", "expected"),
    [
        ("P1", [0.01, 0.0001]),
        ("P2", [0.5, 1.0, log(1 + exp(-4 / 3)) / 2, log(1 + exp(-4 / 3))]),
        ("P5", [99]),
        ("P6", [5.922, 5.230, 0.3106]),  # D13
        ("P9", [100, 40, 80, 100, 16, 32]),  # A100, V100
        ("P10", [120_000, 100_000]),
        ("P15", [64, 0.63, 53, 32, 0.31, 73]),
    ],
)
def test_numbers_are_those_found_independently(table, slip, expected):
    assert numbers(table.loc[slip, "number"]) == pytest.approx(expected, abs=6e-4 if slip == "P6" else 6e-6)


def test_p3_counterexample_and_equal_weights(table):
    """fidelity.md P3: log(1 + e^-2) = .12693 below .23396, and 48 pairs of weight 1/48."""
    below, at, above, least, pairs, *weights = numbers(table.loc["P3", "number"])
    assert (below, at) == pytest.approx((log(1 + exp(-2)), 0.23396), abs=6e-6)
    assert above > least == at
    assert (pairs, weights) == (48, [1, 48, 1, 48])


def test_pair_weights_are_what_the_loss_weighs_negatives_with():
    """For small z the gradient of the mean loss in s_ij is half the weight, were positives absent."""
    labels = torch.arange(4).repeat_interleave(2)
    weights = slips.pair_weights(labels, 4)
    other = labels[:, None] != labels
    torch.testing.assert_close(weights, other / 48.0, check_dtype=False)
    batches = list(itertools.combinations(range(8), 4))
    generator = torch.Generator().manual_seed(0)
    z = (1e-4 * torch.randn(8, 3, generator=generator, dtype=torch.float64)).requires_grad_()
    (gradient,) = torch.autograd.grad(slips.batched_loss(z, labels, batches).mean(), z)
    positive = torch.zeros(8, 8, dtype=torch.float64)
    for batch in batches:
        part = torch.tensor(batch)
        same = (labels[part][:, None] == labels[part]).double()
        positive[part[:, None], part] += same / same.sum(1, keepdim=True) / 4 / len(batches)
    pull = weights - positive
    torch.testing.assert_close(gradient, 0.5 * (pull + pull.T) @ z.detach(), rtol=1e-3, atol=1e-12)


def test_pair_weights_of_uneven_batches_sum_to_one():
    labels = torch.tensor([0, 0, 0, 1, 2])
    assert slips.pair_weights(labels, 4).sum() == pytest.approx(1)


def test_p4_dependent_pairs_go_below_the_bound_and_independent_ones_do_not(table):
    """By hand: t = 1 for the pair, 1 for one negative of 12, -1/11 for the others."""
    dependent, bound, independent = numbers(table.loc["P4", "number"])
    assert dependent == pytest.approx(log(1 + (1 + 11 * exp(-12 / 11)) / 12), abs=6e-5)
    assert bound == pytest.approx(0.393451, abs=6e-5)  # D42
    rest = log(1 + (exp(1 + 1 / 11) + 11) / 12)
    assert independent == pytest.approx(log(1 + (1 + 11 * exp(-12 / 11)) / 12) / 4 + 0.75 * rest, abs=6e-5)
    assert dependent < bound < independent


def test_p7_collision_and_mass_in_closed_form(table):
    odds = exp(10 * 100 / 99) / 99
    collision, mass = numbers(table.loc["P7", "number"])
    assert collision == pytest.approx(odds / (1 + odds), abs=6e-5)
    assert mass == pytest.approx(1 / (0.99 * (1 + odds)), abs=6e-5)


def test_p8_bounds_hold_at_one_negative(table):
    scl, ucl, *triplet = numbers(table.loc["P8", "number"])
    far = -100 / 99
    assert scl == pytest.approx(log(1 + exp(far)), abs=6e-5)
    assert ucl == pytest.approx(0.01 * log(2) + 0.99 * log(1 + exp(far)), abs=6e-5)
    assert triplet == pytest.approx([1.5 + far, 0.015 + 0.99 * (1.5 + far)] * 2, abs=6e-5)


def test_p11_hscl_stays_at_its_bound_and_hucl_rises(table):
    farthest, *hucl = numbers(table.loc["P11", "number"])
    assert farthest < 1e-12
    odds = [exp(beta * 100 / 99) / 99 for beta in (0, 2, 5, 10, 30)]
    assert hucl == pytest.approx([log(1 + (o + exp(-100 / 99)) / (1 + o)) for o in odds], abs=6e-5)
    assert hucl == sorted(hucl)


def test_p12_only_an_etf_or_a_point_fits(table):
    """By hand: Gram eigenvalues 1 - r (99 times) and 1 + 99 r."""
    fit, first, second, *rest = numbers(table.loc["P12", "number"])
    assert (fit, first, second) == (2, 0.0101, 1)
    assert rest == [99, 1, 0, 100, 100]


def test_p13_no_negative_lies_at_its_anchor(table):
    share, distance = numbers(table.loc["P13", "number"])
    assert share == 0 and distance == pytest.approx((2 * 100 / 99) ** 0.5, abs=6e-5)


def test_p14_items_are_on_the_sphere_and_class_means_well_within(table):
    """Unit noise beside a unit mean: the norm of the class mean is near E cos, 1/sqrt(2)."""
    farthest, metric = numbers(table.loc["P14", "number"])
    assert farthest < 1e-12 and metric == pytest.approx(1 - 0.5**0.5, abs=0.01)


def test_p16_counts_the_steps_of_the_printed_table(table):
    *above, worse, steps = numbers(table.loc["P16", "number"])
    printed = [0.3384, 0.3603, 0.3106, 0.3107, 0.3222]
    assert above == pytest.approx([value - log(1 + exp(-100 / 99)) for value in printed], abs=6e-5)
    assert (worse, steps) == (3, 4)


def test_p17_remark_2_fails_for_own_positives_in_closed_form(table):
    """By hand: offsets of +-1 add 1 to the inner product of an item with itself, and nothing to any other class's."""
    norm, own, bound, free = numbers(table.loc["P17", "number"])
    assert (norm, own) == pytest.approx((1, log(1 + exp(-4 / 3 - 1))), abs=6e-5)
    assert bound == pytest.approx(log(1 + exp(-4 / 3)), abs=6e-5)
    half = (log(1 + exp(-4 / 3 - 1)) + log(1 + exp(-4 / 3 + 1))) / 2  # the positive is either item of the class
    assert free == pytest.approx(half, abs=6e-5) and own < bound < free


def test_every_slip_is_computed_in_one_place():
    both = [*THEORY, *EXPERIMENTS]
    assert len(both) == len(set(both)) and set(both) == set(of_kind("P"))
