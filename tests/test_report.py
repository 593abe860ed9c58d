"""Tables and words of the pages, on made-up records."""

import re
import warnings
from dataclasses import replace
from math import isnan

import numpy as np
import pandas as pd
import pytest
from test_paper import made_up

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.companion import costs, figures, labels, notes, numbers, pages, profiles, published, report
from hcl.companion import study as studies
from hcl.companion.registry import ROWS, row_of
from hcl.geometry import simplex_etf
from hcl.training.runs import save
from hcl.training.spec import RunSpec

METRICS = {"equal_inner_product": 0.1, "rank": 5.0, "test_accuracy": 0.4, "loss": 0.3, "plain_loss": 0.3}


def runs_of(name, profile="laptop", seeds=(0,), **options):
    """Made-up runs whose equal inner product is 1 / 100 of hardness plus seed."""
    specs = studies.study(name, profile, seeds=seeds, **options).specs
    return [
        made_up(
            spec,
            **METRICS | {"equal_inner_product": (spec.hardness + spec.seed) / 100},
            unit_norm=1e-8,
            within_class=0.0,
        )
        for spec in specs
    ]


def test_settled_values_are_means_over_seeds_beside_the_bounds():
    means, spreads = report.settled_frame(runs_of("fig05", seeds=(0, 2)), ["equal_inner_product", "rank"])
    assert list(means.index) == [
        "SCL", "HSCL, β = 2", "HSCL, β = 5", "HSCL, β = 10", "HSCL, β = 30",
        "UCL", "HUCL, β = 2", "HUCL, β = 5", "HUCL, β = 10", "HUCL, β = 30",
    ]  # fmt: skip
    assert means.loc["HSCL, β = 5", "equal_inner_product"] == pytest.approx(0.06)
    assert spreads.loc["HSCL, β = 5", "equal_inner_product"] == pytest.approx(0.01 * 2**0.5)
    assert means.loc["HSCL, β = 5", "bound"] == scl_lower_bound(10) and means.loc["UCL", "bound"] == ucl_lower_bound(10)


def test_several_seeds_show_their_spread_and_one_does_not():
    shown = report.show_settled(runs_of("fig05", seeds=(0, 2)), ["equal_inner_product"]).to_html()
    assert "0.060\u00a0±\u00a00.014" in shown
    assert "±" not in report.show_settled(runs_of("fig05"), ["equal_inner_product"]).to_html()


def test_counts_have_one_decimal_and_spreads_those_of_their_mean():
    means = dict(
        enumerate([{"rank": 5.0, "zero_sum": 2e-6}, {"rank": 5.5, "zero_sum": 4e-6}, {"rank": 9.0, "zero_sum": 6e-6}])
    )
    runs = [
        replace(run, history=run.history.assign(**means[run.spec.seed])) for run in runs_of("fig05", seeds=(0, 1, 2))
    ]
    shown = report.show_settled(runs, ["rank", "zero_sum", "loss"]).to_html()
    assert ">6.5\u00a0±\u00a02.2<" in shown and ">(4.0\u00a0±\u00a02.0)×10⁻⁶<" in shown
    assert ">0.300\u00a0±\u00a00.000<" in shown
    assert ">39.5<" in report.show_table(pd.DataFrame({"rank, paper": [39.5]})).to_html()


def test_rows_of_figure_4_are_kept_apart():
    runs = runs_of("fig06")
    assert list(dict.fromkeys(row_of(run.spec) for run in runs)) == list(ROWS)
    means, _ = report.settled_frame(runs, ["rank"])
    assert means.index.names == ["row", "method"] and len(means) == 40
    other = RunSpec(dataset="cifar10", supervised=True, init="near_nc", normalization="none")
    assert row_of(other) == "near_nc, none"


def test_table_2_starts_with_the_near_nc_model():
    table = report.near_nc_frame(runs_of("table2"), list(published.TABLE_2))
    assert list(table.index) == list(published.TABLE_2["zero_sum"])
    both = report.beside(table, published.TABLE_2)
    assert list(both.columns)[:2] == ["zero_sum", "zero_sum, paper"]
    assert both.loc["HUCL, β = 30", "equal_inner_product, paper"] == 0.586


