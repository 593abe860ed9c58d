"""The front page, "The idea in pictures", and the glossary."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml
from docutils import nodes
from docutils.utils import new_document
from helpers import ROOT
from sphinx import addnodes

from hcl.companion import front, idea_figures, idea_moving, idea_records
from hcl.companion.claims import CLAIMS
from hcl.companion.extensions import terms
from hcl.companion.extensions.front import define
from hcl.geometry import simplex_etf
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

SPEC = RunSpec(
    dataset="tinyimagenet100", supervised=True, num_train=5000, encoder="small_resnet", stem="patch", epochs=70,
    batch_size=128,
)  # fmt: skip


def made_up(means, spec=SPEC, **arrays):
    means = np.asarray(means, dtype=float)
    spec = replace(spec, epochs=2)
    columns = {"zero_sum": 0.0, "equal_inner_product": 0.25, "clusters": 7.0, "effective_rank": 5.6}
    history = pd.DataFrame({"epoch": [0, 1, 2], **{name: [value] * 3 for name, value in columns.items()}})
    provenance = {"device": "CPU Made Up, 2 cores", "wall_seconds": 600.0}
    return Run(spec, history, {"means": means, **arrays}, provenance)


def board(**verdicts):
    rows = [(name.replace("_", "-"), verdict) for name, verdict in verdicts.items()]
    return pd.DataFrame(rows, columns=["name", "verdict"])


# Three sentences


def test_the_sentences_count_and_name_the_first_claims_of_a_board():
    made = board(
        other="reproduced", fig03_plain="reproduced", fig03_hscl="not judged", theory_batches="partly",
        table1_beta2="not reproduced", more="waiting", another="waiting",
    )  # fmt: skip
    (_, held, first), (_, failed, second), (_, open_, third) = front.sentences(made)
    assert held == "What held (2 of 5 claims):"
    assert first == f"{front.FIRST['fig03-plain']}; and 1 more."
    assert failed == "What did not (2 of 5 claims, 1 of them in part):"
    assert second == f"that {front.FIRST['theory-batches']}; that {front.FIRST['table1-beta2']}."
    assert open_ == "What could not be told (1 of 5 claims; 2 more wait for their runs):"
    assert third == f"whether {front.FIRST['fig03-hscl']}."


def test_the_sentences_of_an_empty_board_and_of_one_side_only():
    assert [rest for *_, rest in front.sentences(board())] == ["nothing."] * 3
    everything = board(**{claim.name.replace("-", "_"): "reproduced" for claim in CLAIMS})
    first, *others = front.sentences(everything)
    assert f"({len(CLAIMS)} of {len(CLAIMS)} claims" in first[1] and f"and {len(CLAIMS) - 3} more." in first[2]
    assert [rest for *_, rest in others] == ["nothing."] * 2
    assert front.outcome(everything).count("<li") == 3


def test_the_claims_that_are_named_are_there():
    assert set(front.FIRST) <= {claim.name for claim in CLAIMS}


# The paper beside these runs


def test_the_table_has_the_papers_scale_and_that_of_the_records():
    table = front.beside([made_up(np.eye(3)), made_up(np.eye(3), replace(SPEC, seed=4))])
    assert list(table.index) == ["encoder", "images", "epochs", "batch", "seeds", "hardware"]
    assert list(table["paper"][:4]) == ["ResNet-50, CIFAR stem", "50,000 of CIFAR-100", "400", "512"]
    assert list(table["here"]) == [
        "a small ResNet, 3 blocks, 4×4 patches", "5,000 of tinyimagenet100", "2", "128", "2 (seeds 0, 4)",
        "Made Up, 2 cores; 10 minutes a run",
    ]  # fmt: skip
    assert front.beside_table([made_up(np.eye(3))]).count("<tr>") == 7


def test_the_result_says_where_runs_end():
    hard = made_up(np.eye(3), replace(SPEC, hardness=10.0))
    hard.history[["equal_inner_product", "clusters", "effective_rank"]] = 0.001, 100, 97.7
    assert front.result([made_up(np.eye(3)), hard]) == (
        "100 classes, trained with labels: without hard negatives (SCL) they merge into 7 clusters and fill 6 of 99 "
        "dimensions; with them (HSCL, β = 10) all stay apart and fill 98 of 99 dimensions."
    )
    assert front.result([made_up(np.eye(3), replace(SPEC, supervised=False))]).startswith("No supervised run")


def test_the_note_on_data_is_that_of_the_runs():
    note = front.data_note([made_up(np.eye(3))])
    assert "tinyimagenet100 stands in" in note and " 50 images a class" in note
    whole = replace(SPEC, dataset="cifar100", num_train=None)
    assert front.data_note([made_up(np.eye(3), whole)]) == "These runs are on CIFAR-100, the paper's data."


@pytest.mark.parametrize("config", [None, "", "title: A", "repository:", "repository: {url: ''}", "repository: {}"])
def test_without_an_address_the_code_is_not_linked(config, tmp_path):
    if config is not None:
        (tmp_path / "_config.yml").write_text(config)
    assert link_of(tmp_path) == ""


def test_the_code_is_linked_where_its_address_is_known(tmp_path):
    (tmp_path / "_config.yml").write_text("repository:\n  url: https://example.org/someone/hcl/\n")
    assert link_of(tmp_path) == " · [The code](https://example.org/someone/hcl)"


def link_of(root):
    """What `{{ code_link }}` is in the book of a project."""
    app, config = SimpleNamespace(confdir=str(root), srcdir=str(root)), SimpleNamespace(myst_substitutions={"a": "b"})
    define(app, config)
    assert config.myst_substitutions["a"] == "b"
    return config.myst_substitutions["code_link"]


def test_the_bibtex_of_the_front_page_is_that_of_the_citation_file():
    bibtex = re.search(r"```bibtex\n(.*?)```", (ROOT / "book/index.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    bibtex = re.sub(r"\s+", " ", bibtex)
    paper = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["preferred-citation"]
    authors = " and ".join(f"{author['family-names']}, {author['given-names']}" for author in paper["authors"])
    assert f"{{{paper['title']}}}" in bibtex and f"{{{authors}}}" in bibtex and f"{{{paper['year']}}}" in bibtex
    assert paper["identifiers"][0]["value"] in bibtex


# The idea in pictures


def test_hardening_weights_similarities_by_the_exponential():
    counts = np.array([5.0, 3.0, 0.0, 2.0])  # at -.75, -.25, .25, .75
    weights = counts * np.exp(4 * np.array([-0.75, -0.25, 0.25, 0.75]))
    np.testing.assert_allclose(idea_records.tilted(counts, 4.0), weights / weights.sum())
    np.testing.assert_allclose(idea_records.tilted(counts, 0.0), counts / 10)
    histogram = np.zeros(100)
    histogram[[10, 97]] = 96, 4
    assert idea_records.near_share(idea_records.tilted(histogram, 0.0)) == pytest.approx(0.04)
    assert idea_records.near_share(idea_records.tilted(histogram, 30.0)) > 0.999


def test_without_labels_hard_draws_are_of_the_anchors_own_class():
    counts = np.zeros((2, 100))
    counts[0, 99], counts[1, 49] = 1, 99  # of its class at 1, of others at 0
    assert idea_records.own_share(counts, 0.0) == pytest.approx(0.01)
    assert idea_records.own_share(counts, 5.0) == pytest.approx(1 / (1 + 99 * np.exp(-5.0)), rel=0.01)


def test_classes_are_the_angle_of_a_simplex_apart():
    for classes in (2, 3, 4, 100):
        etf = simplex_etf(classes, classes - 1).numpy()
        assert np.cos(np.radians(idea_figures.angle(classes))) == pytest.approx(etf[0] @ etf[1], abs=1e-9)


def test_merged_classes_are_neighbours_in_the_picture():
    places = np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1, 2]] + np.random.default_rng(0).normal(0, 0.01, (9, 3))
    order = idea_records.by_cluster(places)
    assert sorted(order) == list(range(9))
    assert all(len({int(c) % 3 for c in order[i : i + 3]}) == 1 for i in (0, 3, 6))


def test_the_colours_of_inner_products_are_clear_at_zero_and_full_at_the_ends():
    low, zero, high, beyond = idea_records.diverging(np.array([-1.0, 0.0, 1.0, 1.7]))
    assert zero[3] == 0 and low[3] == high[3] == 255 and (high == beyond).all() and (low[:3] != high[:3]).all()


def points_run(hardness=0.0, frames=4):
    rng = np.random.default_rng(1)
    labels = np.arange(3).repeat(100)
    means = simplex_etf(3, 2).numpy()
    points = np.stack([means[labels] * share + rng.normal(0, 0.1, (300, 2)) for share in np.linspace(0, 1, frames)])
    epochs = np.arange(frames) * 10
    spec = RunSpec(dataset="synthetic", supervised=True, hardness=hardness)
    return made_up(means, spec, points=points, point_epochs=epochs, labels=labels)


def test_the_slider_has_a_frame_for_every_recorded_epoch_and_shows_the_last():
    html = idea_moving.moving([points_run(), points_run(10.0)]).data
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html)[1])
    assert data["epochs"] == [0, 10, 20, 30] and 'max="3"' in html and 'value="3"' in html
    assert [len(panel) for panel in data["panels"]] == [4, 4]
    for panel in data["panels"]:
        assert all([paths.count("M") for paths in frame] == [50, 50, 50] for frame in panel)
        assert all(f'd="{paths}"' in html for paths in panel[-1]), "what is seen without a script"
        assert panel[0] != panel[-1]
    assert "hidden" in re.search(r'<div class="hcl-controls"[^>]*>', html)[0], "a slider that nothing moves"


def test_runs_without_points_and_on_other_epochs_are_told_apart():
    assert idea_moving.with_points([made_up(np.eye(3)), run := points_run()]) == [run]
    with pytest.raises(ValueError, match="different epochs"):
        idea_moving.moving([points_run(), points_run(frames=5)])


def test_the_dotted_triangle_is_turned_to_the_class_means():
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    turned = simplex_etf(3, 2).numpy() @ turn
    np.testing.assert_allclose(idea_moving.triangle(turned), turned, atol=1e-12)


def test_every_drawing_is_described():
    runs = [made_up(np.eye(6) - 1 / 6), made_up(np.eye(6), replace(SPEC, hardness=10.0))]
    similar = made_up(np.eye(6), similarities=np.ones((1, 2, 100)))
    drawn = [
        idea_figures.samples(), idea_figures.simplices(), idea_records.spectra(runs), idea_records.merging(runs),
        idea_records.hardening(similar), idea_moving.moving([points_run()]),
    ]  # fmt: skip
    for html in drawn:
        pictures = re.findall(r"<svg [^>]*>", html.data)
        assert pictures and all(re.search(r'role="img".* aria-label="[^"]{20,}"', picture) for picture in pictures)
        assert "<figcaption>" in html.data


# The glossary


def glossary():
    text = (ROOT / "book/glossary.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\{glossary\}\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith(" ")]


def pages():
    return [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.py"), ROOT / "hcl/companion/points.toml"]


def test_terms_are_those_of_the_glossary():
    entries = glossary()
    assert len(entries) == len(set(entries)) > 35
    assert {*terms.WORDS, *terms.ITALIC} <= set(entries)
    for page in pages():
        for shown, target in re.findall(r"\{term\}`([^`<]+?)(?:\s*<([^>]+)>)?`", page.read_text(encoding="utf-8")):
            asked = re.sub(r"\s*#?\s+", " ", target or shown)
            assert asked.casefold() in {entry.casefold() for entry in entries}, f"{page.name}: {asked}"


def test_every_term_is_used_on_a_page_other_than_the_glossary():
    others = [page.read_text(encoding="utf-8") for page in pages() if page.name != "glossary.md"]
    for term in glossary():
        spelt = terms.WORDS.get(term, re.escape(term))
        assert any(re.search(rf"(?i)\b(?:{spelt})(?!\w)", text) for text in others), term


def paragraph(*parts):
    document = new_document("made up")
    document += nodes.paragraph("", "", *parts)
    return document


def test_the_first_use_of_a_term_is_linked_and_no_other():
    text = nodes.Text("The class means of SCL; hard negatives, no class mean, ranked, an effective rank.")
    document = paragraph(text)
    terms.link(document, "page")
    linked = [(x.astext(), x["reftarget"]) for x in document.findall(addnodes.pending_xref)]
    assert linked == [
        ("class means", "class mean"), ("SCL", "SCL"), ("hard negatives", "hard negative"),
        ("effective rank", "effective rank"),
    ]  # fmt: skip
    assert document.astext() == text.astext()


def test_headings_code_links_and_what_the_page_links_itself_are_left_alone():
    own = addnodes.pending_xref("", nodes.inline("", "seeds"), reftype="term", reftarget="Seed")
    document = paragraph(nodes.literal("", "batch"), nodes.Text(" seeds "), own, nodes.emphasis("", "partly"))
    document += nodes.section("", nodes.title("", "Clusters"))
    assert terms.link(document, "page") == {"seed", "partly"}
    assert [x.astext() for x in document.findall(addnodes.pending_xref)] == ["seeds", "partly"]


def test_the_whole_of_a_longer_term_is_linked():
    assert [term for *_, term in terms.found("HSCL and the unit-ball, ETFs, Spectra; unit sphere")] == [
        "HSCL", "unit ball", "Equiangular Tight Frame", "spectrum", "unit sphere",
    ]  # fmt: skip
