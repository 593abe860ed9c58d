"""What changes from epoch to epoch: ends, closed forms, and that nothing changes where nothing is asked for."""

from itertools import pairwise
from math import cos, pi

import pytest

from hcl.training.schedule import hardness_in, lr_in


@pytest.mark.parametrize(("first", "last"), [(0.0, 10.0), (10.0, 0.0), (2.0, 3.0), (0.1, 0.3)])
@pytest.mark.parametrize("epochs", [2, 3, 600])
def test_hardness_runs_on_a_line_between_its_ends(first, last, epochs):
    values = [hardness_in(epoch, epochs, first, last) for epoch in range(1, epochs + 1)]
    assert values[0] == first and values[-1] == last
    steps = [b - a for a, b in pairwise(values)]
    assert steps == pytest.approx([(last - first) / (epochs - 1)] * (epochs - 1))
    assert hardness_in(0, epochs, first, last) == first


def test_a_constant_hardness_is_returned_to_the_bit():
    assert all(hardness_in(epoch, 7, 0.1, None) == 0.1 for epoch in range(8))
    assert hardness_in(1, 1, 3.0, 5.0) == 3.0


def test_learning_rates_are_those_of_their_formulas():
    assert [lr_in(epoch, 8, 0.1, "none") for epoch in range(1, 9)] == [0.1] * 8
    cosine = [lr_in(epoch, 8, 0.1, "cosine") for epoch in range(1, 9)]
    assert cosine == pytest.approx([0.05 * (1 + cos(pi * i / 8)) for i in range(8)])
    assert cosine[0] == 0.1 and cosine[-1] > 0
    step = [lr_in(epoch, 8, 1.0, "step") for epoch in range(1, 9)]
    assert step == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    assert lr_in(1, 1, 0.1, "cosine") == lr_in(1, 1, 0.1, "step") == 0.1
