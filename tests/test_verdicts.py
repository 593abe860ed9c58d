"""Parts of claims and what they come to: each constant from both sides, what moves, what seeds do."""

from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pandas as pd
import pytest

from hcl.companion import statements, verdicts
from hcl.companion.compare import compare, part, written
from hcl.companion.evidence import Evidence, Setting, movement, select
from hcl.companion.limits import LIMITS, Limits, varied
from hcl.companion.verdicts import Part, Verdict, judge
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

HARDNESS = (0.0, 2.0, 5.0, 10.0, 30.0)
AT_NC = {
    "zero_sum": 0.0, "unit_norm": 0.0, "equal_inner_product": 0.0, "effective_rank": 9.0, "clusters": 10.0,
    "least_distance": 1.49, "within_class": 0.01, "loss": 0.3, "test_accuracy": 0.5, "rank": 9.0,
}  # fmt: skip


def spec(hardness: float = 5.0, seed: int = 0, **changes) -> RunSpec:
    return RunSpec(**{"dataset": "cifar10", "supervised": True, "hardness": hardness, "seed": seed, **changes})


def run(of: RunSpec, **metrics) -> Run:
    """A run evaluated at twenty epochs; a metric is a number, or its values at these epochs."""
    epochs = np.linspace(of.epochs / 20, of.epochs, 20).astype(int)
    columns = {name: np.broadcast_to(value, 20) for name, value in (AT_NC | metrics).items()}
    return Run(of, pd.DataFrame({"epoch": epochs, **columns}), {"means": np.eye(10)[:, :9]}, {})


def one(**metrics) -> Setting:
    return setting([metrics])


def setting(of_seeds, hardness: float = 5.0, several: Setting | None = None, **changes) -> Setting:
    made = [run(spec(hardness, seed, **changes), **metrics) for seed, metrics in enumerate(of_seeds)]
    return Setting(spec(hardness, **changes), tuple(made), several)


def seeds(name: str, *values: float, hardness: float = 5.0) -> Setting:
    return setting([{name: value} for value in values], hardness)


def ranks(*values: float) -> list[Setting]:
    return [setting([{"effective_rank": v}] * 3, h) for h, v in zip(HARDNESS, values, strict=False)]


# Parts and verdicts


def test_the_parts_of_a_claim_make_its_verdict():
    yes, no, shown = Part("rank", "a: 1", "holds"), Part("rank", "b: 2", "fails"), Part("rank", "c: 3", "shown")
    assert judge([yes, shown]) == Verdict("reproduced", "rank – a: 1; c: 3")
    assert judge([yes, no]) == Verdict("partly", "rank – a: 1; b: 2 ✗")
    assert judge([shown, no]) == Verdict("not reproduced", "rank – c: 3; b: 2 ✗")
    assert judge([yes, no], partial=False).status == "not reproduced"
    assert judge([shown]) == judge([]) == verdicts.WAITING


@pytest.mark.parametrize(
    ("states", "enough", "status"),
    [
        (("holds", "undecided"), "all", "undecided"), (("fails", "undecided"), "all", "undecided"),
        (("holds", "fails", "undecided"), "all", "partly"), (("holds", "unsettled"), "all", "not judged"),
        (("undecided", "unsettled"), "all", "not judged"), (("unsettled", "waiting"), "all", "waiting"),
        (("holds", "waiting"), "all", "waiting"), (("holds", "waiting"), "any", "reproduced"),
        (("fails", "waiting"), "any", "waiting"), (("fails", "undecided"), "any", "undecided"),
        (("fails", "fails"), "any", "not reproduced"), (("holds", "fails"), "any", "reproduced"),
    ],
)  # fmt: skip
def test_what_is_open_leaves_a_claim_open_if_it_could_turn_it(states, enough, status):
    parts = [Part("rank", state, state, f"why {state}") for state in states]
    verdict = judge(parts, enough=enough)
    assert verdict.status == status
    opened = {"undecided": "why undecided", "not judged": "why unsettled", "waiting": "why waiting"}
    assert verdict.reason == opened.get(status, "")


def test_parts_are_written_by_metric_with_what_speaks_against_the_claim_marked():
    parts = [Part("rank", "a: 1", "fails"), Part("loss", "a: 2", "undecided"), Part("rank", "b: 3", "unsettled")]
    assert judge(parts).measured == "rank – a: 1 ✗; b: 3 (…). loss – a: 2 (?)"
    assert judge([Part("rank", "a: 1", "fails"), Part("rank", "b: 1", "holds")], enough="any").measured == (
        "rank – a: 1; b: 1"
    )


