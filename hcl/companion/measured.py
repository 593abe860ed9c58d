"""The numbers of a verdict taken apart again: by metric and setting for a list, and in a few words for a line."""

import re

Group = tuple[str, list[str]]  # a metric, and a text for each setting, as `hcl.companion.verdicts.judge` wrote them

MARKED = re.compile(r" (✗|\(\?\)|\(…\))$")
_GROUPS = re.compile(r"\. (?=[^–;]+ – )")
_TEXTS = re.compile(r"; (?![^(]*\))")  # not those of "(at k = 32; k = 256: 0.3)"
_PARTNER = re.compile(r" \([^()]+: [^()]+\)$")  # what a number is compared with
_NUMBER = r"[+-]?\d[\d.]*(?:e[+-]?\d+)?"
# What summaries of a setting are quoted for, by the name of the group.
_QUOTED = {"Neural-Collapse": "equal inner product", "Dimensional-Collapse": "effective rank"}
_MOST, _LABELLED = 5, 3  # values that a line shows, and those it names the settings of
_DASH = "–"  # of a setting without a run


def taken_apart(measured: str) -> list[Group]:
    """Return the metrics of a verdict, each with a text for every setting, marks at the end.

    Args:
        measured: of a verdict; nothing is taken from a dash, as one that waits has.
    """
    groups = [group.partition(" – ") for group in _GROUPS.split(measured)]
    return [(name, _TEXTS.split(texts)) for name, dash, texts in groups if dash]


def brief(measured: str) -> str:
    """Return what was measured in a few words: of each metric the values, or from the least to the largest of many.

    Args:
        measured: of a verdict.
    """
    return "; ".join(filter(None, (_brief(name, texts) for name, texts in taken_apart(measured))))


def _brief(name: str, texts: list[str]) -> str:
    quoted = _QUOTED.get(name, "")
    name = quoted if quoted and any(f"{quoted} " in text for text in texts) else name
    made = [text for text in texts if f": {_DASH}" not in _PARTNER.sub("", MARKED.sub("", text))]
    found = [_value(text, quoted) for text in made]
    values = list(dict.fromkeys(value for value in found if value is not None))
    if not values:
        return f"{name}: {'; '.join(made)}" if made else ""
    words = [text for text, value in zip(made, found, strict=True) if value is None]
    ends = "".join(f", {text.rpartition(': ')[2]}" for text in words)  # as "falls", from SCL to β = 30
    if len(values) > _MOST:
        numbers = sorted((value for _, value, _ in values), key=float)
        marks = [mark for *_, mark in values if mark]
        counts = "".join(f", {marks.count(mark)} {mark}" for mark in dict.fromkeys(marks))
        return f"{name} {numbers[0]} to {numbers[-1]}{counts}{ends}"
    if len({label.partition(",")[0] for label, *_ in values if "," in label}) == 1:  # one method: its hardness tells
        values = [(label.partition(", ")[2] or label, value, mark) for label, value, mark in values]
    labels = [label for label, *_ in values]
    if 1 < len(values) <= _LABELLED and len(set(labels)) == len(labels):
        shown = [f"{value} ({label}) {mark}".rstrip() for label, value, mark in values]
    else:
        shown = [f"{value} {mark}".rstrip() for _, value, mark in values]
    return f"{name} {', '.join(shown)}{ends}"


def _value(text: str, quoted: str) -> tuple[str, str, str] | None:
    """Return label, number and mark of a setting's text; None where there is no number after the label."""
    mark = marked[1] if (marked := MARKED.search(text)) else ""
    label, _, rest = MARKED.sub("", text).partition(": ")
    number = (quoted and re.search(rf"{quoted} ({_NUMBER})", rest)) or re.match(rf"({_NUMBER})(?![^\s,;])", rest)
    return (label, number[1], mark) if number else None
