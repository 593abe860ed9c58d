import ast
import inspect
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import pandas as pd
import pytest
import yaml
from docutils import nodes
from helpers import ROOT

from hcl.companion import headings, notebooks, report, tables
from hcl.companion.extensions import accessible, folding, light_pages, typeset
from hcl.companion.numbers import number, plus_minus


class Rows(HTMLParser):
    """The rows of a table: a list of cells, each with its tag, attributes and text."""

    def __init__(self, html):
        super().__init__()
        self.rows, self._cell, self.wrapper, self.caption = [], None, {}, None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self._cell = {"tag": tag, "text": "", **dict(attrs)}
            self.rows[-1].append(self._cell)
        elif tag == "div":
            self.wrapper = dict(attrs)
        elif tag == "abbr":
            self._cell["title"] = dict(attrs)["title"]
        elif tag == "caption":
            self.caption = self._cell = {"text": ""}

    def handle_endtag(self, tag):
        if tag in ("td", "th", "caption"):
            self._cell = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell["text"] += data


def read(frame, *args, **kwargs):
    return Rows(tables.render(frame, *args, **kwargs).to_html())


@pytest.fixture
def settled():
    index = pd.MultiIndex.from_tuples(
        [(row, method) for row in ("unit ball: laptop", "unit sphere: laptop") for method in ("SCL", "HSCL, β = 5")],
        names=["row", "method"],
    )
    values = {
        "bound": [0.3105] * 4,
        "equal_inner_product": ["0.060 ± 0.014", "12.5", "–", "0.1"],
        "rank": [9, 8.5, 9, 1],
    }
    return pd.DataFrame(values, index=index)


def test_a_table_has_one_header_row_in_words_with_the_index_in_it(settled):
    header, *rows = read(settled.droplevel("row")).rows
    assert [cell["text"] for cell in header] == ["setting", "least loss (bound)", "equal inner product", "rank"]
    assert all(cell["tag"] == "th" and cell["scope"] == "col" for cell in header)
    assert "0 at Neural-Collapse" in header[2]["title"] and "Theorem 2" in header[1]["title"]
    assert all(row[0]["tag"] == "th" and row[0]["scope"] == "row" for row in rows)
    assert not any(cell["text"] == "" for cell in header) and len(rows) == 4


def test_rows_of_figure_4_stand_under_a_row_that_says_which_they_are(settled):
    header, *rows = read(settled).rows
    groups = [row for row in rows if len(row) == 1]
    assert [group[0]["text"] for group in groups] == ["unit ball: laptop", "unit sphere: laptop"]
    assert all(group[0]["colspan"] == "4" and group[0]["scope"] == "rowgroup" for group in groups)
    assert [len(row) for row in rows] == [1, 4, 4, 1, 4, 4] and len(header) == 4


def test_an_index_of_numbers_or_without_repetition_makes_no_groups():
    numbers = pd.DataFrame({"C": [3, 3, 4], "d": [2, 3, 3], "x": [1.0, 2.0, 3.0]})
    assert [len(row) for row in read(numbers.set_index(["C", "d"])).rows] == [3, 3, 3, 3]
    once = pd.DataFrame({"a": ["x", "y"], "b": ["p", "q"], "c": [1, 2]}).set_index(["a", "b"])
    assert [len(row) for row in read(once).rows] == [3, 3, 3]


def test_numbers_stand_to_the_right_and_are_aligned_at_their_points(settled):
    _, *rows = read(settled.droplevel("row")).rows
    column = [row[2] for row in rows]
    assert all("num" in cell["class"].split() for cell in column)
    behind = [len(re.sub(r"^\d+|–", "", cell["text"])) + len(cell.get("data-pad", "")) for cell in column]
    assert behind == [len(".060 ± 0.014")] * 4, "as much behind every point, a dash and a whole number included"
    ranks = [(row[3]["text"], row[3].get("data-pad")) for row in rows]
    assert ranks == [("9", ".5"), ("8.5", None), ("9", ".5"), ("1", ".5")]


def test_a_column_of_values_that_nothing_has_is_one_of_numbers():
    (_, (_, cell, empty)) = read(pd.DataFrame({"a": ["x"], "b": [float("nan")], "c": [""]})).rows
    assert cell["text"] == "–" and "num" in cell["class"] and "num" not in empty.get("class", "")


def test_what_was_chosen_is_written_as_it_was_chosen():
    frame = pd.DataFrame({"β": [0.5, 10.0], "C": [3, 100], "loss": [0.5, 0.25]})
    assert [[cell["text"] for cell in row] for row in read(frame).rows[1:]] == [
        ["0.5", "3", "0.500"],
        ["10", "100", "0.250"],
    ]


