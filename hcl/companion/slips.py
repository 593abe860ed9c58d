"""Slips of the paper's text, the P-numbers of `hcl.companion.points`, each with a number computed by the library."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial

import pandas as pd

from hcl.companion.points import Point, of_kind
from hcl.companion.representations import neural_collapse
from hcl.companion.slips_experiments import EXPERIMENTS
from hcl.companion.slips_theory import THEORY, Found, batched_loss, pair_weights

__all__ = ["SLIPS", "Slip", "batched_loss", "neural_collapse", "pair_weights", "slips"]


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


def _slip(point: Point, compute: Callable[[], Found]) -> Slip:
    return Slip(point.place, point.paper, point.ours, *compute())


SLIPS: Mapping[str, Callable[[], Slip]] = {
    number: partial(_slip, point, {**THEORY, **EXPERIMENTS}[number]) for number, point in of_kind("P").items()
}
