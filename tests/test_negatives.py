"""The pages on more negatives: kept points, Lemma 1 by loops, tables, claims that can fail, figures."""

import json
from itertools import product
from math import exp, log, prod

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from hcl.companion import (
    board_html,
    figures_negatives,
    indistinguishable,
    minimisers,
    negatives,
    pictures,
    registry,
    scoreboard,
    style,
)
from hcl.companion import negatives_images as images
from hcl.companion import negatives_tables as tables
from hcl.companion import study as studies
from hcl.companion.claims import negatives as claims
from hcl.companion.claims import negatives_parts as parts
from hcl.companion.drawing import WAITING
from hcl.companion.evidence import Evidence
from hcl.companion.indistinguishable import Case, ExpOfSum
from hcl.exact import exact_loss, independent
from hcl.explore import STATIONARY
from hcl.psi import LogSumExp
from hcl.training import runs
from hcl.training.imbalance import shares

NOTHING = Evidence((), ())
COMPUTED = {claim.name: claim for claim in (*claims.NEGATIVES, *claims.OURS) if claim.on == "computed"}


def points(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=generator, dtype=torch.float64), dim=-1)


# Kept points


def test_what_is_kept_answers_what_is_asked_and_says_what_made_it():
    kept = minimisers.kept(negatives.PATH)
    assert set(kept) == {"made", *negatives.questions()} and kept["made"].keys() >= {"date", "commit", "torch"}
    for question, asked in negatives.questions().items():
        assert [row["asked"] for row in kept[question]] == json.loads(json.dumps(asked))


@pytest.mark.parametrize("question", ["few", "frequent", "tail"])
def test_kept_points_are_on_the_sphere_and_stationary_for_the_loss_without_1_over_k(question):
    for a in negatives.answers(question)[::5]:
        assert a.problem.psi == LogSumExp(1.0) and a.problem.space == "unit_sphere" and not a.problem.supervised
        assert (a.z.norm(dim=1) - 1).abs().max() < 1e-11 and a.gradient < STATIONARY and a.restarts == 10
        moved = F.normalize(a.z + 1e-3 * points(0, *a.z.shape), dim=-1)
        assert a.problem.projected_gradient(moved[None]) > STATIONARY


@pytest.mark.parametrize(("question", "at"), [("frequent", 14), ("few", 4)])
def test_a_search_ends_again_where_it_did(question, at):
    row = minimisers.search(negatives.questions()[question][at], seed=77, restarts=3)
    again = minimisers._answer(question, row)
    assert again.loss == pytest.approx(negatives.answers(question)[at].loss, abs=1e-9)


def test_weights_fall_by_equal_factors_and_random_ones_are_the_same_each_time():
    assert negatives.tailed(3, 100.0) == pytest.approx((1, 0.1, 0.01))
    assert negatives.drawn(4) == negatives.drawn(6)[:4] and {len(rho) for rho in negatives.drawn(3)} == {3, 4, 5}


# Lemma 1


def by_loops(z, labels, rho, k):
    """The loss of the slides over all anchors, positives and sequences of negatives."""
    items = [rho[c] / labels.count(c) for c in labels]
    total = 0.0
    for x, p in enumerate(items):
        for positive, c in enumerate(labels):
            if c != labels[x]:
                continue
            for drawn in product(range(len(labels)), repeat=k):
                chance = p / labels.count(c) * prod(items[i] for i in drawn)
                total += chance * log(1 + sum(exp(float(z[x] @ (z[i] - z[positive]))) for i in drawn))
    return total


def test_merging_a_class_is_what_its_definition_says_and_its_loss_that_of_a_loop():
    labels, rho = [0, 0, 1, 1], (0.7, 0.3)
    z = points(0, 4, 2)
    merged = indistinguishable.merged(z, torch.tensor(labels), 0)
    for item in (0, 1):
        by_hand = z.clone()
        by_hand[0] = by_hand[1] = z[item]
        assert torch.equal(merged[item], by_hand)
    population = independent(torch.tensor(labels), rho)
    ours = exact_loss(merged, population, supervised=False, k=2, psi=LogSumExp(1.0)).tolist()
    assert ours == pytest.approx([by_loops(one, labels, rho, 2) for one in merged])
    assert sum(ours) / 2 < by_loops(z, labels, rho, 2)


def test_several_representations_are_merged_at_a_time():
    z = points(1, 5, 4, 2)
    labels = torch.tensor([0, 1, 1, 0])
    merged = indistinguishable.merged(z, labels, 1)
    assert merged.shape == (5, 2, 4, 2)
    assert all(torch.equal(merged[i], indistinguishable.merged(z[i], labels, 1)) for i in range(5))


