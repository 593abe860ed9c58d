"""Tables of the book and of JupyterLab as HTML: one header row, numbers at their decimal points, groups, a scroller."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

import pandas as pd

from hcl.companion.headings import heading
from hcl.companion.numbers import DASH, decimals, number

# For JupyterLab, which has not the book's stylesheet (book/_static/tables.css); the same rules, kept few.
_STYLE = (
    "<style>"
    ".hcl-table{overflow-x:auto}"
    ".hcl-table table.hcl{font-variant-numeric:tabular-nums;border-collapse:collapse}"
    ".hcl-table table.hcl :is(th,td){text-align:left;vertical-align:top;padding:.3em .8em .3em 0}"
    ".hcl-table table.hcl :is(th,td).num{text-align:right}"
    ".hcl-table table.hcl td.num{white-space:nowrap}"
    ".hcl-table table.hcl [data-pad]::after{content:attr(data-pad);visibility:hidden}"
    ".hcl-table table.hcl td.long{min-width:14em}"
    ".hcl-table table.hcl thead th{vertical-align:bottom;border-bottom:1px solid currentColor}"
    ".hcl-table table.hcl tr.group th{padding-top:.9em;border-bottom:1px solid currentColor}"
    ".hcl-table table.hcl caption{caption-side:top;text-align:left}"
    ".hcl-table table.hcl abbr[title]{text-decoration:none}"
    "</style>"
)
_POWER = r"×10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+"
_VALUE = rf"[<>≥≤=~−+-]{{0,2}} ?[\d,]*\.?\d+(?:e[+-]\d+|{_POWER})?"
_BOTH = rf"{_VALUE}[ \u00a0]±[ \u00a0]{_VALUE}"
_NUMBER = re.compile(rf"∞|(?:{_BOTH}|{_VALUE}|\({_BOTH}\){_POWER})(?: ?(?:✗|\(\?\)|\(…\)|%))*")
_LONG, _NARROW = 32, 18  # characters from which a column may wrap, and up to which it may not


@dataclass(frozen=True)
class Table:
    """A table that notebooks show.

    Attributes:
        html: all of it.
        text: for terminals.
    """

    html: str
    text: str

    def to_html(self) -> str:
        """Return the HTML, as a Styler of pandas would."""
        return self.html

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


_WAITING = "Nothing to show yet: the runs of this table are still to be made."


def render(table: pd.DataFrame, digits: int = 3, caption: str = "") -> Table:
    """Return a table for people: the index as leading columns, groups of rows under a row of their own.

    Rows are in groups where the first level of the index is of words and says the same of several rows. A table without
    a row, or whose numbers are all missing, is a sentence that says so.

    Args:
        table: numbers, or text; columns by their names in code or in words, see `hcl.companion.headings`.
        digits: decimals of numbers; counts have one, tiny ones are in powers of ten.
        caption: above the table; without one it has a name for screen readers, made of its columns.
    """
    numbers = table.select_dtypes("number")
    if table.empty or (len(numbers.columns) > 1 and numbers.isna().all(axis=None)):
        return Table(f'<p class="hcl-waiting">{escape(_WAITING)}</p>', _WAITING)
    named = not isinstance(table.index, pd.RangeIndex) or table.index.name is not None
    frame = table.rename_axis([name or "case" for name in table.index.names]).reset_index() if named else table
    lead = table.index.nlevels if named else 1
    columns = [str(name) for name in frame.columns]
    cells = {
        name: [_written(value, name, digits) for value in frame.iloc[:, place]] for place, name in enumerate(columns)
    }
    grouped = named and _in_groups(table.index)
    body = columns[1:] if grouped else columns
    heads = [heading(name) for name in body]
    lead -= grouped
    shown = {name: _Column(name, cells[name], place < lead) for place, name in enumerate(body)}
    rows = [f"<tr>{''.join(column.cell(row) for column in shown.values())}</tr>" for row in range(len(frame))]
    if grouped:
        rows = _under_groups(cells[columns[0]], rows, len(body))
    header = "".join(column.header(*head) for column, head in zip(shown.values(), heads, strict=True))
    label = escape(caption or f"Table: {', '.join(words for words, _ in heads)}", quote=True)
    title = f"<caption><span>{escape(caption)}</span></caption>" if caption else ""
    html = (
        f'<div class="hcl-table" role="region" tabindex="0" aria-label="{label}">{_STYLE}<table class="hcl">{title}'
        f"<thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
    text = pd.DataFrame({words: cells[name] for name, (words, _) in zip(body, heads, strict=True)})
    return Table(html, text.to_string(index=False))


def stacked(parts: Sequence[Table]) -> Table:
    """Return tables under one another as one, for a notebook's cell.

    Args:
        parts: each with a caption of its own.
    """
    return Table("".join(part.html for part in parts), "\n\n".join(part.text for part in parts))


class _Column:
    """A column of a table: whether it holds numbers, how far these reach beyond their decimal points."""

    def __init__(self, name: str, cells: Sequence[str], leads: bool) -> None:
        said = [cell for cell in cells if cell not in ("", DASH)]
        longest = max(map(len, said), default=0)
        self._cells, self._leads = cells, leads
        missing = bool(cells) and all(cell == DASH for cell in cells)  # numbers that nothing has
        self._numeric = missing or (bool(said) and all(_NUMBER.fullmatch(cell) for cell in said))
        self._behind = max((_fraction(cell) for cell in said), key=len, default="") if self._numeric else ""
        self._classes = [
            word
            for word, holds in (
                ("num", self._numeric), ("long", not self._numeric and longest > _LONG),
                ("short", not self._numeric and longest <= _NARROW), ("paper", name.endswith(", paper")),
            )
            if holds
        ]  # fmt: skip

    def header(self, words: str, why: str) -> str:
        said = f'<abbr title="{escape(why, quote=True)}">{escape(words)}</abbr>' if why else escape(words)
        return f'<th scope="col"{_classes(self._classes)}>{said}</th>'

    def cell(self, row: int) -> str:
        text = self._cells[row]
        pad = self._behind[len(_fraction(text)) :] if self._numeric else ""
        attributes = _classes(self._classes) + (f' data-pad="{escape(pad, quote=True)}"' if pad else "")
        tag, scope = ("th", ' scope="row"') if self._leads else ("td", "")
        return f"<{tag}{scope}{attributes}>{_unbroken(escape(text, quote=False))}</{tag}>"


def _classes(words: Sequence[str]) -> str:
    return f' class="{" ".join(words)}"' if words else ""


def _written(value: object, column: str, digits: int) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value, 0 if isinstance(value, int) else decimals(column, digits))
    text = {"True": "yes", "False": "no"}.get(str(value), str(value))
    return re.sub(r"^([−-]?)\.(?=\d+$)", r"\g<1>0.", text)  # .2014, as the paper prints it


def _fraction(text: str) -> str:
    """Return what stands behind the integer part of a number, its point included."""
    return re.sub(r"^[^\d]*[\d,]*", "", text)


def _unbroken(text: str) -> str:
    """Return a text in which no sign is parted from its number."""
    return re.sub(
        r"[ \u00a0]?(±)[ \u00a0]?| (✗|\(\?\)|\(…\))", lambda m: f"\u00a0{m[1]}\u00a0" if m[1] else f"\u00a0{m[2]}", text
    )


def _in_groups(index: pd.Index) -> bool:
    if index.nlevels < 2:
        return False
    first = list(map(str, index.get_level_values(0)))
    words = not all(_NUMBER.fullmatch(name) for name in first)
    return words and len(list(groupby(first))) < len(first)


def _under_groups(names: Sequence[str], rows: Sequence[str], width: int) -> list[str]:
    """Return the rows, each run of them with the same name under a row that says it."""
    found = []
    for name, its in groupby(zip(names, rows, strict=True), key=lambda pair: pair[0]):
        name = "for comparison" if name == DASH else name
        said = f'<tr class="group"><th colspan="{width}" scope="rowgroup"><span>{_unbroken(escape(name))}</span></th>'
        found += [f"{said}</tr>", *(row for _, row in its)]
    return found
