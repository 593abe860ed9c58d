"""H-SCL beyond the paper: its statements as tables, its pages' figures, its claims counted apart."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from hcl import anchors
from hcl.companion import (
    board_html,
    entries_hscl,
    figures_hscl,
    hscl,
    hscl_tables,
    pages,
    pictures,
    registry,
    scoreboard,
    style,
)
from hcl.companion import study as studies
from hcl.companion.claims.hscl import HSCL
from hcl.training import runs
from hcl.training.hscl import CASES

COMPUTED = [claim for claim in HSCL if claim.on == "computed"]


# Statements


def test_every_item_has_the_next_of_its_class_as_its_positive():
    for seed in range(8):
        z, labels, of, g_pos = hscl._seen(seed, "β = 1")
        for i in range(len(z)):
            own = [j for j in range(len(z)) if labels[j] == labels[i]]
            other = own[(own.index(i) + 1) % len(own)]
            assert other != i and float(g_pos[i]) == pytest.approx(float(z[i] @ z[other]) / 0.5)
        g = {j: float(z[0] @ z[j]) / 0.5 for j in range(1, len(z))}
        assert float(of.ucl[0].exp()) == pytest.approx(sum(map(math.exp, g.values())) / len(g)), "all but itself"


def test_claims_that_are_computed_hold():
    for claim in COMPUTED:
        assert claim.check(None).status == "reproduced", claim.check(None)


def wrong(of, **changes):
    return replace(of, **changes)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("hscl-mixture", lambda of: {"collisions": of.collisions * 0.9}),
        ("hscl-upper", lambda of: {"hcol": of.hcol + 0.5}),
        ("hscl-upper", lambda of: {"hcol": of.hcol - 0.5}),
        ("hscl-loss", lambda of: {"hscl": of.hucl + 0.1, "hcol": of.hcol + 9}),
        ("hscl-threshold", lambda of: {"hscl": of.ucl - 0.1}),
    ],
)
def test_claims_that_are_computed_can_fail(name, change, monkeypatch):
    """With a law that is not what it is called."""
    seen = anchors.seen
    monkeypatch.setattr(anchors, "seen", lambda *a: replace(found := seen(*a), **change(found)))
    for compute in (hscl._seen, hscl.statements, hscl.losses):
        compute.cache_clear()
    try:
        claim = next(claim for claim in HSCL if claim.name == name)
        assert claim.check(None).status in ("not reproduced", "partly")
    finally:
        for compute in (hscl._seen, hscl.statements, hscl.losses):
            compute.cache_clear()


def test_the_claim_on_ucl_fails_where_what_is_asked_is_another(monkeypatch):
    monkeypatch.setattr(anchors.Anchors, "above_ucl", property(lambda of: of.hscl >= of.scl))
    hscl.statements.cache_clear()
    claim = next(claim for claim in HSCL if claim.name == "hscl-lower")
    assert claim.check(None).status == "not reproduced"
    hscl.statements.cache_clear()


def test_a_change_of_measure_that_is_none_is_seen(monkeypatch):
    monkeypatch.setattr(anchors, "changed", lambda p, rho: p)
    hscl.change_of_measure.cache_clear()
    assert COMPUTED[0].check(None).status == "not reproduced"
    hscl.change_of_measure.cache_clear()


def test_in_the_cases_by_hand_every_answer_occurs_and_they_agree():
    table = hscl.cases()
    for name in ("Assumption 1", "UCL at most H-SCL"):
        assert set(table[name]) == {True, False}
    assert (table["Assumption 1"] == table["H-SCL at most H-UCL"]).all()
    far = table.loc[("own class far", "τ = e^−0.1")]
    assert far["w"] == 0 and math.isnan(far["Hcol"]) and far["H-SCL"] == far["H-UCL"]
    own = [math.exp(2 * math.cos(math.radians(a))) for a in (10, 20)]
    assert table.loc[("own class near", "τ = e^−0.1"), "Hcol"] == pytest.approx(sum(own) / 2)


# Runs


def made(spec, value=0.0):
    """A run whose share falls by epoch, and whose losses are apart by 1 and 2."""
    epochs = [0, 1, 2, 3]
    history = pd.DataFrame({"epoch": epochs, "zero_sum": 0.1, "ucl": 4.0 + value, "scl": 3.0, "test_accuracy": 0.2})
    for case in CASES:
        history[f"assumption_{case}"] = [0.0, 0.9, 0.6, 0.8]
        history[f"hscl_{case}"], history[f"hucl_{case}"] = [9.0, 5.0, 5.0, 6.0], 7.0
    history["knn_backbone"] = [np.nan] * 3 + [0.4 + value]
    return runs.Run(spec, history, {}, {"device": "made up"})


def study(name, profile="workstation"):
    return studies.at(registry.FIGURES[name], profile, "tinyimagenet100")


def test_the_runs_are_those_of_the_official_code_but_for_the_encoder():
    for name in registry.FIGURES:
        if not name.startswith("hscl_"):
            continue
        for spec in study(name).specs:
            assert (spec.objective, spec.positives, spec.temperature) == ("simclr", "augmentation", 0.5)
            assert (spec.normalization, spec.dim, spec.batch_size) == ("unit_sphere", 128, 256)
            assert (spec.lr, spec.weight_decay, spec.epochs) == (1e-3, 1e-6, 300)
    (epochs,) = study("hscl_epochs").specs
    assert (epochs.method, epochs.hardening, epochs.hardness) == ("HUCL", "exponential", 1)
    accuracy, threshold = study("hscl_accuracy").specs, study("hscl_threshold").specs
    assert epochs in accuracy, "one training for Figures 4 and 5 and for Figure 1"
    assert {spec.method for spec in accuracy} == {"UCL", "HUCL", "SCL", "HSCL"}
    assert {(spec.method, spec.hardening) for spec in threshold} == {("HUCL", "threshold"), ("HSCL", "threshold")}
    assert all(math.log(spec.hardness) == pytest.approx(-0.1) for spec in threshold)


def test_the_campaign_makes_their_runs_most_important_first_and_further_seeds_last():
    steps = [step for step in registry.order("workstation") if step.figure.startswith("hscl")]
    assert [step.figure for step in steps] == [*entries_hscl.FIRST, *entries_hscl.THEN, *entries_hscl.SEEDS]
    assert [step.seeds for step in steps] == [(0,)] * 6 + [(1, 2)] * 2
    wanted = {
        replace(spec, seed=seed, dataset=registry.FIGURES[step.figure].dataset)
        for step in steps for seed in step.seeds for spec in study(step.figure).specs
    }  # fmt: skip
    assert len(wanted) == 28 and len([spec for spec in wanted if not spec.seed]) == 12, "as the module says"


def test_what_is_measured_by_epoch_is_tabled_without_the_start():
    (spec,) = study("hscl_epochs").specs
    table = hscl_tables.by_epoch({"ours": [made(spec), made(replace(spec, seed=1), 0.5)], "none": []})
    row = table.loc[("ours", "β = 1")]
    assert row["anchors with Assumption 1, at the end"] == 0.8 and row["anchors with Assumption 1, least"] == 0.6
    assert row["H-UCL less H-SCL, at the end"] == 1 and row["H-UCL less H-SCL, least"] == 1
    assert row["H-SCL less UCL, at the end"] == 1.75 and row["H-SCL less UCL, least"] == 0.5
    assert table.loc["none"].isna().all(axis=None) and len(table) == 8


def test_accuracies_of_all_settings_are_tabled_those_without_runs_as_missing():
    shown = study("hscl_accuracy")
    done = [made(shown.specs[0]), made(replace(shown.specs[0], seed=1), 0.2)]
    table = hscl_tables.accuracy({"ours": [pages.Page(shown, done)]}).loc["ours"]
    assert list(table.index) == ["UCL", "H-UCL, β = 1", "SCL", "H-SCL, β = 1"]
    assert list(table["seeds"]) == [0, 0, 2, 0]
    assert table.loc["SCL", "nearest neighbours"] == pytest.approx(0.5) and table.loc["SCL", "mean classifier"] == 0.2
    assert table.drop("SCL").drop(columns="seeds").isna().all(axis=None)


def test_pictures_have_the_palettes_colours_and_say_where_runs_are_still_to_be_made():
    (spec,) = study("hscl_epochs").specs
    run = made(spec)
    drawn = [
        figures_hscl.sampling(), figures_hscl.sets(),
        figures_hscl.assumption({"a": [run], "b": []}), figures_hscl.losses([run]), figures_hscl.losses([]),
        figures_hscl.accuracy({"a": [run], "b": []}), figures_hscl.assumption({"a": [], "b": []}),
    ]  # fmt: skip
    for one in drawn:
        assert pictures.colours(one.svg) <= set(style.dark_of()) and one.alt
    for one, waiting in zip(drawn[2:], (0, 0, 1, 3, 1), strict=True):
        said = [text for axis in one.axes for text in axis.texts if text.get_text() == figures_hscl.WAITING]
        assert len(said) == waiting


def test_rings_are_on_negatives_of_the_method():
    points, own = figures_hscl._scene()
    assert int(own.sum()) >= 3 and int((points[own].norm(dim=1) < figures_hscl._RADIUS).sum()) >= 2
    assert int((points[~own].norm(dim=1) < figures_hscl._RADIUS).sum()) >= 3
    for axis, asked in zip(figures_hscl.sampling().axes, ("any", "near", "both"), strict=True):
        rings = [line for line in axis.lines if line.get_markersize() == 11]
        assert len(rings) >= 3
        for ring in rings:
            at = torch.tensor([ring.get_xdata()[0], ring.get_ydata()[0]])
            index = int((points - at).norm(dim=1).argmin())
            assert asked == "near" or not own[index]
            assert asked == "any" or float(points[index].norm()) < figures_hscl._RADIUS


def test_a_page_without_runs_is_one_only_where_nothing_may_be_trained(monkeypatch):
    asked = []
    monkeypatch.setattr(pages, "load", lambda *a, **k: asked.append((a, k)))
    monkeypatch.setenv("HCL_TRAIN", "0")
    page = pages.begun("hscl_epochs", "auto", seeds=[], dataset="auto")
    assert page.runs == () and page.at_best and page.study.partial and page.study.profile == "workstation" and not asked
    assert "no run yet" in page.note().data and "Still to be made" in page.note().data
    assert set(page.verdicts["verdict"]) <= {"waiting"} or "hscl" in page.verdicts["figure"].iloc[0]
    pages.begun("hscl_epochs", "smoke")
    pages.begun("hscl_epochs", "auto", seeds=[1])
    monkeypatch.delenv("HCL_TRAIN")
    pages.begun("hscl_epochs")
    assert len(asked) == 3


def test_pages_together_have_each_run_once_and_all_verdicts():
    (spec,) = study("hscl_epochs").specs
    first, second = made(spec), made(spec)
    both = pages.together([
        pages.Page(study("hscl_epochs"), [first], [study("hscl_epochs")], True),
        pages.Page(study("hscl_accuracy"), [second], [study("hscl_accuracy")], True),
    ])  # fmt: skip
    assert both.runs == [second] and len(both.parts) == 2 and both.at_best


# The scoreboard


def test_its_claims_are_counted_apart(monkeypatch):
    from hcl.companion.claims import CLAIMS

    some = [claim for claim in CLAIMS if claim.name in ("theory-decay", "minimisers-own")] + list(HSCL)
    monkeypatch.setattr(scoreboard, "CLAIMS", some)
    board = scoreboard.scoreboard()
    others = scoreboard.of_others(board)
    assert set(others) == {"", entries_hscl.H_SCL}
    assert list(others[entries_hscl.H_SCL]["name"]) == [claim.name for claim in HSCL]
    waiting = others[entries_hscl.H_SCL]["verdict"] == "waiting"
    assert waiting.sum() == len(HSCL) - len(COMPUTED)
    rows = [row.split("|")[1].strip() for row in scoreboard.summary(board).splitlines()]
    assert "**of this project, not of the paper**" in rows and f"**of {entries_hscl.H_SCL}, not of the paper**" in rows
    lines = board_html.claims(others[entries_hscl.H_SCL], filters=False).data
    assert "published" in lines and f"In {entries_hscl.H_SCL}: Figure 4" in lines
    assert f"Of {entries_hscl.H_SCL}" in board_html.matrix(board).data