def test_merging_lowers_the_logistic_loss_and_not_that_which_is_convex_in_the_sum():
    cases = [Case("log(1 + sum)", LogSumExp(1.0), 2, (1.0, 1.0)), Case("other", ExpOfSum(), 2, (1.0, 1.0))]
    table = indistinguishable.lemma_table(cases, trials=20)
    assert table["lower"].tolist()[0] == 40 == table["trials"].tolist()[0] and table["merged lower"].iloc[0] == 20
    assert table["lower"].iloc[1] < 40 and table["least gain"].iloc[1] < 0 < table["least gain"].iloc[0]


def test_the_other_loss_is_strictly_convex_increasing_and_symmetric_as_the_lemma_asks():
    psi, a, b = ExpOfSum(), points(0, 300, 3), points(1, 300, 3)
    assert (psi((a + b) / 2) < (psi(a) + psi(b)) / 2).all() and torch.allclose(psi(a), psi(a.flip(-1)))
    assert (psi(a + torch.tensor([0.0, 0.1, 0.0])) > psi(a)).all()
    assert float(psi(torch.tensor([0.1, 0.2]))) == pytest.approx(exp(0.9) + (exp(0.1) + exp(0.2)) / 2)
    with pytest.raises(ValueError, match="pass a finite k"):
        psi.expectation(a, a)


# Tables


def test_accuracy_shares_ties():
    z = torch.eye(3, dtype=torch.float64)[[0, 1, 2, 2]]
    labels, items = torch.tensor([0, 1, 1, 2]), torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    w = torch.eye(3, dtype=torch.float64)
    assert tables.accuracy(z, labels, w, items) == pytest.approx(0.4 + 0.3 + 0.1)
    w[1] = torch.tensor([0.0, 1.0, 1.0])
    assert tables.accuracy(z, labels, w, items) == pytest.approx(0.4 + 0.3 + 0.1 + 0.05)


def test_how_separations_follow_the_weights_is_a_rank_correlation_of_pairs():
    weights = (4.0, 2.0, 1.0)
    gram = torch.tensor([[1.0, -0.8, -0.5], [-0.8, 1.0, 0.1], [-0.5, 0.1, 1.0]])
    assert tables.follows(gram, weights) == pytest.approx(-1)
    assert tables.follows(-gram, weights) == pytest.approx(1)


def test_the_largest_rise_is_that_within_a_group():
    index = pd.MultiIndex.from_product([["a", "b"], [1, 4, 16]], names=["case", "k"])
    table = pd.DataFrame({"downstream loss": [3.0, 2.0, 2.5, 9.0, 8.0, 7.0]}, index=index)
    assert tables.falls(table).to_dict() == {"a": 0.5, "b": -1.0}


def test_tables_are_of_the_points_and_bounds_of_the_losses_in_them():
    few = tables.few_table()
    assert list(few.index.names) == ["C", "d", "k"] and (few["proved to"].abs() < 1e-6).all()
    bounds = tables.bounds_table("frequent", 3, 5.0)
    assert list(bounds.index) == list(negatives.COUNTS)
    assert (bounds["τ"] < bounds["contrastive loss"]).all() and (bounds["downstream loss"] <= bounds["to"]).all()
    assert bounds["α (loss − τ)"].to_numpy() == pytest.approx(
        (bounds["α"] * (bounds["contrastive loss"] - bounds["τ"])).to_numpy()
    )


# Claims


@pytest.fixture
def with_table(monkeypatch):
    """Have every computed claim see a table that is changed."""

    def change(by):
        inner = parts.table_of
        monkeypatch.setattr(parts, "table_of", lambda compute: by(inner(compute).copy()))

    return change


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("negatives_unbalanced-points", "within class", 0.1), ("negatives_unbalanced-points", "gradient", 1.0),
        ("negatives_merging-nearer", "rare with rare", None), ("negatives_merging-few", "downstream loss", None),
        ("negatives_unbalanced-conjecture-frequent", "downstream loss", None),
        ("negatives_merging-merge", "clusters", None),
    ],
)  # fmt: skip
def test_a_computed_claim_holds_and_fails_where_its_numbers_say_so(name, column, value, with_table):
    claim = COMPUTED[name]
    assert claim.check(NOTHING).status == "reproduced"

    def changed(table):
        table[column] = np.arange(len(table)) % 3 + 1 if value is None else value
        return table

    with_table(changed)
    assert claim.check(NOTHING).status in ("not reproduced", "partly")


def test_accuracy_is_lost_only_where_classes_are_merged(with_table):
    claim = COMPUTED["negatives_merging-accuracy"]
    assert claim.check(NOTHING).status == "reproduced"
    with_table(lambda table: table.assign(accuracy=1.0))
    assert claim.check(NOTHING).status == "partly"