@pytest.mark.parametrize(
    ("text", "numeric"),
    [
        ("0.060 ± 0.014", True), ("4.0×10⁻⁶ ± 2.0×10⁻⁶", True),
        ("(4.0 ± 2.0)×10⁻⁶", True), ("(4.0)", False), ("−0.5 ✗", True), ("12 (?)", True), ("3 (…)", True),
        ("≥ 1,024", True), (".2014", True), ("58 %", True), ("∞", True), ("0.1 → 0.2", False),
        ("2026-11-25", False), ("5 (3–8)", False), ("HSCL, β = 5: 6", False),
    ],
)  # fmt: skip
def test_what_is_a_number(text, numeric):
    (_, (_, cell)) = read(pd.DataFrame({"a": ["x"], "b": [text]})).rows
    assert ("num" in cell["class"]) is numeric


def test_nothing_parts_a_number_from_its_spread_or_its_mark():
    html = tables.render(pd.DataFrame({"a": ["SCL: 0.06 ± 0.01 ✗; UCL: 5 (?), 6 (…)"]})).to_html()
    assert "0.06\u00a0±\u00a00.01\u00a0✗; UCL: 5\u00a0(?), 6\u00a0(…)" in html
    written = plus_minus(0.06, 0.0141, 3)
    assert written == "0.060\u00a0±\u00a00.014" and f">{written}<" in tables.render(pd.DataFrame({"a": [written]})).html


def test_a_table_scrolls_in_a_region_of_its_own_that_the_keyboard_reaches(settled):
    found = read(settled, caption="Settled & <all>")
    assert {k: found.wrapper[k] for k in ("class", "role", "tabindex", "aria-label")} == {
        "class": "hcl-table", "role": "region", "tabindex": "0", "aria-label": "Settled & <all>",
    }  # fmt: skip
    assert found.caption["text"] == "Settled & <all>"
    unnamed = read(settled)
    assert unnamed.caption is None and unnamed.wrapper["aria-label"].startswith("Table: setting, least loss (bound)")


def test_published_columns_and_long_texts_are_told_apart():
    frame = pd.DataFrame({"zero_sum": [0.1], "zero_sum, paper": [0.2], "why": ["words " * 20]}, index=["SCL"])
    header, row = read(frame.rename_axis("method")).rows
    assert [cell["text"] for cell in header] == ["setting", "zero-sum", "zero-sum, paper", "why"]
    assert row[2]["class"] == "num paper" and row[3]["class"] == "long" and row[0]["class"] == "short"


def test_text_is_escaped_and_truth_is_in_words():
    html = tables.render(pd.DataFrame({"a": ["<b>", "x"], "ok": [True, False], "of": ["True", "–"]})).to_html()
    assert "&lt;b&gt;" in html and "<b>" not in html and html.count(">yes<") == 2 and html.count(">no<") == 1


def test_a_table_shows_in_jupyterlab_without_the_stylesheet_and_as_text_in_a_terminal(settled):
    table = report.show_table(settled.droplevel("row"))
    assert table._repr_html_() == table.to_html() and ".hcl-table" in table.to_html() and "<style>" in table.to_html()
    assert "least loss (bound)" in repr(table) and "0.060 ± 0.014" in repr(table)


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [(2e-8, 3, "2.0×10⁻⁸"), (-2.5e-16, 3, "−2.5×10⁻¹⁶"), (-0.25, 3, "−0.250"), (1.5e12, ".3g", "1.5×10¹²")],
)
def test_powers_of_ten_and_minus_signs_are_written_as_people_do(value, form, text):
    assert number(value, form) == text


def test_every_column_of_a_history_that_pages_show_has_words():
    from hcl.companion import pages

    for name in (*pages.COLUMNS, "train_loss", "bound", "method"):
        words, _ = headings.heading(name)
        assert "_" not in words
    assert headings.heading("effective_rank, best epoch")[0] == "effective rank, best epoch"
    assert headings.heading("rank, paper")[1].endswith("as published")
    assert headings.heading("lowest found, above") == ("lowest found, above", "")


# Code

COLUMNS = 80  # of code, that a page shows without cutting it