def test_published_numbers_are_of_settings_that_are_run():
    """Every label is one that `hcl.companion.labels.label` gives, and Table 1 in the order of the paper."""
    methods = {labels.label(spec) for spec in studies.study("fig03", "paper").specs}
    assert set(published.TABLE_1) == {m for m in methods if "SCL" in m}
    assert published.TABLE_1["SCL"] - published.TABLE_1_THEORY == pytest.approx(0.0278, abs=1e-4)
    for column in published.FIGURE_3.values():
        assert set(column) <= methods
    assert set(published.TABLE_2["unit_norm"]) == methods | {"near-NC model"}


def test_beside_leaves_unknown_methods_empty():
    table = pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"])
    both = report.beside(table, {"a": {"y": 5.0}})
    assert isnan(both.loc["x", "a, paper"]) and both.loc["y", "a, paper"] == 5


@pytest.mark.parametrize(("batch_size", "others"), [(512, 5.11), (64, 0.63), (32, 0.31)])
def test_positives_other_than_the_anchor(batch_size, others):
    """D5 for C = 100; the share of anchors without one by simulation."""
    row = report.positives_frame(100, [batch_size]).loc[batch_size]
    assert row["others"] == pytest.approx(others, abs=5e-3)
    labels = np.random.default_rng(0).integers(100, size=(4000, batch_size))
    alone = ((labels == labels[:, :1]).sum(1) == 1).mean()
    assert row["anchors with none"] == pytest.approx(alone, abs=0.03)


def test_the_simclr_loss_has_a_bound_with_its_weight_where_positives_are_of_the_class():
    specs = studies.study("fig12", "paper").specs
    spec = specs[0]
    assert labels.bound(spec) == pytest.approx(5.9221, abs=1e-4), "Q = 1022 views of others (D13)"
    assert all(isnan(labels.bound(other)) for other in specs if not other.supervised)
    assert "all negatives of the batch" in labels.training(spec)


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.12345, 3, "0.123"), (2e-8, 3, "2.0×10⁻⁸"), (0.0, 3, "0.000"), (9.0, 3, "9"), (float("nan"), 3, "–"),
        (1e-4, 4, "0.0001"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(value, digits, text):
    assert f">{text}<" in report.show_table(pd.DataFrame({"a_b": [value]}), digits).to_html()


@pytest.mark.parametrize(
    ("mean", "spread", "form", "text"),
    [
        (0.06, 0.0141, 3, "0.060\u00a0±\u00a00.014"), (4e-6, 2e-6, 3, "(4.0\u00a0±\u00a02.0)×10⁻⁶"),
        (-4e-6, 2e-7, 3, "(−4.0\u00a0±\u00a00.2)×10⁻⁶"), (2e-8, 0.02, 3, "0.000\u00a0±\u00a00.020"),
        (8.0, 1.0, ".3g", "8\u00a0±\u00a01"),
        (9.0, 0.5, 1, "9\u00a0±\u00a00.5"), (0.3, float("nan"), 3, "0.300"), (float("nan"), 0.1, ".3f", "–"),
    ],
)  # fmt: skip
def test_a_mean_and_its_deviation_are_written_one_way(mean, spread, form, text):
    assert numbers.plus_minus(mean, spread, form) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234"), (-2e6, "−2,000,000"), (999.4, "999"), (0.01234, "0.0123"), (float("nan"), "–")],
)
def test_brief_numbers_are_grouped_from_a_thousand_on(value, text):
    assert numbers.brief(value) == text


def test_settled_values_stand_in_a_table_for_each_kind_of_them():
    kinds = pages.by_kind(pages.COLUMNS)
    assert sorted(name for names in kinds.values() for name in names) == sorted(pages.COLUMNS)
    assert max(map(len, kinds.values())) <= 5  # or they are wider than a page
    assert kinds["dimensions"] == ["rank", "effective_rank", "clusters"]
    alone = pages.by_kind(["rank", "clusters", "zero_sum", "unit_norm", "test_accuracy"])
    assert list(alone.items())[-1] == ("dimensions and test accuracy", ["rank", "clusters", "test_accuracy"])
    assert pages.by_kind(["loss"]) == {"loss": ["loss"]}
    html = pages.Page(studies.study("fig05", "laptop"), runs_of("fig05")).table().to_html()
    captions = re.findall("<caption><span>(.*?)</span>", html)
    assert captions == [f"Settled values: {kind}" for kind in kinds] and html.count("<table") == len(kinds)
    assert html.count("least loss (bound)") == 1