@pytest.mark.parametrize("open_state", ["undecided", "unsettled", "waiting"])
def test_a_part_that_needs_two_things_is_open_where_either_is(open_state):
    holds, fails, opened = (Part("rank", s, s, f"why {s}") for s in ("holds", "fails", open_state))
    for pair in ((holds, opened), (opened, holds)):
        assert verdicts.both(*pair) == replace(pair[0], state=open_state, reason=f"why {open_state}")
    assert verdicts.both(holds, holds).state == "holds"
    assert verdicts.both(holds, fails).state == verdicts.both(fails, holds).state == "fails"


# Settings


def test_a_setting_is_its_runs_of_all_seeds():
    runs = [run(spec(h, seed), rank=9 - seed - h) for seed in (0, 1, 2) for h in (0, 5)]
    settings = select(runs)
    assert [(s.spec.hardness, len(s.runs), s.mean("rank")) for s in settings] == [(0, 3, 8), (5, 3, 3)]
    assert written(settings[0], "rank") == "8\u00a0±\u00a01"
    assert written(one(rank=9.0), "rank") == "9"


def test_settings_are_chosen_by_any_field_of_the_spec():
    runs = [run(spec(h, supervised=s)) for s in (True, False) for h in (0, 5, 30)]
    assert [s.spec.hardness for s in select(runs, supervised=True, hardness=(5, 30))] == [5, 30]
    assert len(select(runs, supervised=False)) == 3 and not select(runs, normalization="none")


def test_settings_without_runs_are_there_too_and_wait():
    e = Evidence((spec(0), spec(5)), (run(spec(0)),))
    assert [len(s.runs) for s in e.settings] == [1, 0]
    assert compare([(1, e.settings[1])], "rank", 0, LIMITS) == ("waiting", "still to be made: HSCL, β = 5")
    assert part(e.settings[1], "rank").text == "HSCL, β = 5: –"


def test_a_setting_of_one_seed_has_the_spread_of_the_nearest_with_several():
    reference = tuple(run(spec(h, s), rank=s * h) for h in (2, 10) for s in range(3))
    e = Evidence((spec(5), spec(30), spec(5, supervised=False)), (run(spec(5)), run(spec(30))), reference)
    near = [s.deviation("rank") for s in e.settings]
    assert near[0] == near[1] == (10, 2), "ln(1 + β) of 5 and of 30 are nearer to that of 10 than to that of 2"
    three = tuple(run(spec(5, s), rank=s) for s in range(3))
    own = Evidence(tuple(r.spec for r in three), three, reference).settings[0]
    assert own.deviation("rank") == (1, 2)
    assert Evidence((spec(5),), (run(spec(5)),)).settings[0].deviation("rank") is None


# What still moves


def test_a_movement_is_that_of_the_last_fifth_and_no_spike():
    falling = np.linspace(2, 1, 20)
    assert movement(run(spec(), rank=falling), "rank") == pytest.approx(falling[-1] - falling[-4])
    spike = np.where(np.arange(20) == 17, 9.0, 1.0)
    assert movement(run(spec(), rank=spike), "rank") == 0
    assert np.isnan(movement(run(spec()), "never measured"))


RISING, FALLING = np.linspace(0.0, 0.4, 20), np.linspace(0.4, 0.0, 20)


@pytest.mark.parametrize(
    ("values", "limit", "state"),
    [
        (0.2 + RISING, 0.3, "holds"), (0.2 + RISING, 0.8, "unsettled"), (0.6 + FALLING, 0.4, "unsettled"),
        (0.6 + FALLING, 0.9, "fails"), (0.6, 0.3, "holds"), (0.6, 0.9, "fails"),
    ],
)  # fmt: skip
def test_what_moves_is_judged_only_where_it_moves_away_from_the_limit(values, limit, state):
    moving = setting([{"test_accuracy": values}] * 2)
    found, why = compare([(1, moving)], "test_accuracy", limit, LIMITS)
    assert found == state and ("still moves" in why) == (state == "unsettled")


def test_what_falls_cannot_fall_below_zero():
    """A least one that still falls stays the least; a difference that even zero would not turn is told."""
    small, large = setting([{"zero_sum": 0.01 + 0.1 * FALLING}] * 2), setting([{"zero_sum": 0.3}] * 2, 10)
    assert compare([(1, large), (-1, small)], "zero_sum", 0.0, LIMITS)[0] == "holds"
    assert compare([(-1, large), (1, small)], "zero_sum", -0.35, LIMITS)[0] == "holds"
    assert compare([(-1, large), (1, small)], "zero_sum", -0.295, LIMITS)[0] == "unsettled"


