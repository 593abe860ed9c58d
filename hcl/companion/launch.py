"""Notebooks to open on Colab and Binder, and the addresses that open them, from one address in ``_config.yml``.

They are the project's own at profile ``smoke``, with a cell before that installs the library where it is not there.
Without an address there are none.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import nbformat
import yaml
from nbformat import NotebookNode

from hcl.companion import notebooks
from hcl.companion.registry import FIGURES
from hcl.errors import HclError
from hcl.training import places

FOLDER = "launch"  # of the project
_INSTALL = """# Installs the library where it is not there yet, as on Colab: some minutes, once.
import importlib.util

if importlib.util.find_spec("hcl") is None:
    %pip install --quiet "hcl[companion] @ {requirement}"
"""


class RepositoryError(HclError, ValueError):
    """The address in ``_config.yml`` is none that notebooks can be opened from."""


@dataclass(frozen=True)
class Repository:
    """Where the project is published.

    Attributes:
        url: ``https://<host>/<owner>/<name>``.
        branch: that the links are to.
        path: of the project in it; empty where it is all of it.
    """

    url: str
    branch: str = "main"
    path: str = ""

    @property
    def requirement(self) -> str:
        """What pip installs the project from."""
        return f"git+{self.url}@{self.branch}" + (f"#subdirectory={self.path}" if self.path else "")

    def links(self, name: str) -> dict[str, str]:
        """Return the addresses that open a notebook, by service; Colab reads from GitHub alone.

        Args:
            name: of the notebook.
        """
        file = "/".join(filter(None, [self.path, FOLDER, f"{name}.ipynb"]))
        host, _, slug = self.url.removeprefix("https://").partition("/")
        branch = quote(self.branch, safe="")
        at = {"github.com": f"gh/{slug}", "gitlab.com": f"gl/{quote(slug, safe='')}"}
        binder = at.get(host, f"git/{quote(self.url, safe='')}")
        found = {"Binder": f"https://mybinder.org/v2/{binder}/{branch}?urlpath=lab/tree/{quote(file)}"}
        if host == "github.com":
            colab = f"https://colab.research.google.com/github/{slug}/blob/{quote(self.branch)}/{quote(file)}"
            found = {"Colab": colab, **found}
        return found


def repository(root: Path) -> Repository | None:
    """Return where the project is published: ``repository`` in its ``_config.yml``, None where none is named.

    Args:
        root: of the project.

    Raises:
        RepositoryError: for an address of another form.
    """
    path = root / "_config.yml"
    config = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None
    stated = (config or {}).get("repository") or {}
    url = str(stated.get("url") or "").rstrip("/").removesuffix(".git")
    if not url:
        return None
    if (
        not url.startswith("https://")
        or len(url.removeprefix("https://").split("/")) < 3
        or any(c.isspace() for c in url)
    ):
        raise RepositoryError(
            f"repository: url: {url} in _config.yml: expected https://<host>/<owner>/<name>, or no address at all."
        )
    return Repository(url, stated.get("branch") or "main", str(stated.get("path_to_book") or "").strip("/"))


def names(root: Path) -> list[str]:
    """Return the notebooks that can be opened without records and benchmarks: those of the paper's figures."""
    own = {figure.notebook for figure in FIGURES.values()}
    return [path.stem for path in notebooks.pairs(root / "notebooks") if path.stem in own]


def notebook(source: Path, where: Repository) -> NotebookNode:
    """Return a notebook as it is opened elsewhere: installing cell first, profile ``smoke``.

    Args:
        source: its .py.
        where: the project is installed from.
    """
    made = notebooks.from_source(source)
    for cell in made.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = cell.source.replace('profile: str = "auto"', 'profile: str = "smoke"')
    made.cells.insert(0, nbformat.v4.new_code_cell(_INSTALL.format(requirement=where.requirement).strip()))
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number}"
    return made


def drifted(root: Path | None = None) -> list[str]:
    """Return the notebooks in the folder of these that are missing, not what they should be, or not to be there."""
    root = root or places.project()
    wanted, folder = _wanted(root), root / FOLDER
    there = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.ipynb")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


def sync(root: Path | None = None) -> list[str]:
    """Write or remove the notebooks that have drifted; return their names."""
    root = root or places.project()
    wanted = _wanted(root)
    changed = drifted(root)
    for name in changed:
        path = root / FOLDER / f"{name}.ipynb"
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8", newline="\n")
    return changed


def _wanted(root: Path) -> dict[str, str]:
    where = repository(root)
    if where is None:
        return {}
    return {name: nbformat.writes(notebook(root / "notebooks" / f"{name}.py", where)) + "\n" for name in names(root)}
