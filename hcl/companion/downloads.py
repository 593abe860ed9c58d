"""The files that a page offers: its runs as CSV, JSON and ZIP, its executed notebook and the source."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from hcl.companion.facts import Facts
from hcl.training.runs import FILES

_PACKED = tuple(name for name in FILES if not name.endswith(".npz"))  # arrays are the larger part by far

FOLDER = "records"  # of the built book
_SHOWN_BY_BROWSERS = (".json", ".py", ".ipynb")  # rather than downloaded, where a page is opened as a file


def links(told: Facts, notebook: str, up: str) -> list[tuple[str, str, str]]:
    """Return what a page offers: name, address and description of each file.

    Args:
        told: ``metadata.hcl`` of the page's notebook.
        notebook: its name.
        up: from the page to the root of the book, as ``"../../"``.
    """
    name = told.get("figure", notebook)
    offered = []
    if told.get("records"):
        offered = [
            (f"{name}-history.csv", f"{up}{FOLDER}/{name}-history.csv", "every epoch (CSV)"),
            (f"{name}-runs.json", f"{up}{FOLDER}/{name}-runs.json", "specifications and provenance (JSON)"),
            (f"{name}-records.zip", f"{up}{FOLDER}/{name}-records.zip", "the records, without arrays (ZIP)"),
        ]
    return [
        *offered,
        (f"{notebook}.ipynb", f"{up}_sources/book/pages/{notebook}.ipynb", "executed notebook (.ipynb)"),
        (f"{notebook}.py", f"{up}{FOLDER}/{notebook}.py", "its source (.py)"),
    ]


def write(told: Facts, notebook: str, root: Path, html: Path) -> list[Path]:
    """Write the files of `links` that Sphinx does not, and return them.

    Args:
        told: see `links`.
        notebook: see `links`.
        root: of the project, with ``runs`` and ``notebooks``.
        html: of the built book.
    """
    folder = html / FOLDER
    folder.mkdir(exist_ok=True)
    written = []
    name, records = told.get("figure", notebook), [root / "runs" / path for path in told.get("records", ())]
    if records:
        for suffix, data in (
            ("-history.csv", history(records).encode()),
            ("-runs.json", described(records).encode()),
            ("-records.zip", packed(records)),
        ):
            written.append(folder / f"{name}{suffix}")
            written[-1].write_bytes(data)
    if (source := root / "notebooks" / f"{notebook}.py").exists():
        written.append(folder / f"{notebook}.py")
        written[-1].write_bytes(source.read_bytes())
    executed = html / "_sources" / "book" / "pages" / f"{notebook}.ipynb"
    for path in (*written, executed):
        if path.suffix in _SHOWN_BY_BROWSERS and path.exists():
            script = f"hclDownload({json.dumps(path.name)},{json.dumps(path.read_text(encoding='utf-8'))})\n"
            path.with_name(f"{path.name}.js").write_text(script, encoding="utf-8")
    return written


def history(records: list[Path]) -> str:
    """Return every epoch of the records in one CSV, whose first columns say which run a row is of."""
    tables = {path: list(_rows(path / "history.csv")) for path in records}
    columns = dict.fromkeys(name for rows in tables.values() for row in rows[:1] for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, ["profile", "run", *columns], restval="", lineterminator="\n")
    writer.writeheader()
    for path, rows in tables.items():
        writer.writerows({"profile": path.parent.name, "run": path.name, **row} for row in rows)
    return text.getvalue()


def described(records: list[Path]) -> str:
    """Return specification and provenance of the records as JSON, by run."""
    runs = {
        path.name: {
            "profile": path.parent.name,
            **{
                name: json.loads((path / f"{name}.json").read_text(encoding="utf-8")) for name in ("spec", "provenance")
            },
        }
        for path in records
    }
    return json.dumps(runs, indent=1, ensure_ascii=False) + "\n"


def packed(records: list[Path]) -> bytes:
    """Return the records, without their arrays, in a ZIP: the same bytes every time."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in records:
            for name in _PACKED:
                entry = zipfile.ZipInfo(f"runs/{path.parent.name}/{path.name}/{name}", (1980, 1, 1, 0, 0, 0))
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, (path / name).read_bytes())
    return data.getvalue()


def _rows(path: Path) -> Iterator[Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
