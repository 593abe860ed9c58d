"""Options that are one of several words, each listed once."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args

Reduction = Literal["anchor", "pair"]
Negatives = Literal["per_pair", "per_anchor"]
Family = Literal["exponential", "polynomial", "threshold"]
EncoderName = Literal["resnet50", "small_resnet", "mlp"]
Stem = Literal["cifar", "torchvision", "patch"]
Normalization = Literal["unit_ball", "unit_sphere", "none"]

_Name = TypeVar("_Name", bound=str)


def one_of(what: str, value: object, choices: Iterable[_Name]) -> None:
    """Refuse a value that is none of the choices.

    Args:
        what: the value is called.
        value: to look for.
        choices: what it may be.

    Raises:
        ValueError: naming the choices and, for what may be a slip of the pen, the nearest one.
    """
    known = list(choices)
    if value not in known:
        raise ValueError(f"Unknown {what} {value!r}{meant(value, known)}: expected one of {', '.join(known)}.")


def meant(value: object, choices: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the choice that is spelled nearly as a value is, empty if none is."""
    near = get_close_matches(str(value), list(choices), n=1, cutoff=0.7)
    return f" (did you mean {near[0]!r}?)" if near else ""


def as_declared(name: str, value: Any, hint: Any) -> Any:
    """Return a value as its declared type, so that 5 and 5.0 are one.

    Args:
        name: it has.
        value: to look at.
        hint: its type, or a union of types, of which None may be one.

    Raises:
        ValueError: for what does not convert.
    """
    kinds = get_args(hint) or (hint,)  # (int, NoneType) for int | None
    if type(value) in kinds:
        return value
    if float in kinds and type(value) is int:
        return float(value)
    if int in kinds and type(value) is float and value.is_integer():
        return int(value)
    names = {str: "text", bool: "True or False", int: "a whole number", float: "a number", type(None): "None"}
    raise ValueError(f"{name}={value!r}: expected {' or '.join(names[kind] for kind in kinds)}.")