def test_names_of_before_are_the_same_things():
    assert report.SETTINGS is report.SUPERVISION and labels.scale is labels.training
    page = pages.Page(studies.study("fig05", "laptop"), runs_of("fig05"))
    assert page.scale == page.profile and page.profile.startswith(f"{page.study.profile} (")
    assert (labels.number, labels.decimals, labels.spread_of) == (numbers.number, numbers.decimals, numbers.spread_of)


def test_a_stand_in_says_so_and_names_the_command():
    note = notes.stand_in_note(studies.study("fig03", "laptop", dataset="tinyimagenet100"))
    assert "Not cifar100: tinyimagenet100" in note and "100 training images each" in note
    assert "hcl run fig03 --profile paper -p dataset=cifar100" in note and "real thing" not in note
    assert "hcl run fig03 --profile laptop -p dataset=cifar100" in note
    assert notes.stand_in_note(studies.study("fig03", "laptop", dataset="cifar100")) == ""


def test_the_summary_says_what_is_seen_and_links_the_verdicts():
    """What it says of which runs is in test_seen.py."""
    study = studies.study("fig05", "laptop")
    page = pages.Page(study, [with_means(run) for run in runs_of("fig05")])
    said = page.summary().data
    assert said.startswith("**What is seen.** Supervised, ") and " Unsupervised, " in said
    assert f'<a href="#verdicts">Of the paper\'s {len(page.verdicts)} claims about this: {page.counts}</a>.' in said
    assert sum(page.verdicts["verdict"].value_counts()) == len(page.verdicts)


def with_means(run):
    """A run whose class means are as many clusters as classes."""
    return replace(run, arrays={"means": np.eye(run.spec.num_classes)[:, 1:]})


def test_ball_and_sphere_are_compared_run_by_run_after_epoch_0():
    """Rows without a normalisation or from another start are no partners; a different epoch 0 is no difference."""

    def with_start(run):
        ball = run.spec.normalization == "unit_ball"
        end = run.history.assign(zero_sum=0.5 if ball and run.spec.hardness == 2 else 0.1)
        return replace(run, history=pd.concat([pd.DataFrame([{"epoch": 0, "zero_sum": float(ball)}]), end]))

    study = studies.study("fig06", "laptop")
    made = [with_start(run) for run in runs_of("fig06")]
    said = pages.Page(study, made).ball_and_sphere().data
    assert "Some did with HSCL, β = 2 and HUCL, β = 2, which are two runs each." in said
    assert "No feature ever lay inside it with SCL; HSCL, β = 5; " in said and " 10 pairs" not in said
    none = pages.Page(study, [run for run in made if run.spec.hardness == 2]).ball_and_sphere().data
    assert "No feature" not in none and "some features did lie inside it: they are two runs each" in none
    only = [replace(run, provenance={"same_as": "another"}) for run in made if run.spec.normalization == "unit_sphere"]
    assert "Some did" not in pages.Page(study, only).ball_and_sphere().data
    ball = [run for run in made if run.spec.normalization == "unit_ball"]
    assert "no setting in common at one profile" in pages.Page(study, ball).ball_and_sphere().data


def provenance(run):
    made = {"device": "a CPU", "torch": "2", "commit": "abc", "data_source": "files", "wall_seconds": 60.0}
    return replace(run, provenance=made | dict(run.provenance))


