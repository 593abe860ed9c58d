"""The page on why hard negatives help: its tables, and claims that can fail, on both sides of each constant."""

from functools import cache

import pandas as pd
import pytest

from hcl.companion import mechanism as tables
from hcl.companion import registry
from hcl.companion.claims import CLAIMS
from hcl.companion.claims import mechanism as claims
from hcl.companion.claims.mechanism import EQUAL, MECHANISM, NEGLECTED, TOLERANCE
from hcl.companion.verdicts import judge

SMALL = ((4, 2), (10, 5), (10, 1))
TABLES = {
    "tilt": (claims.tilt, tables.tilt_table),
    "escape": (claims.escape, lambda: tables.escape_table(0, SMALL)),
    "classes": (claims.more_classes, lambda: tables.escape_table(0, SMALL)),
    "point": (claims.one_point, lambda: tables.escape_table(0, SMALL)),
    "slowed": (claims.slowed, lambda: _spread()),
    "moderate": (claims.moderate, lambda: _spread()),
}


@cache
def _spread():
    return tables.spread_table(20)


def status(name, change=lambda table: table):
    parts, compute = TABLES[name]
    return judge(parts(change(compute().astype(float).sort_index()))).status


@pytest.mark.slow  # 100 classes: half a minute
@pytest.mark.parametrize("claim", MECHANISM, ids=lambda claim: claim.name)
def test_what_is_claimed_is_so(claim):
    verdict = claim.check(None)
    assert verdict.status == "reproduced", verdict.measured


@pytest.mark.parametrize("name", TABLES)
def test_what_is_claimed_is_so_of_fewer_classes(name):
    assert status(name) == "reproduced"


def test_the_claims_stand_beyond_the_paper_and_need_no_run():
    figure = registry.FIGURES["mechanism"]
    assert figure.part == registry.BEYOND and figure.dataset is None and not figure.work
    assert [claim for claim in CLAIMS if claim.figure == "mechanism"] == list(MECHANISM)
    assert {claim.name.removeprefix("mechanism-") for claim in MECHANISM} == set(TABLES)


@pytest.mark.parametrize("factor", [1 - 1.2 * TOLERANCE, 1 + 1.2 * TOLERANCE, 1 + 0.8 * TOLERANCE])
def test_steps_are_those_predicted_to_a_tenth(factor):
    def counted(table):
        table["counted steps"] = (table["predicted steps"] * factor).where(
            table.index.get_level_values("β") == 5, table["predicted steps"]
        )
        return table

    assert status("escape", counted) == ("reproduced" if abs(factor - 1) < TOLERANCE else "not reproduced")


def test_a_rate_that_is_wrong_by_a_fifth_is_seen():
    def slower(table):
        table["predicted steps"] *= 1.2
        return table

    assert status("escape", slower) == "not reproduced"


@pytest.mark.parametrize(("factor", "expected"), [(1 - TOLERANCE, "not reproduced"), (1 + 2 * TOLERANCE, "reproduced")])
def test_hardness_must_do_more_for_more_classes(factor, expected):
    def gains(table):
        few = table.loc[(4, 2), "counted steps"]
        gain = few.iloc[0] / few.iloc[-1]
        table.loc[(10, 5, 0.0), "counted steps"] = factor * gain * table.loc[(10, 5, 30.0), "counted steps"]
        return table

    assert status("classes", gains) == expected


@pytest.mark.parametrize(("factor", "expected"), [(1 + 2 * EQUAL, "not reproduced"), (1 + EQUAL / 2, "reproduced")])
def test_one_point_is_left_as_fast_at_every_hardness(factor, expected):
    def other(table):
        table.loc[(10, 1, 0.0), "counted steps"] = factor * table.loc[(10, 1, 30.0), "counted steps"]
        return table

    assert status("point", other) == expected


@pytest.mark.parametrize(("error", "expected"), [(2.0, "not reproduced"), (8.0, "not reproduced"), (4.3, "reproduced")])
def test_an_error_of_another_order_is_no_first_order(error, expected):
    assert status("tilt", lambda table: table.assign(**{"error at twice the tilt": error})) == expected


@pytest.mark.parametrize(("factor", "held"), [(1 + 1.2 * NEGLECTED, False), (1 + 0.8 * NEGLECTED, True)])
def test_a_spread_slows_by_the_predicted_factor(factor, held):
    def off(table):
        table["rate"] = table["predicted"]
        table.loc[(5.0, 0.05), "rate"] *= factor if factor < 1.2 else 1 / (2 - factor)
        return table

    assert status("slowed", off) == ("reproduced" if held else "partly")

    def not_slower(table):
        return table.assign(rate=1.0, predicted=1.0)

    assert status("slowed", not_slower) == "not reproduced"


def test_the_fastest_hardness_has_to_move():
    def same(table):
        still = table.xs(0.0, level="variance")["rate"]
        table["rate"] = [float(still[beta]) for beta in table.index.get_level_values("β")]
        return table

    assert status("moderate", same) == "partly"


def test_rates_by_points_fall_without_hardness_and_rise_with_it():
    table = tables.rank_table()
    assert list(table.index) == list(tables.POINTS) and all(100 % k == 0 for k in tables.POINTS)
    assert table[0.0].is_monotonic_decreasing and table[30.0].is_monotonic_increasing
    pd.testing.assert_index_equal(table.columns, pd.Index(tables.BETAS))
