"""The one visual system of the book: every colour with its light and its dark value, dashes, markers and icons.

What is ordered, the hardness, is an ordered ramp; what is not has hues of its own. Nothing is told apart by its colour
alone. ``python -m hcl.companion.style`` writes the same values as CSS variables.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hcl.training import places


class Colour(NamedTuple):
    """A colour on a light and on a dark ground, each ``"#rrggbb"``."""

    light: str
    dark: str


class Sign(NamedTuple):
    """How a verdict is shown.

    Attributes:
        colour: of text and icon.
        icon: a character for it.
        shape: a word for the icon, the name of a matplotlib marker in `SHAPES`.
    """

    colour: Colour
    icon: str
    shape: str


GROUND = Colour("#ffffff", "#121212")  # of the pages of sphinx-book-theme
INK = Colour("#222832", "#d6dde4")
MUTED = Colour("#48566b", "#a3adb9")  # ticks, notes, what the paper printed
RULE = Colour("#dfe3e8", "#353a42")  # grids, which are there to be overlooked
BOUND = Colour("#6b7280", "#8b939f")  # bounds and other lines of reference

# The ramp of the hardness at its knots: ever darker on light ground, ever lighter on dark.
BETA = (
    Colour("#a15d0a", "#ce710c"),
    Colour("#b81834", "#f86680"),
    Colour("#920579", "#ec8cd8"),
    Colour("#400692", "#c6befd"),
    Colour("#070a57", "#abeeff"),
)
_BEYOND = Colour("#000418", "#e1fdff")
_STEPS = 4  # of the ramp between two knots: few, so that every colour of a picture is known
# The value of each hardening function at the knots, and beyond them.
_KNOTS: Mapping[str, tuple[float, ...]] = {
    "exponential": (0, 2, 5, 10, 30, 60),
    "polynomial": (0, 3, 5, 10, 20, 40),
    "threshold": (0, 0.2, 0.4, 0.6, 0.8, 1),
}
# More ink, and more corners, the harder; the last is beyond the paper's hardest.
DASHES: tuple[tuple[float, ...], ...] = ((1, 1.2), (3, 1.4), (6, 1.6), (8, 1.5, 1.5, 1.5), (), (14, 1))
MARKERS = ("o", "^", "s", "p", "*", "X")

SUPERVISION: Mapping[str, Colour] = {
    "supervised": Colour("#0e7272", "#31c8c9"),
    "unsupervised": Colour("#656907", "#b3b94f"),
}
METHODS: Mapping[str, Colour] = {
    "SCL": SUPERVISION["supervised"],
    "HSCL": Colour("#075353", "#5de9e9"),
    "UCL": SUPERVISION["unsupervised"],
    "HUCL": Colour("#494c01", "#d3da70"),
}
METHOD_MARKERS: Mapping[str, str] = {"SCL": "o", "HSCL": "s", "UCL": "^", "HUCL": "D"}

CLASSES = (
    Colour("#096ead", "#54b3fd"),
    Colour("#b74c08", "#fe8448"),
    Colour("#047554", "#5bc99e"),
    Colour("#982f93", "#ef82e7"),
    Colour("#766202", "#dac46d"),
    Colour("#007386", "#6ee4ff"),
    Colour("#412db5", "#8f90ff"),
    Colour("#831826", "#e3797c"),
    Colour("#38771f", "#96ea83"),
    Colour("#52555b", "#9b9fa5"),
)
CLASS_MARKERS = ("o", "s", "^", "D", "v", "p", "P", "X", "<", ">")

VERDICTS: Mapping[str, Sign] = {
    "reproduced": Sign(Colour("#057836", "#68ca80"), "✓", "circle"),
    "partly": Sign(Colour("#85590a", "#e1a447"), "◐", "half circle"),
    "not reproduced": Sign(Colour("#b52105", "#fe8c77"), "✗", "cross"),
    "undecided": Sign(Colour("#773ac1", "#bf9bfe"), "?", "diamond"),
    "not judged": Sign(Colour("#4d667f", "#9ab4d0"), "–", "square"),
    "waiting": Sign(Colour("#5f636a", "#adb1b9"), "…", "ring"),
}
SHAPES: Mapping[str, str] = {
    "circle": "o", "half circle": "$◐$", "cross": "X", "diamond": "D", "square": "s", "ring": "o",
}  # fmt: skip
_SOFT = Colour("0.10", "0.14")  # how much of a colour its quiet background has


def level(hardness: float, hardening: str = "exponential") -> float:
    """Return where a hardness stands on the ramp: 0 for none, 4 for the paper's hardest, 5 at most.

    Between knots it goes by the logarithm, in quarters: the same hardness has the same place in every figure.

    Args:
        hardness: beta, epsilon or tau.
        hardening: family, as in `hcl.training.spec.RunSpec`.
    """
    knots = _KNOTS[hardening]
    if hardness <= knots[0]:
        return 0.0
    for at, (low, high) in enumerate(itertools.pairwise(knots)):
        if hardness <= high:
            part = math.log((1 + hardness) / (1 + low)) / math.log((1 + high) / (1 + low))
            return at + round(part * _STEPS) / _STEPS
    return float(len(knots) - 1)


def levels(values: Iterable[float], hardening: str = "exponential") -> dict[float, float]:
    """Return `level` of each value, those that fall on one place moved up by a step, so that no two look the same."""
    places_of: dict[float, float] = {}
    for value in sorted(set(values)):
        least = max(places_of.values(), default=-1.0) + 1 / _STEPS
        places_of[value] = min(max(level(value, hardening), least), len(BETA))
    return places_of


def ramp(level: float) -> Colour:
    """Return the colour at a place of the ramp, rounded to a quarter.

    Args:
        level: between 0 and 5, see `level`.
    """
    anchors = (*BETA, _BEYOND)
    at, part = divmod(round(min(max(level, 0), len(BETA)) * _STEPS) / _STEPS, 1)
    first, second = anchors[int(at)], anchors[min(int(at) + 1, len(BETA))]
    return Colour(*(mixed(b, a, part) for a, b in zip(first, second, strict=True)))


def dashes(level: float) -> tuple[float, ...]:
    """Return on and off lengths of the line at a place of the ramp, none for a whole line."""
    return DASHES[_nearest(level)]


def marker(level: float) -> str:
    """Return the marker of matplotlib at a place of the ramp."""
    return MARKERS[_nearest(level)]


def soft(colour: Colour) -> Colour:
    """Return the quiet background that goes with a colour of text."""
    return Colour(*(mixed(c, g, float(part)) for c, g, part in zip(colour, GROUND, _SOFT, strict=True)))


def mixed(colour: str, ground: str, part: float) -> str:
    """Return a colour that is to a part the first and for the rest the second.

    Args:
        colour: ``"#rrggbb"``.
        ground: ``"#rrggbb"``.
        part: between 0 and 1.
    """
    pairs = zip(bytes.fromhex(colour[1:]), bytes.fromhex(ground[1:]), strict=True)
    return "#" + "".join(f"{round(part * a + (1 - part) * b):02x}" for a, b in pairs)


def inks() -> dict[str, Colour]:
    """Return the colours that are text or lines, by the names of their CSS variables without ``--hcl-``."""
    return {
        "ink": INK,
        "muted": MUTED,
        "bound": BOUND,
        **{f"beta-{at}": colour for at, colour in enumerate(BETA)},
        **SUPERVISION,
        **{name.lower(): colour for name, colour in METHODS.items()},
        **{f"class-{at}": colour for at, colour in enumerate(CLASSES)},
        **{name.replace(" ", "-"): sign.colour for name, sign in VERDICTS.items()},
    }


def dark_of() -> dict[str, str]:
    """Return the dark value of every light colour that a picture may have."""
    steps = [ramp(step / _STEPS) for step in range(_STEPS * len(BETA) + 1)]
    base = [GROUND, RULE, *inks().values(), *steps]
    return {colour.light: colour.dark for colour in [*base, *map(soft, base)]}


def css() -> str:
    """Return the CSS that defines the colours as variables, for light and for dark pages."""
    colours = {"ground": GROUND, "rule": RULE}
    for name, colour in inks().items():
        colours |= {name: colour, f"{name}-soft": soft(colour)}

    def block(selector: str, values: Sequence[tuple[str, str]]) -> str:
        return f"{selector} {{\n" + "".join(f"  --hcl-{name}: {value};\n" for name, value in values) + "}\n"

    light = block("html", [(name, colour.light) for name, colour in colours.items()])
    dark = block('html[data-theme="dark"]', [(name, colour.dark) for name, colour in colours.items()])
    return f"/* Written by `python -m hcl.companion.style`: change the colours there. */\n{light}\n{dark}"


def path() -> Path:
    """Return where the CSS lies."""
    return places.project() / "book" / "_static" / "palette.css"


def _nearest(level: float) -> int:
    return min(math.floor(level + 0.5), len(BETA))


if __name__ == "__main__":
    path().write_text(css(), encoding="utf-8", newline="\n")
