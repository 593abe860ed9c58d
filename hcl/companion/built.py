"""The built book as it lies on disk: its pages, and whether it is that of the present sources."""

import hashlib
from pathlib import Path

from hcl.errors import HclError
from hcl.training import places

OTHERS = ("genindex", "prf-prf", "py-modindex", "search")  # pages that Sphinx adds to those of the table of contents
STAMP = "sources.sha256"  # in _build, beside html
_SOURCES = ("_config.yml", "_toc.yml", "book/**/*", "notebooks/*.py", "hcl/**/*", "benchmarks/**/*", "runs/SHA256*")


class NotBuiltError(HclError, RuntimeError):
    """There is no built book where one is needed."""


def html(root: Path | None = None) -> Path:
    """Return the folder of the built book.

    Args:
        root: of the project; None is the checkout.

    Raises:
        NotBuiltError: if there is none.
    """
    folder = (root or places.project()) / "_build" / "html"
    if not (folder / "index.html").is_file():
        raise NotBuiltError(f"No built book in {folder}: make book builds it.")
    return folder


def pages(folder: Path) -> list[str]:
    """Return the pages of a built book, as "book/pages/theory", the first page first and Sphinx's own last.

    The order is that of the table of contents in the first page's sidebar; what is in none comes after it.
    """
    found = [path.relative_to(folder).with_suffix("").as_posix() for path in sorted(folder.rglob("*.html"))]
    found = [name for name in found if name != "index" and not name.startswith("_")]  # a redirection, templates
    listed = _listed(folder)
    return sorted(found, key=lambda name: (listed.index(name) if name in listed else len(listed), name in OTHERS))


def _listed(folder: Path) -> list[str]:
    from bs4 import BeautifulSoup  # with Sphinx's theme

    first = folder / "book" / "index.html"
    soup = BeautifulSoup(first.read_text(encoding="utf-8"), "html.parser")
    links = [str(link["href"]) for link in soup.select("nav.bd-links a.reference.internal[href]")]
    targets = [first if link == "#" else first.parent / link.partition("#")[0] for link in links]
    return [target.resolve().relative_to(folder.resolve()).with_suffix("").as_posix() for target in targets]


def fingerprint(root: Path) -> str:
    """Return the hash of what a book is made of: prose, notebooks, the package, and the list of records' hashes."""
    found = hashlib.sha256()
    for path in sorted({path for pattern in _SOURCES for path in root.glob(pattern)}):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith("book/pages/") and "__pycache__" not in name:
            found.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()


def stamp(root: Path) -> None:
    """Note beside a book that was just built what it was made of."""
    (root / "_build" / STAMP).write_text(fingerprint(root) + "\n", encoding="utf-8")


def is_current(root: Path) -> bool:
    """Return whether the built book of a project is that of its present sources."""
    noted = root / "_build" / STAMP
    there = noted.is_file() and (root / "_build" / "html" / "index.html").is_file()
    return there and noted.read_text(encoding="utf-8").strip() == fingerprint(root)
