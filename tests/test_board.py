"""The scoreboard as HTML: one line a claim with links both ways, shapes with names, filters; and the book's search."""

import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pandas as pd
import pytest
from helpers import ROOT

from hcl.companion import board_html, contents, pages, registry, scoreboard
from hcl.companion import study as studies
from hcl.companion.claims import CLAIMS
from hcl.companion.claims.beyond import BEYOND
from hcl.companion.measured import brief, taken_apart
from hcl.companion.verdicts import STATUSES, Part, judge

STATIC = ROOT / "book" / "_static"
HOSTILE = '<script>"A" & B</script>'


class Elements(HTMLParser):
    """The elements of HTML with their attributes, in order, having checked that what is opened is closed."""

    def __init__(self, html):
        super().__init__()
        self.found, self.open, self.text = [], [], ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag != "input":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def of(self, name):
        """The attributes of all elements of a tag or class."""
        return [a for tag, a in self.found if tag == name or name in (a.get("class") or "").split()]


def board(claims=CLAIMS, **columns):
    """A scoreboard of the claims without any run, verdicts in turn."""
    rows = [
        {
            "name": claim.name, "figure": claim.figure, "claim": claim.statement, "where": claim.where,
            "published": claim.published, "measured": "rank – SCL: 5.2; HSCL, β = 5: 98 (without: 5.2) ✗",
            "verdict": STATUSES[number % len(STATUSES)], "reason": "", "data": ("cifar10", "synthetic")[number % 2],
            "profile": ("gpu", "workstation")[number % 3 == 0], "seeds": "0, 1" if number % 5 else "3",
            "runs": "made up",
        } | columns
        for number, claim in enumerate(claims)
    ]  # fmt: skip
    return pd.DataFrame(rows)


# Numbers in a few words


def test_numbers_are_taken_apart_as_they_were_put_together():
    parts = [
        Part("equal inner product", "SCL: 0.300 (at k = 32; k = 256: 0.261 ± 0.048)", "undecided", "why"),
        Part("equal inner product", "HSCL, β = 5: 0.05", "holds"),
        Part("batches {1, 2} and {3, 4}", "Neural-Collapse 0.2, others 0.1", "fails"),
    ]
    assert taken_apart(judge(parts).measured) == [
        ("equal inner product", ["SCL: 0.300 (at k = 32; k = 256: 0.261 ± 0.048) (?)", "HSCL, β = 5: 0.05"]),
        ("batches {1, 2} and {3, 4}", ["Neural-Collapse 0.2, others 0.1 ✗"]),
    ]
    assert taken_apart("–") == []


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        ("loss – SCL: 0.3453 ± 0.0012", "loss 0.3453"),
        ("rank – SCL: 5.5; HSCL, β = 5: 98 (without: 5.5) ✗", "rank 5.5 (SCL), 98 (β = 5) ✗"),
        ("rank – SCL: –; HSCL, β = 5: – (without: –)", ""),
        ("rank – SCL: 2; HSCL, β = 5: – (without: 2)", "rank 2"),
        ("rank – A: 1; B: 2; C: 3; D: 4 (?); from A to D: rises (?)", "rank 1, 2, 3, 4 (?), rises (?)"),
        ("rank – A: 10 ✗; B: 9; C: 2e-08; D: 4; E: 5; F: 6 ✗", "rank 2e-08 to 10, 2 ✗"),
        ("Neural-Collapse – SCL: equal inner product 0.3 ± 0.1, 7 clusters of 100, effective rank 5 of 99", 
         "equal inner product 0.3"),
        ("Dimensional-Collapse – SCL: equal inner product 0.3, 7 clusters of 100, effective rank 5 of 99, within",
         "effective rank 5"),
        ("lower bound – lowest within 2e-13 of it. loss – UCL: 1", "lower bound: lowest within 2e-13 of it; loss 1"),
    ],
)  # fmt: skip
def test_what_was_measured_is_said_in_a_few_words(measured, words):
    assert brief(measured) == words


# The page


