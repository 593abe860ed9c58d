"""The book's table of contents and the README's table of figures, from the registry: ``make contents`` writes both."""

import re
from pathlib import Path

from hcl.companion.points import of_kind
from hcl.companion.registry import FIGURES
from hcl.training import places

VERDICTS = {
    "scoreboard": ("all claims", "every empirical claim with its verdict, computed from the records"),
    "fidelity": ("paper against code", f"what each ambiguity changes, and the slips P1 to P{len(of_kind('P'))}"),
}  # what they are of, and what they show
USING = (
    "book/reading",
    "book/rerun",
    "book/notebooks",
    "book/pages/performance",
    "book/pages/status",
    "book/api",
)
_TABLE = re.compile(r"(?<=<!-- figures -->\n)(.*?)(?=<!-- /figures -->)", re.DOTALL)


def chapters() -> dict[str, tuple[str, str]]:
    """Return the notebooks of the paper's figures in the order of the registry: what they are of, and what they show.

    Of figures that share a notebook the first one names it.
    """
    own: dict[str, tuple[str, str]] = {}
    for figure in FIGURES.values():
        if figure.notebook not in VERDICTS:
            own.setdefault(figure.notebook, (figure.label, figure.title))
    return own


def toc() -> str:
    """Return ``_toc.yml``."""
    parts = {
        "The verdicts": [f"book/pages/{name}" for name in VERDICTS],
        "The paper, re-run": [f"book/pages/{name}" for name in chapters()],
        "Using it": list(USING),
    }
    lines = [
        "# Written by `make contents` from the registry of figures.",
        "format: jb-book",
        "root: book/index",
        "parts:",
    ]
    for caption, files in parts.items():
        lines += [f"  - caption: {caption}", "    chapters:", *(f"      - file: {file}" for file in files)]
    return "\n".join([*lines, ""])


def figures_table() -> str:
    """Return the README's table of notebooks, as Markdown."""
    rows = [
        f"| {of} | [{name}](notebooks/{name}.py) | {shows} |" for name, (of, shows) in (VERDICTS | chapters()).items()
    ]
    return "\n".join(["| in the paper | notebook | what it shows |", "|---|---|---|", *rows, ""])


def main(root: Path | None = None) -> None:
    """Write both where they stand.

    Args:
        root: of the project; None is the checkout.
    """
    root = root or places.project()
    (root / "_toc.yml").write_text(toc(), encoding="utf-8")
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    readme.write_text(_TABLE.sub(lambda _: figures_table(), text), encoding="utf-8")


if __name__ == "__main__":
    main()
