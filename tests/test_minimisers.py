"""The page on minimisers: kept points are what was asked, stationary and found again; claims that can fail; figures."""

import json
from math import cos, factorial, sin

import pandas as pd
import pytest
import torch
import yaml
from helpers import ROOT

from hcl import hucl
from hcl.companion import board_html, contents, figures_minimisers, minimisers, pictures, registry, scoreboard, style
from hcl.companion import minimisers_tables as tables
from hcl.companion.claims import CLAIMS, beyond
from hcl.companion.claims.beyond import BEYOND
from hcl.companion.evidence import Evidence
from hcl.explore import STATIONARY, Problem
from hcl.geometry import simplex_etf
from hcl.shapes import shape_of

NOTHING = Evidence((), ())
BY_NAME = {claim.name.removeprefix("minimisers-"): claim for claim in BEYOND}
EVERY = [(question, at) for question, asked in minimisers.questions().items() for at in range(len(asked))]

# Kept points


def test_what_is_kept_answers_what_is_asked_and_says_what_made_it():
    kept = minimisers.kept()
    assert set(kept) == {"made", *minimisers.questions()}
    assert kept["made"].keys() >= {"date", "commit", "sources", "torch", "device"}
    for question, asked in minimisers.questions().items():
        assert [row["asked"] for row in kept[question]] == json.loads(json.dumps(asked))
        assert [row["seed"] for row in kept[question]] == list(range(len(asked)))


@pytest.mark.parametrize("question", minimisers.questions())
def test_every_kept_point_is_allowed_and_stationary(question):
    for a in minimisers.answers(question):
        norms = a.z.norm(dim=1)
        assert a.z.shape == (len(a.problem.labels), a.problem.dim) and norms.max() <= 1 + 1e-11
        assert a.problem.space == "unit_ball" or norms.min() > 1 - 1e-11
        assert a.restarts >= 50 and a.stationary and 0 < a.reached <= 50 and 0 < a.converged <= 50
        moved = a.z + 1e-3 * torch.randn(a.z.shape, generator=torch.Generator().manual_seed(0))
        assert a.problem.projected_gradient(moved[None] / moved.norm(dim=1).amax().clamp_min(1)) > STATIONARY


@pytest.mark.parametrize(("question", "at"), [("few", 4), ("weights", 3), ("hucl", 1)])
def test_a_search_ends_again_where_it_did(question, at):
    asked = minimisers.questions()[question][at]
    row = minimisers.search(asked, seed=7, restarts=4)
    again = minimisers._answer(question, row)
    assert again.loss == pytest.approx(minimisers.answers(question)[at].loss, abs=1e-9)
    assert row == minimisers.search(asked, seed=7, restarts=4)


@pytest.mark.slow
@pytest.mark.parametrize(("question", "at"), EVERY)
def test_no_other_search_ends_lower(question, at):
    row = minimisers.search(minimisers.questions()[question][at], seed=1000, restarts=10)
    assert minimisers._answer(question, row).loss > minimisers.answers(question)[at].loss - 1e-8


def test_what_is_written_is_read(tmp_path, capsys):
    asked = {"few": [{"num_classes": 3, "dim": 1, "supervised": True, "per_class": 1}] * 2}
    minimisers.write(tmp_path / "found.json", asked)
    first, second = minimisers.answers("few", tmp_path / "found.json")
    assert first.loss == pytest.approx(second.loss, abs=1e-9) and first.method == "SCL" and first.restarts == 50
    assert capsys.readouterr().out == "few 2\n"


def test_methods_are_called_what_they_are():
    assert {a.method for a in minimisers.answers("weights")} == {"SCL", "UCL", "HUCL, β = 5"}
    assert {a.method for a in minimisers.answers("polynomial")} == {f"HUCL, ε = {e:g}" for e in minimisers.EPSILONS}


# Tables


def test_the_best_shrunken_etf_is_that_of_the_bound_in_the_limit_and_lower_before():
    for c, beta in ((3, 5.0), (10, 1.0), (10, 30.0)):
        limit, radius = tables.best_shrunken_etf(c, beta, None)
        assert limit == pytest.approx(hucl.hucl_lower_bound(c, beta), abs=1e-12)
        assert radius == pytest.approx(hucl.best_radius(c, beta), abs=1e-4)
        assert tables.best_shrunken_etf(c, beta, 1)[0] < tables.best_shrunken_etf(c, beta, 16)[0] < limit