def test_a_metric_that_was_not_measured_is_not_judged():
    state, why = compare([(1, one())], "squared_norm", 0.5, LIMITS)
    assert state == "unsettled" and "not measured" in why


# What seeds do


@pytest.mark.parametrize(("limit", "state"), [(2.4, "undecided"), (2.6, "fails"), (-0.4, "undecided"), (-0.6, "holds")])
def test_a_limit_within_what_another_seed_may_do_is_undecided(limit, state):
    """Three seeds of mean 1 and deviation .6: with t = 4.303 another three may be .6 * 4.303 / sqrt(3) = 1.49 off."""
    assert compare([(1, seeds("test_accuracy", 0.4, 1.0, 1.6))], "test_accuracy", limit, LIMITS)[0] == state


def test_differences_are_judged_by_the_spread_of_both():
    a, b = seeds("rank", 4, 5, 6, hardness=0), seeds("rank", 7, 8, 9)
    assert compare([(1, b), (-1, a)], "rank", 0, LIMITS)[0] == "holds"  # 3 > 2.78 sqrt(2/3) = 2.27
    assert compare([(1, b), (-1, a)], "rank", 1, LIMITS)[0] == "undecided"
    assert compare([(1, b), (-1, a)], "rank", 6, LIMITS)[0] == "fails"


def test_one_seed_without_any_measure_of_seeds_needs_a_factor_of_two():
    for value, state in ((0.049, "fails"), (0.06, "undecided"), (0.14, "undecided"), (0.16, "holds")):
        assert compare([(1, one(test_accuracy=value))], "test_accuracy", 0.1, LIMITS)[0] == state, value
    a, b = one(rank=4.0), setting([{"rank": 7.0}], 10)
    assert compare([(1, b), (-1, a)], "rank", 0, LIMITS)[0] == "undecided"
    b = setting([{"rank": 9.0}], 10)
    assert compare([(1, b), (-1, a)], "rank", 0, LIMITS)[0] == "holds"


# Neural-Collapse


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ({"zero_sum": 0.049}, {"zero_sum": 0.051}), ({"unit_norm": 0.049}, {"unit_norm": 0.051}),
        ({"equal_inner_product": 0.049}, {"equal_inner_product": 0.051}), ({}, {"clusters": 9.0}),
        ({"least_distance": 0.75}, {"least_distance": 0.74}), ({"effective_rank": 7.21}, {"effective_rank": 7.19}),
    ],
    ids=str,
)  # fmt: skip
def test_neural_collapse_asks_for_everything_that_makes_it(inside, outside):
    """Ten classes: an ETF's distance is 1.4907, nine dimensions; .8 of nine is 7.2."""
    for metrics, state in ((inside, "holds"), (outside, "fails")):
        found = statements.at_neural_collapse(setting([metrics] * 2), LIMITS)
        assert found.state == state, found
        assert verdicts.off(found).state == {"holds": "fails", "fails": "holds"}[state]


def test_classes_that_merge_are_no_neural_collapse_though_the_average_over_pairs_is_small():
    """At C = 100 a collapse to 30 clusters has an equal inner-product metric of .048."""
    merged = setting([{"equal_inner_product": 0.048, "clusters": 3.0, "effective_rank": 2.6}] * 2)
    assert statements.at_neural_collapse(merged, LIMITS).state == "fails"
    assert statements.without_dimensional_collapse(merged, LIMITS).state == "fails"


@pytest.mark.parametrize(("within", "state"), [(0.19, "undecided"), (0.21, "holds")])
def test_what_was_at_neural_collapse_and_left_it_is_not_said_never_to_reach_it(within, state):
    """SCL on 2,000 images of CIFAR-10 is there from epoch 300 to 500 of 3,000, and leaves it in a spike of the loss."""
    clusters, rank, spread = np.full(20, 8.0), np.full(20, 6.5), np.full(20, 0.01)
    clusters[3:6], rank[3:6], spread[3:6] = 10, 9.0, within
    left = setting([{"clusters": clusters, "effective_rank": rank, "within_class": spread}, {"clusters": 8.0}])
    for found in (
        statements.never_at_neural_collapse(left, LIMITS),
        statements.with_dimensional_collapse(left, LIMITS),
    ):
        assert found.state == state
        assert ("at epochs 80 to 120 and left it: more seeds" in found.reason) == (state == "undecided")
    assert statements.at_neural_collapse(left, LIMITS).state == "fails"  # where it ends
    assert statements.never_at_neural_collapse(setting([{}] * 2), LIMITS).state == "fails"  # there, and stays


