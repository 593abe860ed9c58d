"""The D-numbers and P-numbers: one source, each once, and none cited that there is not."""

import re
import tomllib
from dataclasses import replace
from math import exp, log

import pandas as pd
import pytest
from docutils import nodes
from helpers import ROOT
from test_ambiguities import HUCL, SCL, run

from hcl.companion import ambiguities, differences, points, points_page, slips
from hcl.companion.extensions import points as links
from hcl.companion.points import POINTS

CITED = re.compile(r"\b[DP]\d{1,2}\b")
CITING = sorted(
    path
    for pattern in (
        "hcl/**/*.py",
        "hcl/**/*.toml",
        "notebooks/*.py",
        "tests/*.py",
        "benchmarks/*.py",
        "book/*.md",
        "*.md",
    )
    for path in ROOT.glob(pattern)
)


def test_every_point_is_there_once_and_in_order():
    assert list(POINTS) == [f"D{n}" for n in range(1, 49)] + [f"P{n}" for n in range(1, 18)]
    assert all(number == point.number and point.kind == number[0] for number, point in POINTS.items())
    assert len({point.topic for point in POINTS.values()}) == len(POINTS)
    with pytest.raises(tomllib.TOMLDecodeError):  # the form of the file allows no number twice
        tomllib.loads("[P1]\n[P1]\n")


@pytest.mark.parametrize("number", POINTS)
def test_every_point_says_all_that_it_has_to(number):
    point = POINTS[number]
    texts = (point.topic, point.place, point.paper, point.ours)
    assert all(texts) and bool(point.code) == (point.kind == "D")
    assert not any(mark in text for text in (*texts, point.code) for mark in "<&\n")
    assert re.search(r"Sec\.|Theorem|Table|Figure|Algorithm|Definition|below \(5\)", point.place)


def test_every_number_cited_anywhere_exists():
    found = {path: set(CITED.findall(path.read_text(encoding="utf-8"))) - set(POINTS) for path in CITING}
    assert {str(path): unknown for path, unknown in found.items() if unknown} == {}
    assert len(CITING) > 100 and CITED.findall("(D4" + "9), D105, P1" + "8 and D1") == ["D4" + "9", "P1" + "8", "D1"]


def test_the_table_has_a_row_a_point_and_what_is_measured_beside_it():
    slips = points.table("P")
    assert list(slips.columns) == ["topic", "place", "paper", "ours"] and len(slips) == 17
    found = points.table("D", {"D41": "0.310555"})
    assert list(found.columns) == ["topic", "place", "paper", "ours", "code", "measured"] and len(found) == 48
    assert found.loc["D41", "measured"] == "0.310555" and found.loc["D40", "measured"] == ""


def numbers(text):
    return [float(value) for value in re.findall(r"(?<![\w.])-?\d+\.\d+(?:e-\d+)?", text)]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("D4", [0.0119, 0.0835, 0.6534, 0.9966]),
        ("D5", [5.11, 0.63, 0.31]),
        ("D10", [5.5452]),
        ("D12", [2.1, 3.5, 7.0, 13.9]),
        ("D13", [5.9221, 5.2297, 0.3106]),
        ("D32", [0.31517, 0.31520, 0.31520]),
        ("D33", [0.761, 0.585, 5.8e-5, 0.586]),
        ("D40", [-31.9]),
        ("D41", [0.310555]),
        ("D42", [0.393332, 0.393451]),
        ("D43", [0.3161, 0.3168, 0.3152]),
    ],
)
def test_what_is_computed_is_what_was_found_independently(number, expected):
    assert numbers(differences.COMPUTED[number]()) == expected


def test_averages_over_anchors_and_pairs_differ_more_in_small_batches():
    by_anchor, by_pair, small_anchor, small_pair = numbers(differences.COMPUTED["D1"]())
    assert 0 < by_pair - by_anchor < small_pair - small_anchor


def test_what_is_hardened_has_another_least_loss_without_supervision_only():
    odds = exp(5 * 100 / 99) / 99
    hucl, ucl, hscl = numbers(differences.COMPUTED["D44"]())
    assert hucl == pytest.approx(log(1 + (odds + exp(-100 / 99)) / (1 + odds)), abs=6e-5)
    assert ucl == pytest.approx(0.3152) and hscl == pytest.approx(0.3106)


def test_only_differences_are_computed_and_what_training_shows_stands_behind():
    assert set(differences.COMPUTED) <= set(points.of_kind("D"))
    runs = [run(SCL, 0.5), run(HUCL, 0.8), run(replace(SCL, reduction="pair"), 0.6, 0.4), run(replace(SCL, k=32), 0.5)]
    sentences = ambiguities.by_number(ambiguities.effects(runs))
    assert set(sentences) == {"D1", "D32"} <= set(ambiguities.NUMBERS.values())
    assert "changes most, by +0.3, for SCL with reduction: anchor → pair (D1)" in sentences["D1"]
    computed, both = differences.measured(), differences.measured(ambiguities.effects(runs))
    assert both["D1"] == f"{computed['D1']}; {sentences['D1']}" and both["D41"] == computed["D41"]
    assert set(ambiguities.NUMBERS.values()) <= set(points.of_kind("D"))