def test_each_claim_has_one_line_and_one_mark():
    lines, marks = (Elements(of(board()).data) for of in (board_html.claims, board_html.matrix))
    names = {f"claim-{claim.name}" for claim in CLAIMS}
    ids = [a["id"] for a in lines.of("hcl-claim")]
    assert len(ids) == len(set(ids)) == len(CLAIMS) and set(ids) == names
    assert sorted(a["href"] for a in marks.of("hcl-mark")) == sorted(f"#{name}" for name in names)
    pages_of_figures = {(figure.notebook, figure.work) for figure in registry.FIGURES.values()}  # a row a work
    assert len(marks.of("tr")) - len(marks.of("thead")) == len(pages_of_figures)


def test_marks_have_names_and_shapes_of_their_own():
    marks = Elements(board_html.matrix(board()).data)
    claim = CLAIMS[0]
    first = marks.of("hcl-mark")[0]
    assert first["aria-label"] == first["title"] == f"{STATUSES[0]}: {claim.statement}"
    assert len({board_html.icon(status) for status in STATUSES}) == len(STATUSES)
    assert all(a["aria-hidden"] == "true" for a in marks.of("svg"))
    legend = board_html.matrix(board()).data.partition("<table")[0]
    assert all(f"{status} <strong>" in legend and board_html.icon(status) in legend for status in STATUSES)
    assert all(status in board_html.meanings().data for status in STATUSES)


def test_the_legend_counts_the_claims_of_the_paper_alone():
    both = board((*CLAIMS[:7], *BEYOND[:5]), verdict="partly")
    legend = board_html.matrix(both).data.partition("<table")[0]
    assert "partly <strong>7</strong>" in legend and "of the paper" in legend


def test_links_lead_from_the_line_to_the_figure_and_back():
    table = board()
    lines = board_html.claims(table).data
    for claim in CLAIMS:
        notebook = registry.FIGURES[claim.figure].notebook
        assert f'<a href="{notebook}.ipynb#claim-{claim.name}">' in lines
        on_page = board_html.verdict_list(table[table["figure"] == claim.figure]).data
        assert f'<a href="scoreboard.ipynb#claim-{claim.name}">' in on_page
        assert f'id="claim-{claim.name}"' in on_page
    assert 'id="verdicts"' in on_page


def test_the_list_of_a_page_has_the_claims_of_every_figure_on_it(monkeypatch):
    asked = []
    monkeypatch.setattr(scoreboard, "of_figure", lambda *names: asked.extend(names) or board().set_index("claim"))
    page = pages.Page(studies.study("fig03", "laptop", dataset="cifar100"), (), at_best=True)
    assert len(page.verdicts) == len(board()) and asked == ["fig03", "fig03_long"]


def test_what_waits_is_behind_the_others_and_folded():
    html = board_html.claims(board()).data
    waiting = html.index('<details class="hcl-waiting">')
    lines = [(m.start(), m[1]) for m in re.finditer(r'<li class="hcl-claim"[^>]*data-verdict="([^"]+)"', html)]
    assert all((verdict == "waiting") == (at > waiting) for at, verdict in lines)
    assert "waiting" not in board_html.claims(board(verdict="partly")).data.replace("the claims that wait", "")
    listed = board_html.verdict_list(board()[:6]).data
    assert listed.index('data-verdict="waiting"') > listed.rindex('data-verdict="reproduced"')


def test_everything_is_escaped():
    table = board(CLAIMS[:1], **dict.fromkeys(
        ("claim", "where", "published", "measured", "reason", "data", "profile", "runs"), HOSTILE), name='x"y',
    )  # fmt: skip
    table["measured"] = f"{HOSTILE} – {HOSTILE}: 1"
    for html in (f(table).data for f in (board_html.claims, board_html.matrix, board_html.verdict_list)):
        read = Elements(html)
        assert "<script" not in html and HOSTILE in read.text + str([a.get("title") for _, a in read.found])
        assert 'id="claim-x"y' not in html


