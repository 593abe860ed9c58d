"""What a user may set, and how it is written: parameters of notebooks and options of the command line, checked."""

import ast
import json
import re
import tokenize
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from math import isfinite
from types import GenericAlias
from typing import Any, get_args, get_origin

from hcl.choices import meant
from hcl.errors import HclError

# What parameters may be declared as: papermill does not see annotations with "|", so "auto", 0 and [] stand for none.
TYPES: dict[str, Any] = {kind.__name__: kind for kind in (str, int, float, bool)} | {
    f"list[{kind.__name__}]": GenericAlias(list, (kind,)) for kind in (str, int, float)
}
_INJECTED = "# Parameters"  # how the cell begins that papermill adds after the one that declares them
_LEAST, _BELOW = re.compile(r"at least (-?\d+)"), re.compile(r"below 2\^(\d+)")


class ParameterError(HclError, ValueError):
    """A parameter the notebook does not have, or a value of another type or range than it declares."""

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]  # of IPython: where it was raised is nothing to a reader


@dataclass(frozen=True)
class Declared:
    """A parameter as a cell declares it.

    Attributes:
        kind: its annotation, a key of `TYPES`; empty where it has none.
        help: the comment behind it, in which ``at least 1`` and ``below 2^32`` are limits; papermill reads no line that
            has another equals sign.
    """

    kind: str
    help: str


def declared(source: str) -> dict[str, Declared]:
    """Return the parameters that a cell declares: ``epochs: int = 1  # of training, at least 1``, one a line.

    Empty for a cell that does anything else.
    """
    try:
        body = ast.parse(source).body
        tokens = list(tokenize.generate_tokens(StringIO(source).readline))
    except (SyntaxError, tokenize.TokenError):
        return {}
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    found = {}
    for line in body:
        target: ast.expr | None = line.target if isinstance(line, ast.AnnAssign) else None
        if isinstance(line, ast.Assign) and len(line.targets) == 1:
            target = line.targets[0]
        if not isinstance(target, ast.Name):
            return {}
        kind = ast.unparse(line.annotation) if isinstance(line, ast.AnnAssign) else ""
        found[target.id] = Declared(kind, comments.get(line.end_lineno or 0, ""))
    return found


def check_values(values: Mapping[str, Any], known: Mapping[str, Declared], notebook: str) -> None:
    """Refuse unknown names, values of other types than are declared, and values below their least.

    Args:
        values: by name.
        known: parameters of the notebook.
        notebook: what it is called.

    Raises:
        ParameterError: naming what the notebook takes.
    """
    for name, value in values.items():
        if name not in known:
            takes = ", ".join(f"{name}: {p.kind}" for name, p in known.items()) or "none at all"
            raise ParameterError(f"{notebook} has no parameter {name!r}{meant(name, known)}: it takes {takes}.")
        kind = known[name].kind
        if kind not in TYPES:
            raise ParameterError(
                f"{notebook} declares {name} as {kind or 'of no type'}: its parameters cell must say one of "
                f"{', '.join(TYPES)}."
            )
        if not _fits(value, TYPES[kind]):
            lists = "; papermill takes lists by -y '{name: [1, 2]}'" if isinstance(value, str) and "[" in kind else ""
            raise ParameterError(f"{name}={value!r}: {notebook} expects {kind}{lists}.")
        least, below = _LEAST.search(known[name].help), _BELOW.search(known[name].help)
        for item in value if isinstance(value, list) else [value]:
            if (least and item < int(least[1])) or (below and item >= 2 ** int(below[1])):
                raise ParameterError(f"{name}={value!r}: {notebook} expects {known[name].help}.")


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is list:
        return isinstance(value, list) and all(_fits(item, get_args(hint)[0]) for item in value)
    if hint is float:
        return type(value) in (int, float) and isfinite(value)
    return type(value) is hint


def check_cells(cells: Sequence[str], values: Mapping[str, Any]) -> None:
    """Refuse what papermill has put into a notebook that does not declare it, and values of other types.

    Args:
        cells: sources of the cells that have been run.
        values: of all variables.

    Raises:
        ParameterError: naming what the notebook takes.
    """
    declaring = [number for number, source in enumerate(cells) if any(p.kind for p in declared(source).values())]
    if not declaring:
        return
    known = declared(cells[declaring[-1]])
    injected = [source for source in cells[declaring[-1] + 1 :] if source.startswith(_INJECTED)]
    names = dict.fromkeys([*known, *(name for source in injected for name in declared(source))])
    check_values({name: values[name] for name in names if name in values}, known, "The notebook")


def check() -> None:
    """Refuse, in the notebook that calls it, parameters that are unknown or of a wrong type, as `check_cells`."""
    from IPython.core.getipython import get_ipython

    if (shell := get_ipython()) is not None:  # there is none where the .py is run as a program
        check_cells(shell.user_ns.get("In", []), shell.user_ns)


def parse(parameters: Iterable[str]) -> dict[str, Any]:
    """Return ``name=value`` arguments as a dictionary, values read as JSON where they are, Python's words included.

    Raises:
        ValueError: for an argument without ``=`` or name, and for a name given twice.
    """
    words = {"True": True, "False": False, "None": None}
    values: dict[str, Any] = {}
    for parameter in parameters:
        name, separator, text = parameter.partition("=")
        if not separator or not name:
            raise ValueError(f"-p {parameter}: expected name=value.")
        if name in values:
            raise ValueError(f"-p {parameter}: {name} is given twice.")
        try:
            values[name] = words[text] if text in words else json.loads(text)
        except json.JSONDecodeError:
            values[name] = text
    return values


def seconds_of(text: str) -> float:
    """Return a duration such as ``90s``, ``9m``, ``1h30m`` or ``45`` (seconds) in seconds.

    Raises:
        ValueError: for anything else.
    """
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    if not text.strip() or match is None:
        raise ValueError(f"{text!r} is no duration: expected one such as 90s, 9m or 1h30m.")
    return sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True))


def numbers(option: str, text: str) -> list[int]:
    """Return comma-separated whole numbers, none negative and none twice.

    Raises:
        ValueError: for anything else, naming the option.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]+", part) for part in parts):
        raise ValueError(f"{option} {text}: expected whole numbers from 0 such as 0 or 0,1,2.")
    found = [int(part) for part in parts]
    if len(set(found)) < len(found):
        raise ValueError(f"{option} {text}: a number is given twice.")
    return found


def at_least(option: str, value: float | None, least: float, *, more: bool = False) -> None:
    """Refuse an option's number below its least, or with ``more`` at it, and one that is not finite; None is let pass.

    Raises:
        ValueError: naming the option.
    """
    if value is not None and not (isfinite(value) and (value > least or (value == least and not more))):
        raise ValueError(f"{option} {value:g}: expected {'more than' if more else 'at least'} {least:g}.")
