"""Claims and their verdicts as HTML: a matrix of marks, and a line a claim, filtered by ``book/_static/scoreboard.js``.

It is read without the book's style sheet and script too, as in JupyterLab: then everything is shown, in plain lists.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
from IPython.display import HTML

from hcl.companion.measured import brief, taken_apart
from hcl.companion.registry import FIGURES, PAPER, Figure
from hcl.companion.verdicts import STATUSES, Status

Row = Mapping[str, Any]  # of a scoreboard: text by column

MEANINGS: Mapping[Status, str] = {
    "reproduced": "every part of the claim holds",
    "partly": "some parts hold and some do not",
    "not reproduced": "no part holds",
    "undecided": "another seed could turn the answer, or a value lies too near its limit: more seeds decide",
    "not judged": "the runs cannot tell: a number still moves, images are too few or not fitted, or two runs are one",
    "waiting": "the runs that decide are still to be made",
}
FLAGS = {
    "✗": "does not agree with the claim", "(?)": "another seed could turn it", "(…)": "had not settled",
}  # fmt: skip
_DISC = "M10 1a9 9 0 1 0 0 18a9 9 0 1 0 0-18z"
_RING = f"{_DISC}M10 2.8a7.2 7.2 0 1 1 0 14.4a7.2 7.2 0 1 1 0-14.4z"
# Silhouettes of their own, holes where a sign is: told apart without their colours.
_SHAPES: Mapping[Status, str] = {
    "reproduced": f"{_DISC}M8.4 15 3.9 10.4l1.5-1.5 3 3 6-6.1 1.5 1.5z",
    "partly": f"{_DISC}M10 2.8a7.2 7.2 0 0 1 0 14.4z",
    "not reproduced": "M1.5 1.5h17v17h-17z"
    "M10 8.3 6.2 4.5 4.5 6.2 8.3 10l-3.8 3.8 1.7 1.7 3.8-3.8 3.8 3.8 1.7-1.7L11.7 10l3.8-3.8-1.7-1.7z",
    "undecided": "M10 0 20 10 10 20 0 10zM10 2.6 2.6 10l7.4 7.4 7.4-7.4z"
    "M7.5 8.2C7.5 6.7 8.6 5.7 10 5.7s2.5.9 2.5 2.3c0 1.6-1.7 1.9-1.7 3.2H9.2c0-2 1.7-2.3 1.7-3.2 0-.5-.4-.8-.9-.8"
    "s-.9.3-.9.8zM9.1 12.2h1.8v1.8H9.1z",
    "not judged": f"{_RING}M5.5 9h9v2h-9z",
    "waiting": "M10 4a6 6 0 1 0 0 12a6 6 0 1 0 0-12zM10 5.4a4.6 4.6 0 1 1 0 9.2a4.6 4.6 0 1 1 0-9.2z",
}
_SEPARATOR = '<span class="hcl-sep"> · </span>'  # between chips, where the style sheet is not there to set them apart


def icon(status: str) -> str:
    """Return the shape of a verdict as SVG without a name of its own, in the colour of the text around it."""
    path = _SHAPES.get(status, _RING)  # type: ignore[call-overload]
    return (
        '<svg class="hcl-icon" viewBox="0 0 20 20" width="16" height="16" aria-hidden="true" focusable="false">'
        f'<path fill="currentColor" fill-rule="evenodd" d="{path}"/></svg>'
    )


def matrix(board: pd.DataFrame) -> HTML:
    """Return a row for each page of the paper's figures with a mark for each claim, a link to its line, and a legend.

    Args:
        board: of `hcl.companion.scoreboard.scoreboard`.
    """
    parts: dict[str | None, str] = {None: ""}  # by the work, first the paper
    for figure, claims in _by_page(_rows(board)):
        whose = None if figure.part == PAPER else figure.work
        parts[whose] = parts.get(whose, "") + (
            f'<tr><th scope="row"><a href="{_page(figure)}">{escape(figure.label)}</a> '
            f'<span class="hcl-title">{escape(figure.title)}</span></th>'
            f'<td><ul class="hcl-marks">{"".join(map(_mark, claims))}</ul></td></tr>'
        )
    heads = {None: ("Of the paper", "Its claims, a mark each"), "": ("Of this project", "Our statements, a mark each")}
    tables = "".join(
        f'<table class="hcl-matrix"><thead><tr><th scope="col">{escape(first)}</th><th scope="col">{second}</th></tr>'
        f"</thead><tbody>{rows}</tbody></table>"
        for whose, rows in parts.items()
        for first, second in [heads.get(whose, (f"Of {whose}", "Its claims, a mark each"))]
        if rows
    )
    return HTML(f'<div class="hcl-board">{_legend(board)}{tables}</div>')


def meanings() -> HTML:
    """Return what the verdicts mean, each with its shape, and the signs beside numbers."""
    verdicts = "".join(f"<dt>{chip(status)}</dt><dd>{escape(text)}</dd>" for status, text in MEANINGS.items())
    flags = "".join(f"<dt>{flag}</dt><dd>{text}</dd>" for flag, text in FLAGS.items())
    return HTML(f'<dl class="hcl-meanings">{verdicts}{flags}</dl>')


def claims(board: pd.DataFrame, filters: bool = True) -> HTML:
    """Return a line for each claim, those that wait for their runs behind the others, and the filters above.

    Args:
        board: of `hcl.companion.scoreboard.scoreboard`.
        filters: whether to have them; those of a page reach all its lists.
    """
    rows = _rows(board)
    judged = [row for row in rows if row["verdict"] != "waiting"]
    waiting = [row for row in rows if row["verdict"] == "waiting"]
    groups = "".join(_group(figure, of) for figure, of in _by_page(judged))
    if waiting:
        groups += (
            f'<details class="hcl-waiting"><summary>{len(waiting)} claims wait for their runs</summary>'
            f"{''.join(_group(figure, of) for figure, of in _by_page(waiting))}</details>"
        )
    return HTML(f'<div class="hcl-claims">{_filters(rows) if filters else ""}{groups}</div>')


def verdict_list(table: pd.DataFrame) -> HTML:
    """Return the claims of a page, a line each that links to the scoreboard's, those that wait for their runs last.

    Args:
        table: with columns name, verdict and more of those of a scoreboard, the statements as its index or ``claim``.
    """
    rows = sorted(_rows(table), key=lambda row: row["verdict"] == "waiting")
    lines = "".join(line(row, "scoreboard.ipynb") for row in rows)
    return HTML(f'<div class="hcl-claims" id="verdicts"><ol class="hcl-list">{lines}</ol></div>')


def line(row: Row, page: str) -> str:
    """Return a claim: its verdict, the statement as a link, the numbers in brief, what judged it, and all the rest.

    Args:
        row: of a scoreboard; what it lacks is left out.
        page: that its statement links to.
    """
    status, name = row["verdict"], f"claim-{row['name']}"
    seeds = list(filter(None, row.get("seeds", "").split(", ")))
    data = row.get("data", "") or ("computed" if row.get("runs") == "computed" else "")
    made = [data, row.get("profile", ""), *([f"seed {seeds[0]}"] if len(seeds) == 1 else [f"{len(seeds)} seeds"])]
    tags = _SEPARATOR.join(f'<span class="hcl-tag">{escape(tag)}</span>' for tag in made if tag and tag != "0 seeds")
    values = {"verdict": status, "data": data, "profile": row.get("profile", ""), "seeds": str(len(seeds))}
    attributes = " ".join(f'data-{key}="{escape(value)}"' for key, value in values.items())
    return (
        f'<li class="hcl-claim" id="{escape(name)}" {attributes}>{chip(status)}\n<div class="hcl-body">'
        f'<p class="hcl-statement"><a href="{page}#{escape(name)}">{escape(row["claim"])}</a></p>\n'
        f'{_in_brief(row)}\n<div class="hcl-made">{tags}\n{_details(row)}</div></div></li>\n'
    )


def chip(status: str) -> str:
    """Return a verdict in a word, with its shape."""
    return f'<span class="hcl-chip {_class(status)}">{icon(status)} {escape(status)}</span>'


def counts(table: pd.DataFrame) -> str:
    """Return how many claims have which verdict, each with its shape, as HTML.

    Args:
        table: with a column ``verdict``.
    """
    found = table["verdict"].value_counts()
    return ", ".join(
        f'<span class="hcl-count {_class(status)}">{icon(status)} {found[status]} {escape(status)}</span>'
        for status in STATUSES
        if status in found
    )


def _mark(row: Row) -> str:
    name = escape(f"{row['verdict']}: {row['claim']}")
    return (
        f'<li><a class="hcl-mark {_class(row["verdict"])}" href="#claim-{escape(row["name"])}" title="{name}" '
        f'aria-label="{name}">{icon(row["verdict"])}</a></li>'
    )


def _legend(board: pd.DataFrame) -> str:
    of_paper = [row for row in _rows(board) if FIGURES[row["figure"]].part == PAPER]
    found = Counter(row["verdict"] for row in of_paper)
    items = "".join(
        f'<li class="{_class(status)}" title="{escape(MEANINGS[status])}">{icon(status)} {status} '
        f"<strong>{found[status]}</strong></li>"
        for status in STATUSES
    )
    label = "Shapes of the verdicts, and how many claims of the paper have each"
    return f'<ul class="hcl-legend" aria-label="{label}">{items}</ul>'


def _filters(rows: Sequence[Row]) -> str:
    """Return the form that the script shows; without it all claims are there and the form is not."""
    lines = [row for row in rows if row["verdict"] != "waiting" or row["data"]]
    seeds = sorted({len(list(filter(None, row["seeds"].split(", ")))) for row in lines})
    choices: dict[str, list[str]] = {
        "verdict": [status for status in STATUSES if any(row["verdict"] == status for row in rows)],
        "data": list(dict.fromkeys(row["data"] or "computed" for row in lines if row["runs"])),
        "profile": list(dict.fromkeys(row["profile"] for row in lines if row["profile"])),
        "seeds": [str(number) for number in seeds if number],
    }
    selects = "".join(
        f'<label>{name} <select name="{name}"><option value="">all</option>'
        f"{''.join(f'<option>{escape(value)}</option>' for value in values)}</select></label>"
        for name, values in choices.items()
    )
    return (
        f'<form class="hcl-filters" hidden aria-label="Filter the claims">{selects}<label>text <input type="search" '
        'name="text" placeholder="collapse"></label><button type="reset">show all</button>'
        '<p class="hcl-shown" role="status" aria-live="polite"></p></form>'
    )


def _group(figure: Figure, rows: Sequence[Row]) -> str:
    page = _page(figure)
    return (
        f'<div class="hcl-group"><h3><a href="{page}">{escape(figure.label)}</a> '
        f'<span class="hcl-title">{escape(figure.title)}</span></h3>'
        f'<ol class="hcl-list">{"".join(line(row, page) for row in rows)}</ol></div>'
    )


def _in_brief(row: Row) -> str:
    """Return what the paper has and what was measured here."""
    published, measured = row.get("published", ""), brief(row.get("measured", ""))
    said = f'<span class="hcl-of">{_source(row)[0]}</span> {escape(published)}' if published else ""
    if measured and row["verdict"] != "waiting":
        said += f' <span class="hcl-of"><span aria-hidden="true">→</span> here</span> {_flagged(measured)}'
    return f'<p class="hcl-numbers">{said.strip()}</p>' if said else ""


def _source(row: Row) -> tuple[str, str]:
    """Return what stands before what was published, and before where."""
    figure = FIGURES[row["figure"]] if "figure" in row else None
    if figure is None or figure.part == PAPER:
        return "paper", "In the paper"
    return ("published", f"In {escape(figure.work)}") if figure.work else ("ours; paper", "In the paper")


def _details(row: Row) -> str:
    """Return all numbers, the reason, where the claim stands and which runs judged it, folded."""
    numbers = "".join(
        f"<dt>{escape(metric)}</dt> {' '.join(f'<dd>{_flagged(text)}</dd>' for text in texts)} "
        for metric, texts in taken_apart(row.get("measured", ""))
    )
    parts = [f"<dl>{numbers}</dl>"] if numbers else []
    if row.get("reason"):
        parts.append(f"<p><strong>Why {escape(row['verdict'])}:</strong> {escape(row['reason'])}.</p>")
    judged = f" Judged by: {escape(row['runs'])}." if row.get("runs") else ""
    parts.append(f"<p>{_source(row)[1]}: {escape(row.get('where', ''))}.{judged}</p>")
    return f'<details class="hcl-details"><summary>numbers and reason</summary>\n{" ".join(parts)}</details>'


def _flagged(text: str) -> str:
    """Return text with the signs of what does not agree, or is open, explained."""
    safe = re.sub(r"([βετCkt]) (=) (?=\d)", "\\1\u00a0\\2\u00a0", escape(text))  # "β = 5" stays in one line
    for flag, why in FLAGS.items():
        safe = safe.replace(flag, f'<abbr class="hcl-flag" title="{why}">{flag}</abbr>')
    return safe


def _class(status: str) -> str:
    return f"hcl-v-{status.replace(' ', '-')}" if status in STATUSES else ""


def _page(figure: Figure) -> str:
    return f"{figure.notebook}.ipynb"  # in the book the extension `claims` makes it the page's address


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    flat = table.reset_index() if "claim" not in table.columns else table
    return [{str(key): value for key, value in row.items()} for row in flat.to_dict("records")]


def _by_page(rows: Sequence[Row]) -> Iterator[tuple[Figure, list[Row]]]:
    """Yield the first figure of each page, in the order of the registry, with the claims that are judged on it."""
    pages: dict[tuple[str, str], tuple[Figure, list[Row]]] = {}  # of a page, the claims of each work
    for figure in FIGURES.values():
        mine = [row for row in rows if row["figure"] == figure.name]
        if mine:
            pages.setdefault((figure.notebook, figure.work), (figure, []))[1].extend(mine)
    yield from pages.values()
