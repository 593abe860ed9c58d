"""What keeps the project in order: sizes, versions, the lock, and what is derived from the registry."""

import ast
import re
import subprocess
import tomllib

import pytest
import yaml
from helpers import ROOT
from packaging.requirements import Requirement
from packaging.version import Version

import hcl
from hcl.companion import book, contents, registry
from hcl.companion import study as studies
from hcl.companion.registry import Figure, Step

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LONGEST_MODULE, LONGEST_FUNCTION = 300, 60
EXCEPTIONS = {
    "hcl/losses.py: contrastive_loss": "half of it is the docstring of its options",
    "hcl/exact.py: exact_loss": "half of it is the docstring of its options",
    "hcl/training/evaluate.py: evaluate": "half of it is the list of what it measures",
    "hcl/companion/commands_train.py: run_campaign": "a third of it is the words of its options",
}


def test_no_module_and_no_function_is_long_without_a_reason():
    long = []
    for path in sorted([*(ROOT / "hcl").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]):
        text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        if len(text.splitlines()) > LONGEST_MODULE:
            long.append(name)
        functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
        long += [f"{name}: {node.name}" for node in functions if node.end_lineno - node.lineno >= LONGEST_FUNCTION]
    assert set(long) <= set(EXCEPTIONS)


# Packaging


def test_every_package_and_every_data_file_is_installed():
    packages = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "hcl").rglob("__init__.py")}
    setup = PROJECT["tool"]["setuptools"]
    assert {package.replace(".", "/") for package in setup["packages"]} == packages
    data = {f"{package.replace('.', '/')}/{name}" for package, names in setup["package-data"].items() for name in names}
    others = [path for path in (ROOT / "hcl").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert {path.relative_to(ROOT).as_posix() for path in others} == data


def test_there_is_one_version():
    assert PROJECT["tool"]["setuptools"]["dynamic"] == {"version": {"attr": "hcl.__version__"}}
    assert "version" in PROJECT["project"]["dynamic"] and "version" not in PROJECT["project"]
    assert citation()["version"] == hcl.__version__
    assert f"## [{hcl.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def citation():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_the_citation_is_of_the_paper():
    paper = citation()["preferred-citation"]
    assert [author["family-names"] for author in paper["authors"]] == ["Jiang", "Nguyen", "Aeron", "Ishwar"]
    assert paper["title"] in PROJECT["project"]["description"] and isinstance(paper["year"], int)


def locked():
    """Return the pinned versions of the lock, several of a package where machines differ, and its entries."""
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.txt").read_text(encoding="utf-8").strip())
    pins = {}
    for entry in entries:
        name, version = re.match(r"([\w.-]+)==([^\s;]+)", entry).groups()
        pins.setdefault(name.lower(), []).append(Version(version))
    return pins, entries


def test_every_file_of_the_lock_has_a_hash():
    _, entries = locked()
    assert len(entries) > 200
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_holds_what_the_project_asks_for():
    """Where it does not: make lock."""
    pins, _ = locked()
    project = PROJECT["project"]
    asked = [Requirement(text) for text in sum(project["optional-dependencies"].values(), project["dependencies"])]
    for requirement in asked:
        if requirement.name != "hcl":
            versions = pins[requirement.name.lower()]
            assert all(requirement.specifier.contains(version) for version in versions), requirement


def test_a_clone_that_turns_line_ends_keeps_the_bytes_that_have_hashes(tmp_path):
    """As with core.autocrlf=true, which Git for Windows sets: .gitattributes stands above it."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a checkout by git")
    record = next((ROOT / "runs" / "workstation").glob("*/history.csv"))
    names = [str(path.relative_to(ROOT)) for path in (record, record.with_name("spec.json"), ROOT / "runs/SHA256SUMS")]
    names += ["README.md", "hcl/losses.py", "notebooks/fig02_synthetic.ipynb"]
    turning = ["git", "-c", "core.autocrlf=true", "-c", "core.eol=crlf"]
    subprocess.run([*turning, "checkout-index", f"--prefix={tmp_path}/", "--", *names], cwd=ROOT, check=True)
    for name in names:
        kept = subprocess.run(["git", "show", f":{name}"], cwd=ROOT, capture_output=True, check=True).stdout
        assert (tmp_path / name).read_bytes() == kept, name


# Commands


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", ".ci/run"])
def test_commands_that_are_named_are_there(name):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
    text = (ROOT / name).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([\w-]+)", text, re.MULTILINE))
    assert named and named <= set(phony)
    if name == "CONTRIBUTING.md":
        assert named >= set(phony) - {"lab", "clean"}
    for target in phony:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_recipes_are_sound():
    command = ["make", "--dry-run", "lock", "test-lowest", "lint", "contents"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "--generate-hashes" in said and "--resolution lowest-direct" in said and "hcl.companion.contents" in said


# What the registry decides


def test_table_of_contents_and_table_of_figures_are_those_of_the_registry():
    """Where they are not: make contents."""
    assert (ROOT / "_toc.yml").read_text(encoding="utf-8") == contents.toc()
    assert contents.figures_table() in (ROOT / "README.md").read_text(encoding="utf-8")
    parts = yaml.safe_load(contents.toc())["parts"]
    chapters = [chapter for part in parts for chapter in part["chapters"]]
    files = [each["file"] for chapter in chapters for each in (chapter, *chapter.get("sections", []))]
    assert len(files) == len(set(files)) and {f"book/pages/{name}" for name in book.page_names()} <= set(files)
    assert all((ROOT / f"{file}.md").exists() for file in files if not file.startswith("book/pages"))


def test_a_figure_added_to_the_registry_is_everywhere(monkeypatch, tmp_path):
    made_up = Figure("fig14", "Made up", "Sec. C", "fig14_made_up", "cifar10", (0, 5))
    monkeypatch.setitem(registry.FIGURES, "fig14", made_up)
    assert made_up.label == "Figure 14"
    assert registry.campaign() == (*registry.CAMPAIGN, "fig14")
    assert registry.order("gpu")[-1] == registry.order("workstation")[-1] == Step("fig14")
    assert "fig14_made_up" in book.page_names()
    assert list(contents.chapters())[-1] == "fig14_made_up"
    assert "      - file: book/pages/fig14_made_up\n" in contents.toc()
    assert "| Figure 14 | [fig14_made_up](notebooks/fig14_made_up.py) | Made up |\n" in contents.figures_table()
    assert len(studies.study("fig14", "smoke").specs) == 4
    (tmp_path / "README.md").write_text("# A\n\n<!-- figures -->\nold\n<!-- /figures -->\n\nB\n")
    contents.main(tmp_path)
    assert (tmp_path / "_toc.yml").read_text(encoding="utf-8") == contents.toc()
    written = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert written == f"# A\n\n<!-- figures -->\n{contents.figures_table()}<!-- /figures -->\n\nB\n"


def test_figures_are_called_what_the_paper_calls_them():
    labels = {name: figure.label for name, figure in registry.FIGURES.items()}
    assert (labels["fig02"], labels["fig13"], labels["table1"], labels["theory"]) == (
        "Figure 2", "Figure 13", "Table 1", "Sec. 4",
    )  # fmt: skip
    assert all(figure.scale is figure.at_profile for figure in registry.FIGURES.values())