def blocks(text):
    """The fenced blocks of code of a Markdown text, those inside directives that show none left out."""
    found = re.findall(r"^```([^\n]*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [body for language, body in found if not language.startswith("{") or "code" in language]


@pytest.mark.parametrize("path", notebooks.pairs(), ids=lambda path: path.stem)
def test_no_line_of_code_of_a_notebook_is_cut(path):
    for cell in notebooks.from_source(path).cells:
        shown = [cell.source] if cell.cell_type == "code" else blocks(cell.source)
        assert [line for text in shown for line in text.split("\n") if len(line) > COLUMNS] == []


@pytest.mark.parametrize("path", sorted((ROOT / "book").glob("*.md")), ids=lambda path: path.stem)
def test_no_line_of_code_of_a_page_is_cut(path):
    text = path.read_text()
    assert [line for block in blocks(text) for line in block.split("\n") if len(line) > COLUMNS] == []


def test_no_signature_of_the_library_is_cut():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    assert config["python_maximum_signature_line_length"] <= COLUMNS
    pages = "".join(path.read_text() for path in (ROOT / "book").glob("api*.md"))
    documented = re.findall(r"automodule:: (\S+)", pages)
    assert len(documented) > 20
    for name in documented:
        module = __import__(name, fromlist=["x"])
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                code = re.findall(r"::\n\n((?:    .*\n|\n)+)", text + "\n")
                assert [line for block in code for line in block.split("\n") if len(line) > COLUMNS] == [], name


@pytest.mark.parametrize(
    ("source", "tags", "figure", "label"),
    [
        ("profile: str = 'auto'", ("parameters",), False, "Code: the parameters"),
        ("profile = 'smoke'", ("injected-parameters",), False, "Code: the parameters of this run"),
        ("figures.headline(page.runs)", (), True, "Code: draw the figure"),
        ("parameters.check()\npage = pages.load('fig05')\npage.note()", (), False, "Code: load the records"),
        ("page.verdict_table()", (), False, "Code: the verdicts"),
        ("t = studies.study('x')\nreport.show_table(t)", (), False, "Code: make the table"),
        ("glue('fig03-verdicts', page.counts)", (), False, "Code: keep numbers for other pages"),
        ("page.table()", (), False, "Code: make the table"),
        ("Markdown('x')", (), False, "Code: compute the text"),
        ("x = 1", (), False, "Code: compute"),
    ],
)
def test_a_fold_says_what_its_code_does(source, tags, figure, label):
    assert folding.label(source, tags, figure=figure) == label


def test_the_code_of_every_cell_is_folded_but_not_what_it_shows():
    cell = nodes.container(nb_element="cell_code", classes=["cell", "tag_parameters"])
    code, output = nodes.container(nb_element="cell_code_source"), nodes.container(nb_element="cell_code_output")
    code += nodes.literal_block(text="epochs: int = 0")
    cell += [code, output]
    hidden = nodes.container(nb_element="cell_code", hide_mode="input")
    hidden += nodes.container(nb_element="cell_code_source")
    document = nodes.container()
    document += [cell, hidden]
    transform = object.__new__(folding.FoldCode)
    transform.document = document
    transform.run()
    (fold,) = document.findall(folding.Fold)
    assert fold["label"] == "Code: the parameters" and fold.children == [code]
    assert cell.children == [fold, output]


def test_a_drawing_that_a_cell_shows_as_html_is_a_figure():
    for shown, words in (("<figure><svg></svg></figure>", "draw the figure"), ("<p>x</p>", "load the records")):
        cell = nodes.container(nb_element="cell_code", classes=["cell"])
        code, output = nodes.container(nb_element="cell_code_source"), nodes.container(nb_element="cell_code_output")
        code += nodes.literal_block(text='page = pages.load("fig03")\ndraw(page)')
        output += nodes.raw(text=shown, format="html")
        cell += [code, output]
        transform = object.__new__(folding.FoldCode)
        transform.document = nodes.container()
        transform.document += cell
        transform.run()
        (fold,) = transform.document.findall(folding.Fold)
        assert fold["label"] == f"Code: {words}"


def test_tables_of_prose_scroll_in_regions_with_names():
    table = (
        '<table class="table"><thead><tr><th class="head"><p>a &amp; <em>b</em></p></th><th>c</th></tr></thead></table>'
    )
    body = accessible.labelled(f'<p>x</p><div class="pst-scrollable-table-container">{table}</div>')
    assert 'role="region" tabindex="0" aria-label="Table: a &amp; b, c">' in body and body.endswith(f"{table}</div>")


def test_a_signature_of_several_lines_is_no_list_without_terms():
    parameters = '<dl>\n<dd><em class="sig-param">z</em>,</dd>\n</dl>'
    body = f'<dl class="py"><dt class="sig sig-object py" id="f">f({parameters})</dt><dd><dl><dt>x</dt></dl></dd></dl>'
    found = accessible.plain_signatures(body)
    signature, _, rest = found.partition("</dt>")
    assert signature.count("<dl") == 1 and "<dd" not in signature and '<span class="sig-line">' in signature
    assert rest == body.partition("</dt>")[2]


def test_references_are_items_of_their_list():
    body = '<div role="list" class="citation-list"><div class="citation" id="a" role="doc-biblioentry">A</div></div>'
    assert accessible.listed_references(body).count('role="listitem"') == 1


def test_the_switches_of_the_sidebar_have_names():
    page = '<li><a href="#">A</a><details><summary><span class="toctree-toggle" role="presentation"></span></summary>'
    assert '<summary aria-label="Pages of this chapter"><span class="toctree-toggle"' in accessible.named_toggles(page)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("C - 1, HSCL &gt;= SCL, d &lt;= 2", "C − 1, HSCL ≥ SCL, d ≤ 2"),
        ("t = -1/99, -.234 (-2)", "t = −1/99, −.234 (−2)"),
        ("to 3.1e-07, 2e+10", "to 3.1×10⁻⁷, 2×10¹⁰"),
        ("at β = 5 and C = 100", "at β\u00a0=\u00a05 and C\u00a0=\u00a0100"),
        ("lines 27-29, near-NC, 2026-11-22, a - kind", "lines 27-29, near-NC, 2026-11-22, a - kind"),
        ("<code>C - 1 &gt;= -1</code>", "<code>C - 1 &gt;= -1</code>"),
        ('<span class="math notranslate">\\(C - 1\\)</span>', '<span class="math notranslate">\\(C - 1\\)</span>'),
        ('<dt class="sig sig-object">f(a=-1)</dt>', '<dt class="sig sig-object">f(a=-1)</dt>'),
        ('<a title="C - 1">x</a><script>x = -1</script>', '<a title="C - 1">x</a><script>x = -1</script>'),
    ],
)
def test_signs_of_the_keyboard_are_set_as_in_print_but_not_in_code_and_formulas(written, shown):
    assert typeset.set_signs(f"<p>{written}</p>") == f"<p>{shown}</p>"


