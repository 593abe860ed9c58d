"""How numbers are written for people: one place for decimals, powers of ten, dashes and mean ± standard deviation."""

import math
import re

DASH = "–"  # in place of a number that there is not
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_CHOSEN = ("β", "ε", "k", "C", "d", "hardness", "temperature")
_COUNTS = ("rank", "effective rank", "clusters", "best epoch")  # what these begin with is written to one decimal


def number(value: float, form: int | str) -> str:
    """Return a number for people, NaN as a dash.

    Args:
        value: to write.
        form: a number of decimals, of which whole numbers have none and tiny ones are in powers of ten; or a format
            specification such as ``".3g"``.
    """
    if math.isnan(value):
        return DASH
    if isinstance(form, str):
        return _powers(f"{value:{form}}")
    if float(value).is_integer() and abs(value) >= 1:
        return _powers(f"{value:.0f}")
    return _powers(f"{value:.1e}" if _tiny(value, form) else f"{value:.{form}f}")


def plus_minus(mean: float, spread: float, form: int | str) -> str:
    """Return a mean and its standard deviation over seeds, which no line end parts.

    As ``"0.060 ± 0.014"``, and ``"(2.0 ± 0.3)×10⁻⁸"`` where the mean is tiny.

    Args:
        mean: over seeds; NaN is a dash.
        spread: sample standard deviation; NaN, as of a single seed, is left out.
        form: see `number`; the deviation has the decimals of its mean.
    """
    if math.isnan(mean) or math.isnan(spread):
        return number(mean, form)
    if isinstance(form, int) and _tiny(mean, form):
        if spread >= 10**-form:  # a mean of no size beside it
            return _powers(f"{mean:.{form}f}\u00a0±\u00a0{spread:.{form}f}")
        digits, _, power = f"{mean:.1e}".partition("e")
        both = f"{digits}\u00a0±\u00a0{spread / 10.0 ** int(power):.1f}"
        return _powers(f"({both})×10{str(int(power)).translate(_RAISED)}")
    deviation = spread_of(spread, mean, form) if isinstance(form, int) else number(spread, form)
    return f"{number(mean, form)}\u00a0±\u00a0{deviation}"


def spread_of(spread: float, mean: float, digits: int) -> str:
    """Return a standard deviation to the decimals of its mean, in powers of ten where that is."""
    return _powers(f"{spread:.1e}" if _tiny(mean, digits) else f"{spread:.{digits}f}")


def decimals(column: str, digits: int) -> int | str:
    """Return how a column is written: what was chosen as it is, counts, which means break, to one decimal at most."""
    if column in _CHOSEN:
        return "g"
    return min(digits, 1) if column.replace("_", " ").startswith(_COUNTS) else digits


def brief(value: float) -> str:
    """Return a number to three digits, from a thousand on whole and in groups of three, NaN as a dash."""
    return number(value, ",.0f" if abs(value) >= 1000 else ".3g")


def raised(text: str) -> str:
    """Return a text in which numbers such as ``2.0e-08`` are ``2.0×10⁻⁸``; the rest of it is left as it is."""
    return re.sub(r"(?<=\d)e([+-]\d+)\b", lambda power: f"×10{str(int(power[1])).translate(_RAISED)}", text)


def _powers(text: str) -> str:
    return raised(text).replace("-", "−")


def _tiny(value: float, digits: int) -> bool:
    return 0 < abs(value) < 10**-digits
