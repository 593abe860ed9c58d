"""More negatives: what minimises the loss without 1/k, on the sphere, for each number of negatives, as kept points.

The questions of Awasthi, Dikkala and Kamath (2022), asked as those of `hcl.companion.minimisers`; ``make minimisers``
writes both files anew. Whatever is said of the points is computed from them.
"""

from pathlib import Path
from typing import Any

import torch
from IPython.display import Markdown

from hcl.companion import minimisers
from hcl.companion.minimisers import Answer

PATH = Path(__file__).with_name("negatives.json")
RESTARTS = 10

COUNTS = (1, 2, 4, 16, 64, 256, 512)  # k
RATIOS = (2.0, 3.0, 5.0, 8.0, 10.0, 20.0)  # of a frequent class to each of two rare ones
RANDOM = 20  # class distributions drawn for the conjecture
_FEW_COUNTS = (1, 4, 64, 512)


def tailed(num_classes: int, ratio: float) -> tuple[float, ...]:
    """Return class weights that fall by equal factors, the first ``ratio`` times the last."""
    return tuple(ratio ** (-c / (num_classes - 1)) for c in range(num_classes))


def drawn(number: int = RANDOM) -> list[tuple[float, ...]]:
    """Return class distributions at random, of 3 to 5 classes, logarithms of their weights normal."""
    generator = torch.Generator().manual_seed(2022)
    drawn = [torch.randn(3 + at % 3, generator=generator, dtype=torch.float64) for at in range(number)]
    return [tuple(round(weight, 4) for weight in x.exp().tolist()) for x in drawn]


def questions() -> dict[str, list[dict[str, Any]]]:
    """Return what was asked, by question, as of `hcl.companion.minimisers.questions`."""
    fixed = {"alpha": 1.0, "space": "unit_sphere"}

    def asked(c: int, d: int, k: int, weights: tuple[float, ...] = (), per_class: int = 1) -> dict[str, Any]:
        weighted = {"class_weights": weights} if weights else {}
        return {"num_classes": c, "dim": d, "k": k, "per_class": per_class, **weighted, **fixed}

    balanced = [
        asked(c, d, k, per_class=2 if c <= 4 else 1) for c, d in ((3, 2), (4, 3), (4, 6), (10, 9)) for k in COUNTS
    ]
    few = [asked(c, d, k) for c, d in ((4, 2), (5, 3), (6, 3), (7, 3)) for k in _FEW_COUNTS]
    frequent = [asked(3, 3, k, (ratio, 1.0, 1.0), 2) for ratio in RATIOS for k in COUNTS]
    tail = [asked(10, 9, k, tailed(10, ratio)) for ratio in (10.0, 100.0) for k in COUNTS]
    random = [asked(len(rho), len(rho), k, rho) for rho in drawn() for k in _FEW_COUNTS]
    return {"balanced": balanced, "few": few, "frequent": frequent, "tail": tail, "random": random}


def answers(question: str, path: Path = PATH) -> tuple[Answer, ...]:
    """Return the kept answers to a question, in its order.

    Args:
        question: a key of `questions`.
        path: of the file.
    """
    return minimisers.answers(question, path)


def origin() -> Markdown:
    """Return nothing to be seen, with what the book makes the card of a page from: what found the points."""
    return minimisers.origin(PATH, f", {RESTARTS} starts each")


if __name__ == "__main__":
    minimisers.write(PATH, questions(), RESTARTS)
