"""Collisions and coverage of k negatives: against every sequence of classes, closed forms and a sum."""

from itertools import product
from math import comb, prod

import pytest

from hcl import coverage

WEIGHTS = [(1, 1, 1), (5, 1, 1), (4, 2, 1), (0.1, 0.1, 0.4, 0.4)]


def over_sequences(weights, k, value):
    """The mean of a function of the anchor's class and the classes of k negatives, by enumeration."""
    rho = [w / sum(weights) for w in weights]
    return sum(
        rho[c] * prod(rho[i] for i in drawn) * value(c, drawn)
        for c in range(len(rho))
        for drawn in product(range(len(rho)), repeat=k)
    )


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("k", [1, 2, 5])
def test_all_is_as_every_sequence_of_classes_says(weights, k):
    count = len(weights)
    for ours, value in (
        (coverage.collided, lambda c, drawn: c in drawn),
        (coverage.collisions, lambda c, drawn: drawn.count(c)),
        (coverage.seen, lambda c, drawn: len(set(drawn)) / count),
        (coverage.covered, lambda c, drawn: len(set(drawn)) == count),
    ):
        assert ours(weights, k) == pytest.approx(over_sequences(weights, k, value), abs=1e-12), ours


def test_equal_weights_have_the_closed_forms_of_coupons():
    for count in (2, 10, 100):
        assert coverage.batches_to_cover([3.0] * count, 1) == pytest.approx(
            count * sum(1 / i for i in range(1, count + 1)), rel=1e-9
        )
    stirling = sum((-1) ** j * comb(10, j) * (1 - j / 10) ** 30 for j in range(11))
    assert coverage.covered([1] * 10, 30) == pytest.approx(stirling, abs=1e-10)
    assert coverage.collided([1] * 10, 7) == pytest.approx(1 - 0.9**7)
    assert coverage.collisions([1] * 10, 7) == pytest.approx(0.7)


@pytest.mark.parametrize("weights", [(1, 1, 1), (6, 2, 1, 1)])
@pytest.mark.parametrize("k", [1, 3, 8])
def test_the_number_of_sets_is_the_sum_of_the_chances_that_more_are_needed(weights, k):
    needed = 1 + sum(1 - coverage.covered(weights, m * k) for m in range(1, 600))
    assert coverage.batches_to_cover(weights, k) == pytest.approx(needed, abs=1e-9)


def test_one_class_is_covered_at_once_and_many_negatives_cover_in_one_set():
    assert coverage.batches_to_cover([2.0], 1) == 1
    assert 1 <= coverage.batches_to_cover([1] * 9, 512) < 1 + 1e-9
    assert coverage.covered([1] * 3, 2) == 0 and coverage.collided([1, 1], 2000) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coverage.shares([1.0]), "two or more"),
        (lambda: coverage.shares([1.0, 0.0]), "> 0"),
        (lambda: coverage.shares([1.0, float("inf")]), "finite"),
        (lambda: coverage.covered([1, 1], 0), "k must be >= 1, got 0"),
        (lambda: coverage.batches_to_cover([1, 1], 0), "k must be >= 1"),
        (lambda: coverage.covered(range(1, 15), 3), "16,384 states, more than 5,000"),
    ],
)
def test_what_cannot_be_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
