"""Slips of the paper's text, the P-numbers of `hcl.companion.points`, each with a number computed by the library."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from html import escape

import pandas as pd
from IPython.display import HTML

from hcl.companion.points import Point, of_kind
from hcl.companion.representations import neural_collapse
from hcl.companion.slips_experiments import EXPERIMENTS
from hcl.companion.slips_theory import THEORY, Found, batched_loss, pair_weights

__all__ = ["KINDS", "SLIPS", "Slip", "batched_loss", "listed", "neural_collapse", "pair_weights", "slips"]


@dataclass(frozen=True)
class Slip:
    """What the paper prints and what it should.

    Attributes:
        place: in the paper.
        printed: there, in brief.
        correct: what it should say.
        check: what was computed, in words.
        number: the result.
    """

    place: str
    printed: str
    correct: str
    check: str
    number: str


def slips() -> pd.DataFrame:
    """Return the slips, one row each with the attributes of `Slip`; every number is computed here."""
    return pd.DataFrame({name: asdict(slip()) for name, slip in SLIPS.items()}).T.rename_axis("slip")


def listed(names: Sequence[str], found: pd.DataFrame | None = None) -> HTML:
    """Return slips for a notebook, one below the other: where, what is printed, what it should be, what was computed.

    Args:
        names: as ``"P2"``, in their order.
        found: of `slips`; None computes them.
    """
    found = slips() if found is None else found
    entries = []
    for name in names:
        slip = {key: escape(str(value), quote=False) for key, value in found.loc[name].items()}
        said = (
            ("Printed", slip["printed"]), ("Should be", slip["correct"]),
            ("Computed", f"{slip['check']}: <strong>{slip['number']}</strong>"),
        )  # fmt: skip
        facts = "".join(f"<dt>{word}</dt><dd>{text}</dd>" for word, text in said)
        entries.append(f'<p><strong>{name}</strong>, {slip["place"]}</p><div class="hcl-facts"><dl>{facts}</dl></div>')
    return HTML(f'<div class="hcl-slips">{"".join(entries)}</div>')


def _slip(point: Point, compute: Callable[[], Found]) -> Slip:
    return Slip(point.place, point.paper, point.ours, *compute())


SLIPS: Mapping[str, Callable[[], Slip]] = {
    number: partial(_slip, point, {**THEORY, **EXPERIMENTS}[number]) for number, point in of_kind("P").items()
}
# What a slip does to the paper.
KINDS: Mapping[str, tuple[str, ...]] = {
    "A result that fails as printed": ("P2", "P3", "P13", "P17"),
    "A sentence or an example that does not hold": ("P12", "P14", "P15", "P16"),
    "A wrong number, letter or citation": ("P1", "P4", "P5", "P6", "P7", "P8", "P9", "P10"),
    "Right as it stands": ("P11",),
}
