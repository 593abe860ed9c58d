"""The page of the points of the book: every difference D and every slip P with what was measured of it."""

import re
from collections.abc import Mapping
from pathlib import Path

from hcl.companion import ambiguities, differences, slips
from hcl.companion import study as studies
from hcl.companion.points import POINTS, Point, of_kind

# Where a new part of the page begins, and what it is about.
PARTS: Mapping[str, str] = {
    "D1": "The loss",
    "D17": "Data and training",
    "D33": "Metrics, and what is reported",
    "P1": "Slips of the text",
}
_INTRODUCTION = """\
# Points D1 to D{differences} and P1 to P{slips}

The paper's text and its official code do not agree everywhere, and neither says everything. Each such point has a
number: **D** where paper and code differ or leave something open, **P** for a slip of the paper's text. Wherever a page
of this book cites a number, it links to here. The numbers never change.

{{doc}}`fidelity` shows what those that could matter change in training. {{doc}}`slips` sorts the slips by what they do
to the paper's results.
"""
_CODE = re.compile(r"\b[a-z_]+=(?:\"[^\"]*\"|\w+)|\"[a-z]+_[a-z_]+\"")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#$|~])")


def of_runs(root: Path | None = None) -> dict[str, str]:
    """Return by number what is measured of the differences, in closed form and in the runs of the Fidelity page.

    Args:
        root: folder of the records; None is `hcl.training.places.runs_root`. Where there is none of them, closed forms.
    """
    study = studies.study("fidelity", root=root)
    runs, base = (
        studies.study(name, study.profile, dataset=study.dataset, root=root).records(root)
        for name in ("fidelity", "fidelity_base")
    )
    return differences.measured(ambiguities.effects(runs, base) if runs and base else None)


def of_text() -> dict[str, str]:
    """Return by number what is computed of the slips."""
    return {str(name): f"{row.check}: {row.number}" for name, row in slips.slips().iterrows()}


def page(measured: Mapping[str, str]) -> str:
    """Return the page as Markdown, with a heading and a target for every point.

    Args:
        measured: by number, what is measured or computed; a point without has no line of it.
    """
    parts = [_INTRODUCTION.format(differences=len(of_kind("D")), slips=len(of_kind("P")))]
    for number, point in POINTS.items():
        if number in PARTS:
            parts.append(f"## {PARTS[number]}\n")
        parts.append(_entry(point, measured.get(number, "")))
    return "\n".join(parts)


def write(folder: Path, root: Path | None = None) -> Path:
    """Write ``points.md`` into the folder of the generated pages; return its path.

    Args:
        folder: made if it is not there.
        root: see `of_runs`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "points.md"
    path.write_text(page(of_runs(root) | of_text()), encoding="utf-8")
    return path


def _entry(point: Point, measured: str) -> str:
    said = (
        ("Where", point.place),
        ("The paper" if point.kind == "D" else "Printed", point.paper),
        ("Official code", point.code),
        ("Here" if point.kind == "D" else "Should be", point.ours),
        ("Measured" if point.kind == "D" else "Computed", measured),
    )
    lines = [f"({point.number.lower()})=", f"### {point.number}: {_plain(point.topic)}", "", ":::{div} hcl-facts"]
    lines += [f"{name}\n: {_plain(text)}\n" for name, text in said if text]
    return "\n".join([*lines, ":::", ""])


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is, with what is typed in Python set as code."""
    parts, end = [], 0
    for code in _CODE.finditer(text):
        parts += [_SPECIAL.sub(r"\\\1", text[end : code.start()]), f"`{code[0]}`"]
        end = code.end()
    return "".join([*parts, _SPECIAL.sub(r"\\\1", text[end:])]).replace("...", "…")
