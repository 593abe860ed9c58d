"""The page on losses of other works: its tables, and claims that can fail."""

import pytest

from hcl.companion import contents, neighbours, registry, scoreboard
from hcl.companion.claims import CLAIMS
from hcl.companion.claims.neighbours import NEIGHBOURS
from hcl.companion.evidence import Evidence
from hcl.hucl import best_radius

NOTHING = Evidence((), ())
BY_NAME = {claim.name.split("-", 1)[1]: claim for claim in NEIGHBOURS}


@pytest.mark.parametrize("claim", NEIGHBOURS, ids=lambda claim: claim.name)
def test_what_is_claimed_is_so(claim):
    verdict = claim.check(NOTHING)
    assert verdict.status == "reproduced", verdict.measured


def test_the_claims_stand_beyond_the_paper_and_need_no_run():
    figure = registry.FIGURES["neighbours"]
    assert figure.part == registry.BEYOND and figure.dataset is None and "neighbours" not in registry.CAMPAIGN
    mine, said = ([c for c in CLAIMS if c.figure == name] for name in ("neighbours", "neighbours_said"))
    assert [*said, *mine] == list(NEIGHBOURS) and all(claim.on == "computed" for claim in NEIGHBOURS)


def test_what_the_paper_says_of_other_works_counts_as_its_own():
    figures = [registry.FIGURES[name] for name in ("neighbours", "neighbours_said", "neighbours_trained")]
    assert [figure.part == registry.PAPER for figure in figures] == [False, True, False]
    assert not any(figure.work for figure in figures) and figures[0].notebook == figures[1].notebook
    board = scoreboard.of_figure("neighbours_said", "neighbours").reset_index()
    paper, others = scoreboard.of_paper(board), scoreboard.of_others(board)
    assert len(paper) == 8 and {work: len(of) for work, of in others.items()} == {"": 4}
    assert set(others[""]["published"]) == {"not asked"} and set(paper["published"]) == {"said", "proved"}
    assert contents.toc().index("Beyond the paper") < contents.toc().index("pages/neighbours\n")


def changed(table, column, value, at=slice(None)):
    table = table.copy()
    table.loc[at, column] = value
    return table


CONTRARY = {
    "supcon-sampling": ("identities", "difference", 1e-6),
    "debiased": ("identities", "difference to another", 0.0),
    "sincere": ("identities", "difference", 1e-6),
    "robinson": ("identities", "difference to another", 1e-6),
    "robinson-debiased": ("identities", "difference", 1e-16),
    "form": ("forms", "0.6 and 0.1", 0.0),
    "supcon-optimum": ("minima", "within class", 0.1),
    "sincere-optimum": ("minima", "off an ETF", 0.1),
    "debiased-optimum": ("minima", "off an ETF", 0.1),
    "robinson-hardness": ("minima", "radius", 1.0),
    "triplet": ("minima", "off an ETF", 0.0),
    "spectral": ("minima", "least", -2.0),
}


@pytest.mark.parametrize("name", BY_NAME)
def test_a_claim_fails_where_its_numbers_say_the_contrary(name, monkeypatch):
    table, column, value = CONTRARY[name]
    wrong = changed(getattr(neighbours, table)(), column, value)
    monkeypatch.setattr(neighbours, table, lambda: wrong)
    assert BY_NAME[name].check(NOTHING).status in ("partly", "not reproduced")


@pytest.mark.parametrize("name", [name for name, (table, *_) in CONTRARY.items() if table == "minima"])
def test_what_is_no_minimum_is_not_taken_for_one(name, monkeypatch):
    steep = changed(neighbours.minima(), "gradient", 0.1)
    monkeypatch.setattr(neighbours, "minima", lambda: steep)
    assert "✗" in BY_NAME[name].check(NOTHING).measured


def test_radii_of_hard_negatives_are_the_derived_ones():
    table = neighbours.minima()
    for beta in neighbours.HARDNESS[1:]:
        derived = best_radius(neighbours.NUM_CLASSES, beta, neighbours.SHARE)
        found = table.loc[(f"hard, τ = 0, β = {beta:g}", neighbours.NUM_CLASSES - 1), "radius"]
        assert found == pytest.approx(derived, abs=1e-6) and derived < 1


def test_every_loss_has_a_row_of_its_sampling_and_two_of_its_minima():
    names = [of.name for of in neighbours.NEIGHBOURS]
    assert list(neighbours.sampling_table().index) == names and len(set(names)) == len(names)
    assert list(neighbours.minima().index) == [(name, d) for name in names for d in (2, 3)]