@pytest.mark.parametrize(("within", "state"), [(0.19, "fails"), (0.21, "unsettled")])
def test_images_that_are_not_fitted_show_no_collapse_and_none_is_denied_by_them(within, state):
    unfitted = setting([{"within_class": within, "equal_inner_product": 0.3}] * 2)
    found = statements.at_neural_collapse(unfitted, LIMITS)
    assert found.state == state and ("has not fitted its images" in found.reason) == (state == "unsettled")


def test_without_label_positives_there_is_no_fit_to_wait_for():
    apart = setting([{"within_class": 0.5, "equal_inner_product": 0.3}] * 2, positives="noise")
    assert statements.at_neural_collapse(apart, LIMITS).state == "fails"
    spread = setting([{"within_class": 0.5}] * 2, positives="noise")
    assert statements.at_neural_collapse(spread, LIMITS).state == "fails"


def test_without_normalisation_the_spread_is_that_of_the_features_scale():
    scaled = setting([{"within_class": 0.5, "norm": 10.0}] * 2, normalization="none")
    assert scaled.mean("spread") == pytest.approx(0.05)


def test_older_records_follow_clusters_by_the_effective_rank():
    climbing = 5 + np.linspace(0, 3, 20)
    older = run(spec(), effective_rank=climbing)
    history = older.history.drop(columns=["clusters", "least_distance"])
    moved = Setting(spec(), (replace(older, history=history),)).moved("merged")
    assert moved == pytest.approx(-(climbing[-1] - climbing[-4]) / 9)


# Comparisons between settings


def test_a_trend_is_broken_by_a_step_back_only():
    rising = statements.trend(ranks(1, 2, 3, 4, 5), "effective_rank", True, LIMITS)
    assert judge(rising).status == "reproduced" and rising[0].state == "shown"
    assert judge(statements.trend(ranks(1, 2, 3, 4, 3.5), "effective_rank", True, LIMITS)).status == "partly"
    assert judge(statements.trend(ranks(5, 4, 3, 2, 1), "effective_rank", True, LIMITS)).status == "not reproduced"
    assert judge(statements.trend(ranks(1, 2, 2, 2, 5), "effective_rank", True, LIMITS)).status == "reproduced"
    slack = statements.trend(ranks(1, 2, 1.7, 4, 5), "effective_rank", True, LIMITS, slack=0.5)
    assert judge(slack).status == "reproduced"
    assert statements.trend(ranks(1), "effective_rank", True, LIMITS) == []


def test_the_least_setting_is_so_against_each_other():
    def found(*values):
        return judge(statements.least_at(ranks(*values), "effective_rank", 5, LIMITS), partial=False).status

    assert found(5, 3, 1, 4, 6) == "reproduced"
    assert found(5, 3, 1, 1, 6) == "undecided", "a tie"
    assert found(5, 3, 1, 0.5, 6) == "not reproduced"
    assert statements.least_at(ranks(1, 2), "effective_rank", 5, LIMITS) == []


def test_more_than_plain_by_how_much():
    settings = ranks(1, 3, 4)
    for by, status in ((0, "reproduced"), (2.5, "partly"), (3.5, "not reproduced")):
        assert judge(statements.more_than_plain(settings, "effective_rank", LIMITS, by=by)).status == status
    assert judge(statements.more_than_plain(settings, "effective_rank", LIMITS, less=True)).status == "not reproduced"
    assert statements.more_than_plain(settings[1:], "effective_rank", LIMITS) == []


def test_partners_are_settings_of_the_same_spec_but_for_a_change():
    ball, sphere = setting([{"rank": 5.0}] * 2), setting([{"rank": 6.0}] * 2, normalization="unit_sphere")
    partner = statements.alike([ball], normalization="unit_ball")
    assert partner(sphere) is ball and partner(setting([{}], 10)) is None
    (part,) = statements.close([sphere], partner, "rank", 2.0, LIMITS, word="ball")
    assert part.state == "holds" and part.text == "HSCL, β = 5: 6\u00a0±\u00a00 (ball: 5\u00a0±\u00a00)"
    assert statements.close([sphere], partner, "rank", 0.5, LIMITS)[0].state == "fails"
    assert statements.larger([sphere], partner, "rank", LIMITS, factor=2.0)[0].state == "fails"
    assert statements.larger([sphere], partner, "rank", LIMITS, factor=1.1)[0].state == "holds"
    assert statements.larger([sphere], partner, "rank", LIMITS, less=True)[0].state == "fails"