@pytest.mark.parametrize(("supervised", "ratio"), [(True, 6.03), (False, 18.04)])
def test_at_the_merging_ratio_parting_by_a_small_angle_begins_to_cost(supervised, ratio):
    edge = tables.merging_ratio(supervised)
    assert edge == pytest.approx(ratio, abs=0.005)
    shapes = [[[0.0, 1.0], [sin(a), -cos(a)], [-sin(a), -cos(a)]] for a in (0.0, 0.02)]
    z = torch.tensor(shapes, dtype=torch.float64)
    for part, costs in ((0.97, False), (1.03, True)):
        asked = Problem(num_classes=3, dim=2, per_class=1, supervised=supervised, class_weights=(part * edge, 1.0, 1.0))
        merged, parted = asked.loss(z).tolist()
        assert (parted > merged) == costs


def test_bodies_are_called_by_their_names():
    def named(points):
        points = torch.tensor(points, dtype=torch.float64)
        return tables.body(shape_of(points, torch.arange(len(points))), points.shape[1])

    assert named([[1, 0], [0, 1], [-1, 0], [0, -1]]) == "square"
    assert named([[0.5, 0], [0, 0.5], [-0.5, 0], [0, -0.5]]) == "square"
    assert named([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]]) == "octahedron"
    assert named([[1.0], [1.0], [-1.0]]) == "2 points: classes merge"
    angles = 2 * torch.pi * torch.arange(7) / 7
    assert named(torch.stack([angles.cos(), angles.sin()], 1).tolist()) == "regular heptagon"
    root = 3**0.5 / 2
    assert named([[0, 0, 1], [0, 0, -1], [1, 0, 0], [-0.5, root, 0], [-0.5, -root, 0]]) == "triangular bipyramid"
    assert named(simplex_etf(4, 3).tolist()) == "ETF"
    assert named((simplex_etf(4, 3) / 2).tolist()) == "ETF of radius 0.5000"
    assert named([[1, 0, 0], [0, 1, 0], [0, 0, 1]]) == "regular simplex off the centre"
    assert named([[1, 0], [0, 1], [-0.6, 0.8]]) == "no regular body"


def test_shapes_are_written_in_a_few_words():
    assert tables.written(shape_of(simplex_etf(4, 3), torch.arange(4))) == "-0.333"
    square = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]], dtype=torch.float64)
    assert tables.written(shape_of(square, torch.arange(4))) == "-1.000 (2), 0.000 (4)"
    many = torch.nn.functional.normalize(torch.randn(6, 3, generator=torch.Generator().manual_seed(0)))
    assert tables.written(shape_of(many, torch.arange(6))) == "15 different"


# Claims


@pytest.mark.parametrize("claim", BEYOND, ids=lambda c: c.name)
def test_the_kept_points_bear_our_statements_out(claim):
    verdict = claim.check(NOTHING)
    assert verdict.status == "reproduced", verdict


CONTRARY = {
    "bound": lambda t: t.assign(**{"above the bound": 1e-3, "gradient": 1.0}),
    "shape": lambda t: t.assign(**{"off a shrunken ETF": 0.1, "symmetry": 2, "gradient": 1.0}),
    "critical": lambda t: t.assign(radius=0.999, gradient=1.0),
    "finite": lambda t: t.assign(
        **{"above the best shrunken ETF": -1e-3, "off a shrunken ETF": 0.1, "symmetry": 2, "gradient": 1.0}
    ),
    "sphere": lambda t: t.assign(
        **{"above the bound": [0.1 if c == d else 0.0 for c, d, _ in t.index], "norm of the mean": 0.0, "gradient": 1.0}
    ),
    "polynomial": lambda t: t.assign(**{"above the bound": 1e-3, "symmetry": 2, "least norm": 0.5, "gradient": 1.0}),
    "polynomial-flat": lambda t: t.assign(
        **{"above the bound": [0.1 if (c, e) == (10, 1) else 0.0 for c, _, e in t.index], "gradient": 1.0}
    ),
    "half": lambda t: t.assign(shape="no regular body", gradient=1.0),
    "few": lambda t: t.assign(shape="2 points: classes merge", norm=0.5, gradient=1.0),
    "merge": lambda t: t.assign(clusters=3, gradient=1.0),
    "unequal-points": lambda t: t.assign(**{"within class": 0.1, "gradient": 1.0}),
    "unequal-hucl": lambda t: t.assign(
        **{"clusters": 2, "rare with rare": 1.0, "norm, rare": 0.0, "norm, frequent": 0.5, "gradient": 1.0}
    ),
    "share": lambda t: t.assign(**{"within class": 0.1, "gradient": 1.0}),
    "means": lambda t: t.assign(**{"means off an ETF of it": 0.1, "gradient": 1.0}),
    "scl-share": lambda t: t.assign(**{"above the bound": -0.1, "gradient": 1.0}),
}


