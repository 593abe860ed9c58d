"""What an entry of the registry is: a figure or table of the paper or of another work, or a page of our own."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hcl.companion.profiles import Changes

Grid = Callable[[Sequence[float]], tuple[Changes, ...]]  # from values of the hardness to what differs in each run

PAPER, BEYOND = "The paper, re-run", "Beyond the paper"  # parts of the book


@dataclass(frozen=True)
class Figure:
    """A figure, table or theorem of the paper, or a page of its own.

    Attributes:
        name: as on the command line.
        title: what it shows.
        section: where the paper discusses it.
        notebook: file name of its notebook, without suffix.
        dataset: the paper's data set; None where nothing is trained.
        hardness: values of beta (or epsilon) on its curves.
        settings: spec changes of its runs for given hardness values.
        at_profile: spec values of a profile, by its name, where this figure is run at others than the profile's.
        part: of the book that its page is in; what is not in the paper's says nothing of it.
        work: whose claims those of a page beyond the paper are; empty for this project's own.
    """

    name: str
    title: str
    section: str
    notebook: str
    dataset: str | None = None
    hardness: tuple[float, ...] = ()
    settings: Grid = field(default=lambda hardness: grid(hardness), repr=False)
    at_profile: Mapping[str, Changes] = field(default_factory=dict)
    part: str = PAPER
    work: str = ""

    @property
    def scale(self) -> Mapping[str, Changes]:
        """What `at_profile` was called before."""
        return self.at_profile

    @property
    def label(self) -> str:
        """What the paper calls it, ``"Figure 3"`` or ``"Table 1"``; the section where it has no number."""
        numbered = re.fullmatch(r"(fig|table)0*(\d+)", self.name)
        return f"{'Figure' if numbered[1] == 'fig' else 'Table'} {numbered[2]}" if numbered else self.section


def grid(hardness: Sequence[float], **fixed: Any) -> tuple[Changes, ...]:
    """Return the settings of a figure: supervised, then unsupervised, at each hardness."""
    return tuple({"supervised": s, "hardness": float(h), **fixed} for s in (True, False) for h in hardness)