def test_collisions_and_the_growing_factor_are_judged_without_points(monkeypatch):
    assert COMPUTED["negatives-trade-off"].check(NOTHING).status == "reproduced"
    verdict = COMPUTED["negatives-alpha"].check(NOTHING)
    assert verdict.status == "reproduced" and "C = 10: least at k = 8" in verdict.measured
    monkeypatch.setattr(tables, "growth", lambda weights, k: float(k))
    assert COMPUTED["negatives-alpha"].check(NOTHING).status == "not reproduced"


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPUTED)
def test_every_computed_claim_has_the_verdict_that_its_page_tells_of(name):
    wanted = "partly" if name == "negatives-lemma-convex" else "reproduced"
    assert COMPUTED[name].check(NOTHING).status == wanted


def test_claims_of_that_work_count_apart_from_the_papers_and_from_ours(monkeypatch):
    some = [claims.NEGATIVES[4], claims.NEGATIVES[-1], claims.OURS[0]]
    monkeypatch.setattr(scoreboard, "CLAIMS", some)
    board = scoreboard.scoreboard()
    others = scoreboard.of_others(board)
    whose = {work: list(of["name"]) for work, of in others.items()}
    work = registry.FIGURES["negatives"].work
    assert whose == {work: ["negatives-trade-off", "negatives_images-unbalanced"], "": ["negatives_merging-merge"]}
    assert not len(scoreboard.of_paper(board))
    html = board_html.matrix(board).data
    assert f"Of {work}" in html and "Of this project" in html and "Of the paper" not in html
    assert f"**of {work}, not of the paper**" in scoreboard.summary(board)
    lines = board_html.claims(others[work], filters=False).data
    assert f"In {work}" in lines and '<span class="hcl-of">published</span>' in lines


# Runs


def made(spec, seed=0):
    means = points(seed, spec.num_classes, spec.num_classes - 1).numpy()
    numbers = dict.fromkeys(images._COLUMNS, 0.5) | {"loss": float(spec.k or 0)}
    return runs.Run(spec, pd.DataFrame({"epoch": [spec.epochs], **numbers}), {"means": means}, {})


def test_runs_differ_in_negatives_and_balance_only_and_are_feasible_at_every_profile():
    for profile in ("smoke", "laptop", "workstation", "gpu"):
        study = studies.study("negatives_images", profile)
        assert [(s.imbalance, s.k) for s in study.specs] == [(r, k) for r in (1.0, 10.0) for k in (1, 16, 512)]
        assert {(s.alpha, s.normalization, s.supervised, s.hardness) for s in study.specs} == {
            (1.0, "unit_sphere", False, 0.0)
        }
    steps = [step.figure for step in registry.order("workstation")]
    papers = [at for at, name in enumerate(steps) if registry.FIGURES[name].part == registry.PAPER]
    assert steps.index("negatives_images") > max(papers)  # hours go to the paper first


def test_the_page_shows_each_setting_once_and_a_line_without_runs():
    specs = studies.study("negatives_images", "workstation", seeds=(0, 1)).specs
    found = [made(spec, spec.seed) for spec in specs]
    table = images.table(found)
    assert table["seeds"].tolist() == [2] * 6 and table["loss"].tolist() == [1, 16, 512] * 2
    assert table["least loss"].isna().tolist() == [False] * 3 + [True] * 3
    grams = images.cosines(found)
    assert list(grams)[:2] == ["balanced, k = 1", "balanced, k = 16"] and list(grams)[-1] == "10 to 1, k = 512"
    assert np.allclose(np.diag(grams["balanced, k = 1"]), 1)
    assert images.cosines([]) == {} and len(images.table([])) == 0
    assert [text.get_text() for text in figures_negatives.cosines({}).axes[0].texts] == [WAITING]
    for drawn in (figures_negatives.cosines(grams), figures_negatives.cosines({})):
        assert pictures.colours(drawn.svg) <= set(style.dark_of()) and drawn.alt


def test_the_shares_of_a_run_are_those_that_its_separations_are_compared_with():
    spec = studies.study("negatives_images", "workstation").specs[-1]
    sizes = np.array(spec.class_sizes([5000] * 10))
    assert np.abs(sizes / sizes.sum() - np.array(shares(10, spec.imbalance))).max() < 1e-3


def test_figures_have_colours_of_the_palette_only():
    counts = tables.counts_table((1.0,) * 3, (1, 4, 16))
    lines = {"a": {"seen": counts["classes seen"], "collided": counts["some collision"]}}
    random = pd.DataFrame(
        {"downstream loss": [1.0, 0.9, 0.8]},
        index=pd.MultiIndex.from_tuples([(0, "r", k) for k in (1, 4, 16)], names=["number", "rho", "k"]),
    )
    drawn = [
        figures_negatives.by_count(lines, "alt", levels={"a": (0.5, "half")}),
        figures_negatives.bounds(tables.bounds_table("frequent", 3, 5.0), 3),
        figures_negatives.changes(random),
    ]
    for one in drawn:
        assert pictures.colours(one.svg) <= set(style.dark_of()) and one.alt
