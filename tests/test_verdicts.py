from dataclasses import replace

import pandas as pd
import pytest
from test_paper import made_up

from hcl import verdicts
from hcl.paper import study
from hcl.spec import RunSpec
from hcl.verdicts import Part, Verdict, judge, select

HARDNESS = (0.0, 2.0, 5.0, 10.0, 30.0)


def run(hardness: float, seed: int = 0, supervised: bool = False, **metrics: float):
    return made_up(RunSpec(dataset="cifar10", supervised=supervised, hardness=hardness, seed=seed), **metrics)


def ranks(*values: float) -> list[verdicts.Setting]:
    return select([run(h, rank=v) for h, v in zip(HARDNESS, values, strict=False)])


def test_the_parts_of_a_claim_make_its_verdict():
    yes, no, shown = Part("rank", "a: 1", True), Part("rank", "b: 2", False), Part("rank", "c: 3", None)
    assert judge([yes, shown]) == Verdict("reproduced", "rank – a: 1; c: 3")
    assert judge([yes, no]) == Verdict("partly", "rank – a: 1; b: 2 ✗")
    assert judge([shown, no]) == Verdict("not reproduced", "rank – c: 3; b: 2 ✗")
    assert judge([shown]) == judge([]) == verdicts.NOT_RUN


def test_one_part_that_holds_is_enough_for_some():
    parts = [Part("rank", "a: 1", False), Part("rank", "b: 2", True)]
    assert judge(verdicts.some(parts)) == Verdict("reproduced", "rank – a: 1; b: 2")
    assert judge(verdicts.some(parts[:1])).status == "not reproduced"


def test_a_setting_is_its_runs_of_all_seeds():
    settings = select([run(h, seed, rank=9 - seed - h) for seed in (0, 1, 2) for h in (0, 5)])
    assert [(s.spec.hardness, len(s.runs), s.mean("rank")) for s in settings] == [(0, 3, 8), (5, 3, 3)]
    assert settings[0].written("rank") == "8 ± 1"
    assert ranks(9)[0].written("rank") == "9"


def test_settings_are_chosen_by_any_field_of_the_spec():
    runs = [run(h, supervised=s) for s in (True, False) for h in (0, 5, 30)]
    assert [s.spec.hardness for s in select(runs, supervised=True, hardness=(5, 30))] == [5, 30]
    assert len(select(runs, supervised=False)) == 3 and not select(runs, normalization="none")


def test_a_spike_in_the_last_epoch_does_not_count():
    """D45: the numbers are settled values."""
    spec = RunSpec(dataset="cifar10", supervised=True, epochs=60)
    history = pd.DataFrame({"epoch": [45, 50, 55, 60], "zero_sum": [0.01, 0.02, 0.02, 0.9]})
    (setting,) = select([replace(made_up(spec), history=history)])
    assert setting.mean("zero_sum") == 0.02


@pytest.mark.parametrize("largest", verdicts.NC_METRICS)
def test_the_distance_from_neural_collapse_is_the_largest_metric(largest):
    metrics = dict.fromkeys(verdicts.NC_METRICS, 0.1) | {largest: 0.3}
    assert select([run(0, **metrics)])[0].mean(verdicts.NC) == 0.3


@pytest.mark.parametrize(
    ("values", "rises", "slack", "status"),
    [
        ((1, 2, 3), True, 0, "reproduced"), ((1, 2, 3), False, 0, "not reproduced"),
        ((3, 2, 1), False, 0, "reproduced"), ((1, 3, 2), True, 0, "partly"), ((1, 2, 2), True, 0, "partly"),
        ((1, 3, 2.5), True, 1, "reproduced"), ((1, 1, 1.5), True, 1, "not reproduced"),
        ((2, 2, 2), True, 0, "not reproduced"), ((1,), True, 0, "not run at this scale"),
    ],
)  # fmt: skip
def test_a_trend_is_judged_by_its_steps_and_its_ends(values, rises, slack, status):
    settings = ranks(*values)
    assert judge(verdicts.trend(settings[::-1], "rank", rises, slack)).status == status


def test_the_least_is_judged_where_it_is_said_to_be():
    assert judge(verdicts.least_at(ranks(3, 2, 1, 4), "rank", 5)).status == "reproduced"
    found = judge(verdicts.least_at(ranks(3, 1, 2, 4), "rank", 5))
    assert found.status == "not reproduced" and "HUCL, β = 2: 1 ✗" in found.measured
    assert not verdicts.least_at(ranks(3, 2), "rank", 5) and not verdicts.least_at(ranks(3)[:1], "rank", 0)


def test_settings_within_the_spread_over_seeds_are_least_together():
    first = ranks(3, 2, 1.5, 4)
    second = [
        replace(s.runs[0], history=s.runs[0].history + shift) for s, shift in zip(first, (0, 1, 1, 0), strict=True)
    ]
    seeds = [replace(run, spec=replace(run.spec, seed=1)) for run in second]
    settings = select([run for s in first for run in s.runs] + seeds)
    found = judge(verdicts.least_at(settings, "rank", 5))
    assert found.status == "partly" and found.measured.count("✗") == 1 and "β = 2: 2.5 ± 0.707 ✗" in found.measured
    assert judge(verdicts.least_at(settings, "rank", 10)).status == "not reproduced"


def test_more_than_plain_means_by_more_than_the_gain():
    parts = verdicts.more_than_plain(ranks(3, 4, 6, 3), "rank", gain=1)
    assert [part.holds for part in parts] == [None, False, True, False]
    assert not verdicts.more_than_plain(ranks(3, 4)[1:], "rank")


def test_settings_are_compared_with_their_partners():
    ball = ranks(3, 9)
    sphere = select([replace(s.runs[0], spec=replace(s.spec, normalization="unit_sphere")) for s in ranks(3, 7, 9)])
    same = verdicts.against(
        sphere, verdicts.alike(ball, normalization="unit_ball"), "rank", lambda a, b: a == b, "ball"
    )
    assert [(p.text, p.holds) for p in same] == [("UCL: 3 (ball 3)", True), ("HUCL, β = 2: 7 (ball 9)", False)]
    assert [p.holds for p in verdicts.against(ball, verdicts.only(sphere), "rank", lambda a, b: a > b, "first")] == [
        False,
        True,
    ]
    assert not verdicts.against(ball, verdicts.only([]), "rank", lambda a, b: True, "none")


def test_every_metric_that_is_shown_is_recorded():
    from hcl import evaluate

    documented = evaluate.evaluate.__doc__ or ""
    assert all(f"``{name}``" in documented for name in set(verdicts._SHOWN) - {verdicts.NC})


def test_untested_numbers_are_shown_without_marks():
    assert Verdict("partly", "rank – a: 1; b: 2 ✗").untested("why") == Verdict(
        "not run at this scale", "rank – a: 1; b: 2 (why)"
    )
    assert verdicts.NOT_RUN.untested("why") == verdicts.NOT_RUN


def test_fig05_has_one_setting_a_spec_whatever_the_seeds():
    specs = study("fig05", "laptop", seeds=[0, 1]).specs
    assert len(select([made_up(spec) for spec in specs])) == len(specs) / 2