# The page of points, and the links to it


def test_the_page_has_a_heading_a_target_and_all_that_is_said_of_every_point():
    page = points_page.page({"D1": "3 of 4", "P3": "below"})
    headings = re.findall(r"^\((\w+)\)=\n### (\w+): ", page, re.MULTILINE)
    assert headings == [(links.anchor(number), number) for number in POINTS]
    assert page.count("\nOfficial code\n") == 48 and page.count("\nShould be\n") == 17
    assert page.count("Measured\n: 3 of 4\n") == 1 and page.count("Computed\n: below\n") == 1
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == list(points_page.PARTS.values())
    assert set(points_page.PARTS) <= set(POINTS)


def test_what_would_be_markup_is_shown_as_it_is_and_python_as_code():
    assert points_page._plain("a_b * [c] $d$") == r"a\_b \* \[c\] \$d\$"
    assert points_page._plain('reduction="pair" does, x_i') == r'`reduction="pair"` does, x\_i'


def test_without_records_the_page_has_what_closed_forms_say(tmp_path):
    assert points_page.of_runs(tmp_path) == differences.measured()


def test_slips_are_listed_with_what_was_computed_and_as_text():
    found = pd.DataFrame(
        [["Sec. 4", "a < b", "a & b", "a sum", "0.5"]], ["P1"], ["place", "printed", "correct", "check", "number"]
    )
    html = slips.listed(["P1"], found).data
    assert "<p><strong>P1</strong>, Sec. 4</p>" in html and "a &lt; b" in html and "a &amp; b" in html
    assert "<dt>Computed</dt><dd>a sum: <strong>0.5</strong></dd>" in html
    assert slips.listed(["P5"]).data.count("<dt>") == 3


def test_kinds_of_slips_have_each_once():
    listed = [name for names in slips.KINDS.values() for name in names]
    assert len(listed) == len(set(listed)) and set(listed) == set(points.of_kind("P"))


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("(D4, P17)", ["D4", "P17"]), ("D1 to D48; P1–P17.", ["D1", "D48", "P1", "P17"]), ("D4" + "9 and P1" + "8", []),
        ("3D4 V-D4 D4-x D105 #D4 .D4", []), ("D33/D34", ["D33", "D34"]), ("D4: x", ["D4"]), ("see D4.", ["D4"]),
    ],
)  # fmt: skip
def test_mentions_are_numbers_that_there_are(text, linked):
    found = list(links.mentions(text))
    assert [number for _, number in found if number] == linked
    assert "".join(part for part, _ in found) == text


def test_html_is_linked_in_its_text_only():
    html = (
        '<table><tr title="D4 > D5"><td>D4 &lt; x</td></tr></table><a href="#">D4 <b>D5</b></a><code>D4</code>'
        "<script>if (a < b) { x = '<p>D4' }</script><!-- D4 --><h2>D4</h2><svg><text>D4</text></svg><br>P3"
    )
    linked = links.link_html(html, "points.html")
    assert re.sub(r'<a class="hcl-point"[^>]*>(\w+)</a>', r"\1", linked) == html
    assert re.findall(r'<a class="hcl-point" href="(.*?)"', linked) == ["points.html#d4", "points.html#p3"]
    assert 'title="P3, slip of the text: fixed batches"' in linked
    assert links.link_html("<p>none</p>", "x") == "<p>none</p>"


def test_a_document_is_linked_in_its_text_but_not_in_code_mathematics_headings_or_links():
    text = nodes.paragraph("", "", nodes.Text("As D33 says, "), nodes.literal("", "D34"), nodes.math("", "D35"))
    title, own = nodes.title("", "D36"), nodes.reference("", "", nodes.Text("D37"))
    raw = nodes.raw("", "<p>D38</p>", format="html")
    document = nodes.document(None, None)
    document += nodes.section("", title, text, nodes.paragraph("", "", own), nodes.literal_block("", "D39"), raw)

    class Builder:
        format = "html"

        def get_relative_uri(self, of, to):
            return "points.html"

    class App:
        builder = Builder()

        class env:
            found_docs = frozenset({links.PAGE})

    links.link(App(), document, "page")
    found = [node for node in document.findall(nodes.reference) if "hcl-point" in node["classes"]]
    assert [(node["refuri"], node.astext()) for node in found] == [("points.html#d33", "D33")]
    assert found[0]["reftitle"] == "D33, paper and official code: the zero-sum metric"
    (html,) = document.findall(nodes.raw)
    assert html.astext().startswith('<p><a class="hcl-point" href="points.html#d38"')
    assert text.astext() == "As D33 says, D34D35"
    again = nodes.document(None, None)
    again += nodes.paragraph("", "D33")
    App.env.found_docs = frozenset()
    links.link(App(), again, "page")
    assert not list(again.findall(nodes.reference))
