"""Statements, equations, citations and included code of the book: the paper's numbers, and nothing cited in vain."""

import re
from xml.etree import ElementTree

import pytest
from docutils import nodes
from helpers import ROOT

from hcl.companion.extensions import equations

THEORY = (ROOT / "notebooks/theory.py").read_text(encoding="utf-8")
PAGES = {
    path: path.read_text(encoding="utf-8")
    for pattern in ("notebooks/*.py", "book/*.md", "hcl/companion/*.py")
    for path in ROOT.glob(pattern)
}
NUMBERED = {"definition": 7, "theorem": 3, "lemma": 1, "corollary": 2, "remark": 3, "algorithm": 1}
STATED = re.findall(r"^# ```\{prf:(\w+)\} .*\n# :label: (\S+)$", THEORY, re.MULTILINE)
EQUATIONS = {int(number) for number in re.findall(r"\$\$ \(eq-(\d+)\)", THEORY)}


def roles(name, text):
    """Return the targets of a role, those of ``text <target>`` too."""
    return [re.sub(r".*<(.*)>", r"\1", of) for of in re.findall(rf"\{{{name}\}}`([^`]+)`", text)]


def test_every_statement_of_the_paper_is_there_in_its_order():
    """sphinx-proof numbers each kind by itself in the order of the page: the order is the number."""
    for kind, count in NUMBERED.items():
        assert [label for of, label in STATED if of == kind] == [f"{kind}-{n}" for n in range(1, count + 1)]
    assert len(STATED) == sum(NUMBERED.values())
    others = [path for path, text in PAGES.items() if path.name != "theory.py" and re.search(r"```\{prf:", text)]
    assert others == [], "a numbered statement elsewhere would be counted too"


def test_the_equations_asked_for_are_there_once():
    assert {*range(1, 8), 11, 13, 30, 42} <= EQUATIONS
    assert len(re.findall(r"\(eq-\d+\)", THEORY)) == len(EQUATIONS)


def test_what_is_referred_to_is_there():
    labels = {label for _, label in STATED}
    for path, text in PAGES.items():
        assert set(roles("prf:ref", text)) <= labels, path
        assert {equations.number_of(label) for label in roles("eq", text)} <= EQUATIONS, path


@pytest.mark.parametrize(("label", "number"), [("eq-42", 42), ("eq-", None), ("equation-4", None), (None, None)])
def test_the_label_of_an_equation_is_its_number(label, number):
    assert equations.number_of(label) == number


def test_equations_get_the_numbers_of_their_labels():
    """What Sphinx counted, 1 and 2, gives way."""
    document = nodes.document(None, None)
    document += [
        nodes.math_block("", "x", label="eq-30", number=1),
        nodes.math_block("", "x", label="mine", number=2),
        nodes.math_block("", "x", number=None),
    ]
    counted = {"eq-30": ("page", 1), "mine": ("page", 2)}

    class Domain:
        data = {"objects": counted}  # noqa: RUF012

    class App:
        class env:
            docname = "page"

            @staticmethod
            def get_domain(name):
                return {"math": Domain}[name]

    equations.renumber(App(), document)
    assert [node["number"] for node in document.findall(nodes.math_block)] == [30, 2, None]
    assert counted == {"eq-30": ("page", 30), "mine": ("page", 2)}


def test_every_citation_has_an_entry_and_every_entry_what_it_needs():
    text = (ROOT / "book/references.bib").read_text(encoding="utf-8")
    entries = dict(re.findall(r"@\w+\{(\w+),\n(.*?)\n\}", text, re.DOTALL))
    assert len(entries) == text.count("\n@") and all(
        re.search(rf"^  {field} *= ", body, re.MULTILINE)
        for body in entries.values()
        for field in ("author", "title", "year")
    )
    cited = {
        key
        for text in PAGES.values()
        for role in ("cite:p", "cite:t")
        for of in roles(role, text)
        for key in re.split(r", *", of)
    }
    assert cited == set(entries), "cited without an entry, or the other way round"
    assert {"jiang2023hard", "jiang2022supervised", "awasthi2022negative"} <= cited


def test_the_code_that_the_page_includes_is_there():
    found = re.findall(r"^# ```\{literalinclude\} /(\S+)\n((?:# :.*\n)+)# ```", THEORY, re.MULTILINE)
    assert len(found) == THEORY.count("{literalinclude}") >= 4
    for path, options in found:
        code = (ROOT / path).read_text(encoding="utf-8")
        for option, marker in re.findall(r'^# :(start-at|end-before|pyobject): "?(.*?)"?$', options, re.MULTILINE):
            line = f"def {marker}(" if option == "pyobject" else marker
            assert code.count(line) == 1, (path, marker)
        starts = re.search(r'start-at: "(.*)"', options)
        if starts:
            ends = re.search(r'end-before: "(.*)"', options)[1]
            assert code.index(starts[1]) < code.index(ends)


def test_the_drawing_says_what_it_shows():
    root = ElementTree.parse(ROOT / "book/images/figure1.svg").getroot()
    ids = {child.get("id"): child.text for child in root}
    assert root.get("role") == "img"
    assert all(ids[name] for name in root.get("aria-labelledby").split())
    text = (ROOT / "book/images/figure1.svg").read_text(encoding="utf-8")
    assert "currentColor" in text and "#000" not in text and "black" not in text
