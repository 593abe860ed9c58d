"""Which settings a page names as closest to Neural-Collapse: by the rule of the verdicts."""

import pandas as pd
import pytest

from hcl.companion import study as studies
from hcl.companion.closest import closest
from hcl.training.runs import Run


def made_up(spec, value, moves=0.0):
    """A run whose equal inner-product metric ends at a value, from which it moved by so much an evaluation."""
    epochs = range(0, spec.epochs + 1, spec.epochs // 20)
    history = pd.DataFrame(
        {
            "epoch": epochs, "zero_sum": 0.1, "clusters": 10.0, "effective_rank": 8.0,
            "equal_inner_product": [value + moves * (len(epochs) - 3 - i) for i in range(len(epochs))],
        }
    )  # fmt: skip
    return Run(spec, history, {}, {})


def runs(*values, seeds=(0,), spread=0.0):
    """SCL, HSCL with 2, 5, 10, 30 and these values, plus the spread times the seed."""
    specs = studies.study("fig05", "laptop", seeds=list(seeds)).specs
    level = dict(zip((0, 2, 5, 10, 30), values, strict=False))
    return [made_up(s, level[s.hardness] + spread * s.seed) for s in specs if s.supervised and s.hardness in level]


def names(table):
    return list(table.index[table["closest"]])


def test_what_other_seeds_could_turn_is_as_close():
    """Three seeds apart by .01: two means of three differ by up to 2.78 * sqrt(2 / 3) * .01 = .0227 by chance."""
    table = closest(runs(0.02, 0.0, 0.05, 0.2, seeds=(0, 1, 2), spread=0.01))
    assert list(table.index) == ["HSCL, β = 2", "SCL", "HSCL, β = 5", "HSCL, β = 10"]
    assert names(table) == ["HSCL, β = 2", "SCL"]
    assert table.loc["SCL", "words"] == "SCL (0.030, 10 clusters, effective rank 8)"
    assert table.loc["SCL", "equal_inner_product"] == pytest.approx(0.03)


def test_of_one_seed_another_figures_seeds_tell_or_else_twice_the_least_does():
    one = runs(0.06, 0.05, 0.11)
    assert names(closest(one)) == ["HSCL, β = 2", "SCL"], "less than twice .05 may be chance"
    reference = runs(0.3, 0.2, seeds=(0, 1, 2), spread=0.0001)
    assert names(closest(one, reference)) == ["HSCL, β = 2"]


def test_what_still_moves_towards_the_best_is_not_told_from_it():
    still = runs(0.05, 0.11)
    assert names(closest(still)) == ["SCL"]
    moving = [still[0], made_up(still[1].spec, 0.11, moves=0.01)]
    assert names(closest(moving)) == ["SCL", "HSCL, β = 2"]


def test_what_is_written_alike_is_as_close():
    exact = runs(0.0401, 0.0397, 0.0399)
    reference = runs(0.3, 0.2, seeds=(0, 1, 2), spread=1e-7)
    assert len(names(closest(exact, reference))) == 3