@pytest.mark.parametrize("name", CONTRARY)
def test_a_statement_fails_on_numbers_that_contradict_it(name, monkeypatch):
    table = beyond._table
    monkeypatch.setattr(beyond, "_table", lambda compute: CONTRARY[name](table(compute)))
    assert BY_NAME[name].check(NOTHING).status == "not reproduced"


def test_the_statement_on_own_positives_fails_where_items_form_no_etf(monkeypatch):
    assert set(BY_NAME) == {*CONTRARY, "own"}
    monkeypatch.setattr(tables, "etf_of_all_items", lambda: (0.2, 0.01))
    assert BY_NAME["own"].check(NOTHING).status == "partly"


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("bound", lambda t: t.assign(**{"above the bound": t["above the bound"] - 1e-7})),
        ("merge", lambda t: t.assign(clusters=2 + (t.index.get_level_values("ratio") != 5))),
        ("critical", lambda t: t.assign(radius=1.0)),
        ("polynomial", lambda t: t.assign(symmetry=t["symmetry"] - (t.index.get_level_values("C") == 3))),
        ("polynomial-flat", lambda t: t.assign(**{"off a shrunken ETF": 0.0})),
        ("share", lambda t: t.assign(**{"within class": 0.0})),
    ],
)
def test_where_a_statement_ends(name, changed, monkeypatch):
    table = beyond._table
    monkeypatch.setattr(beyond, "_table", lambda compute: changed(table(compute)))
    assert BY_NAME[name].check(NOTHING).status != "reproduced"


# The book


def test_our_statements_stand_apart_from_the_papers(monkeypatch):
    beyond = [claim for claim in CLAIMS if registry.FIGURES[claim.figure].part != registry.PAPER]
    own = [claim for claim in beyond if claim.figure == "minimisers"]
    assert own == list(BEYOND) and not registry.FIGURES["minimisers"].work
    some = [claim for claim in CLAIMS if claim.name in ("theory-no-dc", "theory-decay")] + own
    monkeypatch.setattr(scoreboard, "CLAIMS", some)
    board = scoreboard.scoreboard()
    paper = scoreboard.of_paper(board)
    assert list(board.drop(paper.index)["name"]) == [claim.name for claim in BEYOND]
    first, second = board_html.matrix(board).data.split("</table>")[:2]
    assert "Of the paper" in first and "Of this project" in second
    for claim in some:
        assert (f"#claim-{claim.name}" in second) == (claim in BEYOND)
    lines = board_html.claims(board.drop(paper.index), filters=False).data
    assert "<form" not in lines and "ours; paper" in lines and "ours; paper" not in board_html.claims(paper).data
    assert scoreboard.summary(paper).count("**all**") == 1 and "this project" not in scoreboard.summary(paper)
    rows = scoreboard.summary(board).splitlines()
    assert [row.split("|")[1].strip() for row in rows[-3:]] == [
        "**all**", "minimisers", "**of this project, not of the paper**",
    ]  # fmt: skip
    assert f"| **{len(BEYOND)}** |" in rows[-1]


def test_the_page_is_in_a_part_of_its_own():
    parts = {part["caption"]: part["chapters"] for part in yaml.safe_load(contents.toc())["parts"]}
    assert parts[registry.BEYOND][0] == {"file": "book/pages/minimisers"}
    captions = list(parts)
    assert captions.index(registry.BEYOND) == captions.index(registry.PAPER) + 1
    assert "book/pages/minimisers" in (ROOT / "_toc.yml").read_text(encoding="utf-8")


def test_figures_have_colours_of_the_palette_only():
    unequal, positives = tables.weights_table(), tables.positives_table()
    means = {"1 : 1 : 1": simplex_etf(3, 2), "10 : 1 : 1": torch.tensor([[1.0, 0], [-1, 0], [-1, 0]])}
    drawn = [
        figures_minimisers.least_hucl(tables.hucl_table()), figures_minimisers.in_the_plane(means),
        figures_minimisers.rare_classes(unequal), figures_minimisers.own_positives(positives, [(0.4, "p*")]),
    ]  # fmt: skip
    for one in drawn:
        assert pictures.colours(one.svg) <= set(style.dark_of()) and one.alt


def test_the_plane_is_turned_so_that_the_frequent_class_is_above():
    turned = figures_minimisers._upwards(simplex_etf(3, 2))
    assert turned[0] == (pytest.approx(0, abs=1e-12), pytest.approx(1)) and turned[1][0] < 0 < turned[2][0]
    assert sum(x * x + y * y for x, y in turned) == pytest.approx(3)


def test_a_full_symmetry_is_all_permutations():
    assert tables.full_symmetry(5) == factorial(5) and isinstance(tables.few_table(), pd.DataFrame)