def test_a_line_says_what_judged_it_and_folds_the_numbers():
    (row,) = board([claim for claim in CLAIMS if claim.name == "fig03-hscl"]).to_dict("records")
    html = board_html.line(row | {"verdict": "undecided", "reason": "one seed"}, "x.ipynb")
    line = Elements(html)
    (attributes,) = line.of("hcl-claim")
    assert attributes["data-verdict"] == "undecided" and attributes["data-data"] == row["data"]
    assert attributes["data-profile"] == row["profile"] and attributes["data-seeds"] == "1"
    folded = html[html.index("<details") :]
    assert "Why undecided:</strong> one seed." in folded and "rank" in folded and row["where"] in folded
    assert "seed 3" in html and "2 seeds" in board_html.line(row | {"seeds": "0, 1"}, "x.ipynb")
    assert ">computed</span>" in board_html.line(row | {"data": "", "seeds": "", "runs": "computed"}, "x.ipynb")
    assert "→" not in board_html.line(row | {"verdict": "waiting"}, "x.ipynb")


def test_filters_offer_what_there_is():
    form = board_html.claims(board(CLAIMS[:6], data=HOSTILE, profile="gpu", seeds="0, 1, 2")).data
    form = form[form.index("<form") : form.index("</form>")]
    options = re.findall(r"<option[^>]*>([^<]*)</option>", form)
    assert options == [
        "all",
        *STATUSES,
        "all",
        "&lt;script&gt;&quot;A&quot; &amp; B&lt;/script&gt;",
        "all",
        "gpu",
        "all",
        "3",
    ]
    assert 'hidden aria-label="Filter the claims"' in form and 'aria-live="polite"' in form


def test_columns_that_a_table_lacks_are_left_out():
    table = board(CLAIMS[:2]).set_index("claim").drop(columns=["reason", "runs", "data", "seeds"])
    assert len(Elements(pages.show_verdicts(table).data).of("hcl-claim")) == 2


# The script, in a browser


# The book


def test_the_search_finds_each_claim_on_the_page_of_its_figure():
    claims = pytest.importorskip("hcl.companion.extensions.claims")
    domain = object.__new__(claims.ClaimDomain)
    objects = {name: (words, page, anchor) for name, words, _, page, anchor, _ in domain.get_objects()}
    assert len(objects) == len(CLAIMS)
    words, page, anchor = objects["table1-invariably"]
    assert "more hardness invariably improves" in words and not words.endswith(".")
    assert (page, anchor) == ("book/pages/table1_losses", "claim-table1-invariably")


def test_links_between_notebooks_are_those_of_pages_in_the_book():
    from docutils import nodes
    from docutils.utils import new_document

    from hcl.companion.extensions import claims

    html = '<p class="hcl-x"><a href="scoreboard.ipynb#claim-a">a</a> <a href="other.ipynb">b</a></p>'
    document = new_document("x")
    document += nodes.raw("", html, format="html")
    document += nodes.raw("", '<a href="scoreboard.ipynb">not ours</a>', format="html")
    builder = SimpleNamespace(format="html", get_relative_uri=lambda page, to: f"{to.rpartition('/')[2]}.html")
    app = SimpleNamespace(builder=builder, env=SimpleNamespace(found_docs={"book/pages/scoreboard"}))
    claims.link_pages(app, document, "book/pages/x")
    ours, other = (node.astext() for node in document.findall(nodes.raw))
    assert ours == html.replace("scoreboard.ipynb#", "scoreboard.html#")
    assert other == '<a href="scoreboard.ipynb">not ours</a>'
    builder.format = "latex"
    claims.link_pages(app, document, "book/pages/x")


def test_the_table_of_verdicts_is_written_between_its_marks(monkeypatch, tmp_path):
    monkeypatch.setattr(scoreboard, "scoreboard", lambda root: board())
    (tmp_path / "README.md").write_text("A\n<!-- verdicts -->\nold\n<!-- /verdicts -->\nB\n", encoding="utf-8")
    contents.main(tmp_path)
    written = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert written == f"A\n<!-- verdicts -->\n{scoreboard.summary(board())}\n<!-- /verdicts -->\nB\n"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "<!-- verdicts -->\n| figure |" in readme and "|\n<!-- /verdicts -->" in readme
