"""The book's table of contents and the README's tables of figures and of verdicts: ``make contents`` writes them."""

import re
from collections.abc import Callable
from pathlib import Path

import torch

from hcl.companion.points import of_kind
from hcl.companion.registry import FIGURES, PAPER
from hcl.training import places

VERDICTS = {
    "scoreboard": ("all claims", "every empirical claim with its verdict, computed from the records"),
    "fidelity": ("paper against code", f"what the differences D1 to D{len(of_kind('D'))} change"),
    "slips": ("slips of the text", f"P1 to P{len(of_kind('P'))}, each with a computed number"),
}  # what they are of, and what they show
# The pages before and after those of the figures, by the part of the book that they are in.
FIRST = {"Start here": ("book/pages/idea", "book/reading", "book/pages/scoreboard")}
LAST = {
    "Using it": (
        "book/pages/explorer",
        "book/rerun",
        "book/pages/cluster",
        "book/notebooks",
        "book/pages/performance",
        "book/pages/reliability",
        "book/pages/status",
        "book/api",
    ),
    "Background": (
        "book/related",
        "book/limits",
        "book/pages/fidelity",
        "book/pages/points",
        "book/pages/slips",
        "book/glossary",
        "book/references",
    ),
}
# Pages below one of those.
SECTIONS = {"book/api": ("book/api_losses", "book/api_geometry", "book/api_training", "book/api_companion")}


def chapters() -> dict[str, tuple[str, str]]:
    """Return the notebooks of the figures in the order of the registry: what they are of, and what they show.

    Of figures that share a notebook the first one names it.
    """
    own: dict[str, tuple[str, str]] = {}
    for figure in FIGURES.values():
        if figure.notebook not in VERDICTS:
            own.setdefault(figure.notebook, (figure.label, figure.title))
    return own


def toc() -> str:
    """Return ``_toc.yml``."""
    part_of = {figure.notebook: figure.part for figure in reversed(FIGURES.values())}
    parts: dict[str, tuple[str, ...]] = {**FIRST, PAPER: ()}
    for name in chapters():
        parts[part_of[name]] = (*parts.get(part_of[name], ()), f"book/pages/{name}")
    parts |= LAST
    lines = [
        "# Written by `make contents` from the registry of figures.",
        "format: jb-book",
        "root: book/index",
        "parts:",
    ]
    for caption, files in parts.items():
        lines += [f"  - caption: {caption}", "    chapters:"]
        for file in files:
            lines.append(f"      - file: {file}")
            if below := SECTIONS.get(file):
                lines += ["        sections:", *(f"          - file: {each}" for each in below)]
    return "\n".join([*lines, ""])


def figures_table() -> str:
    """Return the README's table of notebooks, as Markdown."""
    rows = [
        f"| {of} | [{name}](notebooks/{name}.py) | {shows} |" for name, (of, shows) in (VERDICTS | chapters()).items()
    ]
    return "\n".join(["| in the paper | notebook | what it shows |", "|---|---|---|", *rows, ""])


def verdicts_table(root: Path) -> str:
    """Return the README's table of verdicts, as Markdown, from the records of a project.

    Args:
        root: of the project.
    """
    from hcl.companion.scoreboard import scoreboard, summary

    return f"{summary(scoreboard(root / 'runs'))}\n"


def between(text: str, mark: str, made: Callable[[], str]) -> str:
    """Return a text with what stands between a pair of marks, ``<!-- mark -->`` and ``<!-- /mark -->``, made anew.

    Args:
        text: to change; without the marks it is left as it is, and nothing made.
        mark: the word in them.
        made: what comes between them.
    """
    found = re.compile(rf"(?<=<!-- {mark} -->\n)(.*?)(?=<!-- /{mark} -->)", re.DOTALL)
    return found.sub(lambda _: made(), text)


def main(root: Path | None = None) -> None:
    """Write them where they stand.

    Args:
        root: of the project; None is the checkout.
    """
    root = root or places.project()
    (root / "_toc.yml").write_text(toc(), encoding="utf-8")
    readme = root / "README.md"
    text = between(readme.read_text(encoding="utf-8"), "figures", figures_table)
    text = between(text, "verdicts", lambda: verdicts_table(root))
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)  # claims are many small tensors: threads wait for each other
    main()
