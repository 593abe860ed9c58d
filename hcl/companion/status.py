"""The book's page on its own making: what was executed and for how long, with which versions, from which records."""

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import nbformat

from hcl.companion import costs, estimates
from hcl.companion import study as studies
from hcl.companion.profiles import BEST_FIRST
from hcl.companion.registry import FIGURES
from hcl.training import places

PAGE = "book/pages/status"
_DECIDING = ("torch", "torchvision", "numpy", "scipy", "pandas", "scikit-learn")
_SHOWING = ("jupyter-book", "Sphinx", "myst-nb", "papermill", "jupytext", "matplotlib", "plotly")


def executed(folder: Path) -> list[dict[str, Any]]:
    """Return what the executed notebooks of a folder say of their making, by name: what they lack is left out."""
    found = []
    for path in sorted(folder.glob("[!.]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        told, ran = notebook.metadata.get("hcl", {}), notebook.metadata.get("papermill", {})
        title = next((c.source.splitlines()[0].lstrip("# ") for c in notebook.cells if c.source.startswith("# ")), "")
        groups = told.get("groups", [])
        found.append(
            {
                "name": path.stem,
                "title": title or path.stem,
                "seconds": ran.get("duration"),
                "made": dict(told.get("executed", {})),
                "runs": sum(group["runs"] for group in groups),
                "profiles": ", ".join(dict.fromkeys(group["profile"] for group in groups)),
            }
        )
    return found


def counts(root: Path) -> list[tuple[str, list[str]]]:
    """Return for each figure how many of its runs are recorded at each profile, best profile last, for people.

    Args:
        root: folder of the records.
    """
    rows = []
    for figure in (figure for figure in FIGURES.values() if figure.dataset is not None):
        cells = []
        for profile in reversed(BEST_FIRST):
            study = studies.study(figure.name, profile, root=root)
            made = len(study.recorded(root))
            instead = " (stand-in)" if made and study.stands_in else ""
            cells.append(f"{made} of {len(study.specs)}{instead}" if made else "–")
        rows.append((f"{figure.label}, `{figure.name}`", cells))
    return rows


def page(pages: Sequence[dict[str, Any]], root: Path) -> str:
    """Return the page, as Markdown.

    Args:
        pages: of `executed`.
        root: folder of the records.
    """
    made: dict[str, Any] = next((one["made"] for one in pages if one["made"]), {})
    dates = sorted(one["made"]["date"] for one in pages if one["made"])
    name = made.get("commit") or "unknown"
    commit = f"`{name[:10]}`{', modified' if name.endswith('-modified') else ''}"
    taken = sum(one["seconds"] or 0 for one in pages)
    lines = [
        "# Status of this build", "",
        "What this copy of the book was made of, and when. Written anew by every `make book`.", "",
        "| what | which |", "|---|---|",
        f"| Executed | {dates[-1][:16].replace('T', ' ') if dates else '–'} UTC |",
        f"| Commit | {commit} |",
        f"| Library's sources | `{made.get('sources', 'unknown')}` |",
        f"| Device | {made.get('device', 'unknown')} |",
        f"| Python | {made.get('python', 'unknown')} |",
        *(f"| {name} | {_version(name)} |" for name in (*_DECIDING, *_SHOWING)), "",
        "## Notebooks", "",
        f"{len(pages)} notebooks, {costs.duration(taken)} one after another; none trains anything, each reads the "
        "records that its page shows.", "",
        "| page | executed in | runs shown | at profile |", "|---|--:|--:|---|",
        *(_notebook(one) for one in pages), "",
        "## Records", "",
        *_devices(root), "",
        "Recorded runs of each figure by profile, seeds beyond the first included; a run that several figures share "
        "counts for each.", "",
        f"| figure | {' | '.join(f'`{profile}`' for profile in reversed(BEST_FIRST))} |",
        f"|---|{'--:|' * len(BEST_FIRST)}",
        *(f"| {name} | {' | '.join(cells)} |" for name, cells in counts(root)), "",
    ]  # fmt: skip
    return "\n".join(lines)


def write(root: Path | None = None) -> Path:
    """Write the page where the book has it, and return its path.

    Args:
        root: of the project; None is the checkout.
    """
    root = root or places.project()
    path = root / f"{PAGE}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(executed(path.parent), root / "runs"), encoding="utf-8")
    return path


def _notebook(one: dict[str, Any]) -> str:
    seconds = "–" if one["seconds"] is None else costs.duration(one["seconds"])
    return f"| {{doc}}`{one['title']} <{one['name']}>` | {seconds} | {one['runs'] or '–'} | {one['profiles'] or '–'} |"


def _devices(root: Path) -> list[str]:
    """Return on which devices the records of each profile were made, a line each, and how many there are."""
    made = estimates.all_made(root)
    lines = []
    for profile in reversed(BEST_FIRST):
        where = Counter(one.where for one in made if one.profile == profile)
        each = "; ".join(f"{number} on {device}" for device, number in where.most_common())
        lines.append(f"- `{profile}`: {each or 'none yet'}")
    return [f"{len(made)} runs are recorded.", "", *lines]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    write()