def test_rows_at_profiles_of_their_own_say_so():
    """In the titles, in the tables and in the note, which names what is still to be made."""
    ball, near, sphere, none = studies.parts("fig06", "laptop")
    ball = studies.study("fig06", "workstation", row="unit ball", seeds=[0, 2])
    none = replace(none, partial=True)
    recorded = [made_up(spec, **METRICS) for part in (ball, near, sphere) for spec in part.specs]
    recorded += [made_up(spec, **METRICS) for spec in none.specs if spec.supervised]
    recorded = [
        replace(run, provenance={"same_as": "x"} if run.spec.normalization == "unit_sphere" else {}) for run in recorded
    ]
    page = pages.Page(ball, list(map(provenance, recorded)), (ball, near, sphere, none))
    assert "unit ball: workstation" in page.floor_table().to_html()
    assert list(page.titles.values()) == [
        "unit ball: workstation, seeds 0, 2", "unit ball, near-NC start: laptop, seed 0",
        "unit sphere: laptop, seed 0", "no normalisation: laptop, seed 0",
    ]  # fmt: skip
    assert "unit ball: workstation, seeds 0, 2" in page.table(["rank"]).to_html()
    drawn = figures.spectrum_panels(page.runs, page.titles)
    assert drawn.axes[0].get_title(loc="left") == "Unit ball: workstation, seeds 0, 2"
    begun = studies.study("fig06", "gpu", row="unit sphere")
    assert "Begun" not in page.note().data
    assert "**Begun** at `gpu`, unit sphere: 0 of 10 runs" in notes.note([sphere], page.runs, [begun])
    note = page.note().data
    assert "**Row unit ball: profile `workstation`**" in note and "20 runs, seed 0, 2, 20 minutes" in note
    assert "25 runs, 10 of them on the sphere shown by the run on the ball that they are to the bit, seed 0, 15" in note
    assert "**Still to be made** at `laptop`, no normalisation, 10 of 10 runs: SCL; HSCL, β = 2" in note


def test_the_main_result_is_a_sentence_with_its_numbers():
    said = pages.Page(
        studies.study("fig05", "laptop"), list(map(with_means, runs_of("fig05", hardness=[5, 10])))
    ).result
    assert said == "At Neural-Collapse: 0, 10 clusters, effective rank 9."
    runs = [
        with_means(made_up(run.spec, equal_inner_product=0.3 - 0.02 * run.spec.hardness, effective_rank=8.25))
        for run in runs_of("fig05", hardness=[0, 5, 10])
    ]
    said = pages.Page(studies.study("fig05", "laptop"), runs).result
    assert said.startswith(
        "Supervised: from SCL (0.300, 10 clusters, effective rank 8.2) without hard negatives to HSCL, β = 10 (0.100, "
    )


def test_floors_of_the_rank_beside_an_untrained_encoder_and_random_directions():
    """Of an ETF every floor gives all dimensions; of one that is flat in a direction the floor decides."""
    etf = simplex_etf(10, 9).numpy()
    flat = etf.copy()
    flat[:, 0] *= 0.02  # ln of the quotient of the squares: about -7.8

    def of(run):
        first = {"epoch": 0, "zero_sum": 0.0, "rank": 7.0, "effective_rank": 1.5, "clusters": 1.0}
        history = pd.concat([pd.DataFrame([first]), run.history])
        arrays = {"means": etf if run.spec.hardness else flat, "spectra": np.array([[0, -5, -8, -12] + [-20] * 5])}
        return replace(run, history=history, arrays=arrays)

    runs = [of(run) for run in runs_of("fig05", hardness=[0, 5], seeds=(0, 1))]
    table = report.floor_sensitivity(runs)
    ranks = [f"rank above −{floor}" for floor in ("4.6", "6.9", "10", "15")]
    assert list(table.columns) == [*ranks, "effective rank", "clusters"]
    assert list(table.index) == ["SCL", "HSCL, β = 5", "UCL", "HUCL, β = 5", "untrained encoder", "random directions"]
    assert table.loc["HSCL, β = 5"].tolist() == pytest.approx([9, 9, 9, 9, 9, 10])
    assert table.loc["SCL", ranks].tolist() == [8, 8, 9, 9] and table.loc["SCL", "effective rank"] == pytest.approx(
        8, abs=0.05
    )
    assert table.loc["untrained encoder"].tolist() == [1, 2, 3, 4, 1.5, 1]
    noise = table.loc["random directions"]
    assert noise["clusters"] == 10 and noise["rank above −15"] == 9 and noise["effective rank"] < 8
    older = [replace(run, arrays={"means": etf}) for run in runs]
    assert report.floor_sensitivity(older).loc["untrained encoder", ranks].fillna(-1).tolist() == [-1, -1, 7, -1]
    rows = report.floor_sensitivity(runs_of_rows(), {"unit ball": "the first"})
    assert {"the first", "unit sphere", "–"} <= set(rows.index.get_level_values("row"))
    assert "near-NC model" not in rows.index.get_level_values("method"), "no record of epoch 0"