@pytest.mark.parametrize(
    ("before", "after", "rest"),
    [("", ",", " b"), ("(", ")", " b"), ("(", "", " b"), ("", ".)", ""), ("", "", " (b)"), ("", "", "s"), ("", "", "")],
)
def test_no_line_ends_between_a_formula_and_its_comma(before, after, rest):
    formula = r'<span class="math notranslate nohighlight">\(p &lt; 1\)</span>'
    kept = f'<span class="hcl-kept">{before}{formula}{after}</span>' if before or after else formula
    assert typeset.keep_punctuation(f"<p>a {before}{formula}{after}{rest}</p>") == f"<p>a {kept}{rest}</p>"


def test_bundles_of_mathjax_that_no_page_loads_are_left_out(tmp_path):
    (tmp_path / "_static" / "mathjax").mkdir(parents=True)
    for name in ("tex-chtml.js", "tex-svg.js"):
        (tmp_path / "_static" / "mathjax" / name).touch()
    (tmp_path / "a.html").write_text('<script src="_static/mathjax/tex-chtml.js"></script>')
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path)
    light_pages.lighten(app, None)
    assert [path.name for path in (tmp_path / "_static" / "mathjax").iterdir()] == ["tex-chtml.js"]


def test_a_table_without_rows_or_without_a_number_is_a_sentence():
    """A page whose runs are still to be made showed a head with nothing under it."""
    nothing = pd.DataFrame({"loss": [], "rank": []})
    missing = pd.DataFrame({"loss": [float("nan")] * 2, "rank": [float("nan")] * 2}, index=["a", "b"])
    for table in (nothing, missing):
        shown = tables.render(table)
        assert "<table" not in shown.html and "still to be made" in shown.html and "still to be made" in shown.text
    missing.loc["b", "rank"] = 3.0
    assert "<table" in tables.render(missing).html


def test_a_whole_number_0_has_no_decimals():
    """A seed 0 was written 0.0 beside a seed 1."""
    frame = pd.DataFrame({"seed": [0, 1], "step": [0, 1400], "rank": [0.0, 1.0]})
    assert [[cell["text"] for cell in row] for row in read(frame).rows[1:]] == [["0", "0", "0.0"], ["1", "1400", "1"]]