# Constants


def test_each_constant_is_tried_at_half_and_at_twice_its_value():
    tried = list(varied())
    assert len(tried) == 2 * len(fields(Limits))
    for name, factor, limits in tried:
        assert getattr(limits, name) == factor * getattr(LIMITS, name)
        assert sum(getattr(limits, f.name) != getattr(LIMITS, f.name) for f in fields(Limits)) == 1


@pytest.mark.parametrize(("still", "state"), [(0.05, "unsettled"), (0.2, "fails")])
def test_how_still_a_metric_must_be(still, state):
    """It falls towards the limit, by a tenth of its value in the last fifth."""
    moving = setting([{"equal_inner_product": np.linspace(0.46, 0.3, 20)}] * 2)
    limits = replace(LIMITS, still=still, longer=20)
    assert compare([(-1, moving)], "equal_inner_product", -0.05, limits)[0] == state


@pytest.mark.parametrize(("away", "state"), [(0.24, "unsettled"), (0.26, "fails")])
def test_what_moves_too_slowly_to_arrive_is_judged(away, state):
    """It falls by .05 in a fifth: five more fifths take it .25 further."""
    end = np.linspace(0.55, 0.5, 4)
    moving = setting([{"equal_inner_product": np.concatenate([np.full(16, 0.55), end])}] * 2)
    assert moving.moved("equal_inner_product") == pytest.approx(-0.05)
    limit = moving.mean("equal_inner_product") - away
    assert compare([(-1, moving)], "equal_inner_product", -limit, LIMITS)[0] == state


@pytest.mark.parametrize(("noise", "state"), [(1.0, "undecided"), (0.5, "holds")])
def test_how_much_seeds_are_allowed(noise, state):
    three = seeds("rank", 4, 5, 6)
    assert compare([(1, three)], "rank", 3.0, replace(LIMITS, noise=noise))[0] == state


@pytest.mark.parametrize(("moved", "state"), [(0.49, "fails"), (0.51, "unsettled")])
def test_a_movement_of_clusters_is_small_against_ten(moved, state):
    """However few there are: a twentieth of five clusters is no movement yet."""
    clusters = 5 + moved * (np.arange(20) - 16) / 3  # by so much from the fourth last evaluation to the last
    assert compare([(1, setting([{"clusters": clusters}] * 2))], "clusters", 6.0, LIMITS)[0] == state


def test_the_reason_names_what_moves_most():
    slow = setting([{"test_accuracy": np.linspace(0.3, 0.6, 20)}] * 2, 10)
    fast = setting([{"test_accuracy": np.linspace(0.1, 0.5, 20)}] * 2, 2)
    for terms in ([(1, slow), (-1, fast)], [(-1, fast), (1, slow)]):
        state, why = compare(terms, "test_accuracy", 0.0, LIMITS)
        assert state == "unsettled" and why.startswith("HSCL, β = 2: ")


def test_a_setting_without_a_partner_is_passed_over_and_the_next_is_compared():
    first, second, plain = (setting([{"rank": value}] * 2, hardness) for value, hardness in ((3, 2), (6, 5), (5, 0)))
    partner = {id(second): plain}
    (found,) = statements.larger([first, second], lambda s: partner.get(id(s)), "rank", LIMITS)
    assert found.state == "holds" and found.text.startswith("HSCL, β = 5")


def test_of_two_settings_of_the_hardness_the_first_is_compared_with_the_other():
    one_, other, plain = (
        setting([{"rank": rank}] * 2, h, supervised=s) for rank, h, s in ((1, 5, True), (4, 5, False), (6, 0, True))
    )
    found = statements.least_at([one_, other, plain], "rank", 5, LIMITS)
    assert [part.text.split(":")[0] for part in found] == ["HSCL, β = 5", "HUCL, β = 5", "SCL"]
    assert [part.state for part in found] == ["shown", "holds", "holds"]


def test_the_reason_of_a_state_is_of_what_has_this_state():
    mixed = setting([{"zero_sum": 0.3, "equal_inner_product": np.linspace(0.3, 0.06, 20)}] * 2)
    found = statements.at_neural_collapse(mixed, LIMITS)
    assert (found.state, found.reason) == ("fails", "")


def test_parts_and_verdicts_cannot_be_changed():
    for made, name in ((Part("rank", "a: 1", "holds"), "state"), (judge([Part("rank", "a: 1", "holds")]), "status")):
        with pytest.raises(FrozenInstanceError):
            setattr(made, name, "fails")