def runs_of_rows():
    return [with_means(run) for run in runs_of("fig06", hardness=[0, 5])]


def test_the_best_epoch_stands_beside_the_settled_values():
    """A run at its least loss at epoch 30 that ends with classes together; older records have no clusters."""
    run = runs_of("fig05", hardness=[0])[0]
    history = pd.DataFrame(
        {"epoch": [0, 30, 40, 50, 60], "zero_sum": 0.1, "loss": [0.7, 0.28, 0.4, 0.41, 0.42],
         "equal_inner_product": [1, 0.01, 0.3, 0.3, 0.3], "effective_rank": [2, 9, 4, 4.5, 5],
         "clusters": [1, 10, 5, 5, 5]}
    )  # fmt: skip
    table = report.course_frame([replace(run, history=history, arrays={})])
    assert table.loc["SCL"].to_dict() == {
        "best_epoch": 30, "loss, best epoch": 0.28, "loss, settled": 0.41, "equal_inner_product, best epoch": 0.01,
        "equal_inner_product, settled": 0.3, "effective_rank, best epoch": 9, "effective_rank, settled": 4.5,
        "clusters, best epoch": 10, "clusters, settled": 5,
    }  # fmt: skip
    older = replace(run, history=history.drop(columns="clusters"), arrays={"means": np.eye(10)})
    table = report.course_frame([older])
    assert isnan(table.loc["SCL", "clusters, best epoch"]) and table.loc["SCL", "clusters, settled"] == 10
    assert figures.recorded([older], ["effective_rank", "clusters"]) == ["effective_rank"]
    shown = report.show_table(table).to_html()
    assert ">4.5<" in shown and "effective rank, best epoch" in shown


def test_costs_are_medians_of_the_records_of_a_profile(runs_root):
    made = {"device": "CPU Some Kind, 2 cores", "threads": 1}
    for seed, seconds in enumerate((60, 1500, 3000)):
        run = replace(runs_of("fig05")[0], provenance=made | {"wall_seconds": seconds}, arrays={"means": np.eye(3)})
        save(replace(run, spec=replace(run.spec, seed=seed)), "workstation")
    synthetic = replace(runs_of("fig02")[0], provenance={"device": "A GPU", "wall_seconds": 12.4})
    save(synthetic, "workstation")
    taken = costs.costs()
    assert taken["workstation"] == {
        "images": "25 min a run (3 records, 1 thread each of 2 cores)", "synthetic": "12 s a run (1 record, A GPU)",
    }  # fmt: skip
    assert taken["paper"] == {"images": "–", "synthetic": "–"} and set(taken) == set(profiles.PROFILES)
    note = costs.cost_note("cifar10")
    assert "`workstation` 25 min a run" in note and "`paper` –" in note and "12 s" in costs.cost_note("synthetic")
    assert [costs.duration(s) for s in (12.4, 100, 7200)] == ["12 s", "2 min", "2.0 h"]


def test_clusters_and_spectra_are_drawn_for_what_there_is():
    only = [run for run in runs_of("table1") if run.spec.supervised]
    for figure in (figures.cluster_panel(only), figures.spectrum_panels(only), figures.metric_panels(only, ["rank"])):
        assert len(figure.axes) == 1
    rows = figures.spectrum_panels(runs_of("fig06"))
    assert [axis.get_title(loc="left") for axis in rows.axes[:2]] == ["Unit ball", "Unit ball"]
    assert len(rows.axes) == 8


def test_figures_of_a_half_done_study_are_drawn_without_a_warning():
    """Of one row the unsupervised half is still to be made, of the other nothing is: pages show what there is."""
    runs = [run for run in runs_of_rows() if run.spec.supervised or run.spec.normalization == "none"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(figures.spectrum_panels(runs).axes) == 8
        half = [run for run in runs if run.spec.supervised]
        assert len(figures.headline(half).axes) == 3
        assert len(figures.metric_panels(half, ["rank"]).axes) == 1
    assert report.near_nc_frame(runs_of("table2")[1:], ["rank"]).index[0] == "SCL"


def test_verdicts_are_a_line_each():
    table = pages.Page(studies.study("fig05", "laptop"), runs_of("fig05")).verdicts
    html = pages.show_verdicts(table).data
    assert html.count("hcl-chip") == len(table) and all(statement in html for statement in table.index)
