"""Notebooks to open on Colab and Binder: with an address in _config.yml, and without one."""

import re
import shutil
import tomllib
from urllib.parse import urlparse

import pytest
import yaml
from helpers import ROOT
from test_notebooks import HEADER

from hcl.companion import book, launch, notebooks
from hcl.companion.extensions import launch as extension

ADDRESS = "https://github.com/someone/hcl"


def project(tmp_path, repository=""):
    """A project with the notebook of Figure 5 and one that is no figure's."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks/fig05_cifar10.py", tmp_path / "notebooks")
    (tmp_path / "notebooks/other.py").write_text(f"{HEADER}\n# %%\n1\n")
    (tmp_path / "_config.yml").write_text(f"title: A\n{repository}")
    notebooks.sync(tmp_path / "notebooks")
    return tmp_path


def with_address(url=ADDRESS, more=""):
    return f"repository:\n  url: {url}\n{more}"


def buttons(root, page="book/pages/fig05_cifar10"):
    class App:
        srcdir = str(root)

    context = {"header_buttons": [{"type": "link"}]}
    extension.add_buttons(App, page, "page.html", context, None)
    return [button for group in context["header_buttons"] for button in group.get("buttons", [])]


def test_without_an_address_there_is_nothing(tmp_path):
    root = project(tmp_path)
    assert launch.repository(root) is None and launch.sync(root) == launch.drifted(root) == []
    assert buttons(root) == [] and not (root / "launch").exists()


def test_this_book_has_no_address_yet_and_so_no_buttons():
    """Once it has one: hcl sync, and commit launch/."""
    if launch.repository(ROOT) is None:
        assert not (ROOT / "launch").exists()
    assert launch.drifted(ROOT) == []


def test_with_an_address_every_figure_has_buttons_that_open_a_notebook_that_is_there(tmp_path):
    root = project(tmp_path, with_address())
    assert launch.drifted(root) == launch.sync(root) == ["fig05_cifar10"]
    colab, binder = buttons(root)
    assert (colab["text"], binder["text"]) == ("Colab", "Binder") and colab["tooltip"] == "Run at smoke on Colab"
    assert colab["url"] == ("https://colab.research.google.com/github/someone/hcl/blob/main/launch/fig05_cifar10.ipynb")
    assert binder["url"] == "https://mybinder.org/v2/gh/someone/hcl/main?urlpath=lab/tree/launch/fig05_cifar10.ipynb"
    for button in (colab, binder):
        assert (root / "launch" / button["url"].rpartition("/")[2]).exists()
    assert buttons(root, "book/reading") == buttons(root, "book/pages/other") == []
    (root / "_config.yml").write_text("title: A\n")
    assert launch.sync(root) == ["fig05_cifar10"] and not list((root / "launch").iterdir())


@pytest.mark.parametrize(
    ("url", "more", "binder", "services"),
    [
        (f"{ADDRESS}.git", "  branch: a/b\n", "gh/someone/hcl/a%2Fb?", ["Colab", "Binder"]),
        ("https://gitlab.com/someone/hcl/", "", "gl/someone%2Fhcl/main?", ["Binder"]),
        ("https://example.org/someone/hcl", "", "git/https%3A%2F%2Fexample.org%2Fsomeone%2Fhcl/main?", ["Binder"]),
        (ADDRESS, "  path_to_book: sub/\n", "lab/tree/sub/launch/", ["Colab", "Binder"]),
    ],
)
def test_addresses_of_other_kinds(url, more, binder, services, tmp_path):
    where = launch.repository(project(tmp_path, with_address(url, more)))
    links = where.links("fig05_cifar10")
    assert list(links) == services and binder in links["Binder"]
    assert all(urlparse(link).scheme == "https" for link in links.values())
    assert where.requirement.endswith("#subdirectory=sub") == ("path_to_book" in more)


@pytest.mark.parametrize(
    "url", ["http://github.com/a/b", "https://github.com/a", "github.com/a/b", "'https://x/a/b c'"]
)
def test_an_address_that_cannot_be_one_is_refused_in_one_line(url, tmp_path):
    with pytest.raises(launch.RepositoryError, match=r"expected https://<host>/<owner>/<name>") as caught:
        launch.repository(project(tmp_path, with_address(url)))
    assert "\n" not in str(caught.value)


def test_the_notebook_installs_the_library_with_ranges_where_it_is_not_there_and_runs_smoke(tmp_path, monkeypatch):
    root = project(tmp_path, with_address())
    made = launch.notebook(root / "notebooks/fig05_cifar10.py", launch.repository(root))
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    assert f'%pip install --quiet "hcl[companion] @ git+{ADDRESS}@main"' in code[0]
    assert 'profile: str = "smoke"' in code[1] and "parameters" in made.cells[2].metadata.tags
    assert len({cell.id for cell in made.cells}) == len(made.cells)
    installed = []
    plain = re.sub(r"%pip (.*)", lambda found: f"install({found[1]!r})", code[0])
    names = {"install": installed.append}
    exec(plain, names)
    assert installed == [], "it is here"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    exec(plain, names)
    assert len(installed) == 1 and "==" not in installed[0]


def test_binder_installs_ranges_of_the_project():
    lines = (ROOT / ".binder/requirements.txt").read_text().splitlines()
    asked = [line for line in lines if line and not line.startswith(("#", "--"))]
    assert asked == [".[companion]"] and "==" not in "".join(lines)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    every = [*project["dependencies"], *project["optional-dependencies"]["companion"]]
    assert not [requirement for requirement in every if "==" in requirement]
    version = (ROOT / ".binder/runtime.txt").read_text().strip().removeprefix("python-")
    assert project["requires-python"] == f">={version}"


def test_a_launch_notebook_out_of_step_fails_the_build(tmp_path):
    root = project(tmp_path, with_address())
    (root / "runs").mkdir()
    with pytest.raises(book.BookError, match="out of step: fig05_cifar10"):
        book.build(root, ["fig05_cifar10"])


def test_the_extensions_are_those_of_the_config():
    listed = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["extra_extensions"]
    assert {"hcl.companion.extensions.cards", "hcl.companion.extensions.launch"} <= set(listed)
