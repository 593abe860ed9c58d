"""What the paper says in Sec. 2 and 3 of the losses of other works, as claims of the paper; and what this project adds.

All are computed; those of training are in `hcl.companion.claims.neighbours_trained`. What is said of a minimum is that
of what descent finds.
"""

from collections.abc import Callable
from typing import Any

from hcl import hucl
from hcl.companion import neighbours
from hcl.companion.claims.parts import Check, Claim
from hcl.companion.verdicts import Part, Verdict, holds, judge
from hcl.explore import STATIONARY

_SAME = 1e-12  # of two losses of the same points
_APART = 1e-3  # of two that are not the same
_ETF = 1e-4  # of two inner products, as of two radii and of two points of a class
_SPREAD = 1e-3
_MARGIN = neighbours.NUM_CLASSES / (neighbours.NUM_CLASSES - 1)

Rows = Any  # a data frame, of whose values the stubs of pandas know too little


def _identity(name: str, other: str) -> Check:
    """Return whether two losses are one, and a third is not."""

    def check(_: object) -> Verdict:
        row: Any = neighbours.identities().loc[name]
        same, apart = float(row["difference"]), float(row["difference to another"])
        return judge(
            [
                holds("largest difference of the two", f"{same:.0e}", same < _SAME),
                holds(f"largest difference to {other}", f"{apart:.2g}", apart > _APART),
            ]
        )

    return check


def _differs(_: object) -> Verdict:
    table: Any = neighbours.identities()["difference"]
    hard, plain = float(table["debiased and hard is HSCL"]), float(table["debiased is SCL"])
    return judge(
        [
            holds("largest difference to HSCL, β = 2", f"{hard:.2g}", hard > _APART),
            holds("largest difference to SCL, β = 0", f"{plain:.0e}", plain < _SAME),
        ]
    )


def _at(name: str, *parts: Callable[[Rows], list[Part]]) -> Check:
    """Return a check of the minima of losses whose names begin so."""

    def check(_: object) -> Verdict:
        table: Any = neighbours.minima()
        rows = table[[loss.startswith(name) for loss, _ in table.index]]
        worst = float(rows["gradient"].max())
        found = holds("projected gradient", f"at most {worst:.0e} at {len(rows)} minima", worst < STATIONARY)
        return judge([found, *(part for of in parts for part in of(rows))])

    return check


def _collapsed(rows: Rows) -> list[Part]:
    off, within = float(rows["off an ETF"].max()), float(rows["within class"].max())
    return [
        holds("class means against the ETF", f"{off:.0e} off", off < _ETF),
        holds("distance within classes", f"at most {within:.0e}", within < _SPREAD),
    ]


def _hardened(rows: Rows) -> list[Part]:
    parts = []
    flat: Any = rows.xs(neighbours.NUM_CLASSES - 1, level="d", drop_level=False)  # with more, classes are no points
    for beta in neighbours.HARDNESS:
        radii = [float(row["radius"]) for (name, _), row in flat.iterrows() if name.endswith(f"β = {beta:g}")]
        derived = hucl.best_radius(neighbours.NUM_CLASSES, beta, neighbours.SHARE)
        right = max(abs(radius - derived) for radius in radii) < _ETF
        parts.append(holds("radius of the ETF", f"β = {beta:g}: {radii[0]:.3f}, derived {derived:.3f}", right))
    spread = float(flat["radius"].max() - flat["radius"].min())
    return [*parts, holds("radii", f"differ by up to {spread:.2f}", spread > _SPREAD)]


def _orthogonal(rows: Rows) -> list[Part]:
    parts = []
    for (_, d), row in rows.iterrows():
        if d >= neighbours.NUM_CLASSES:
            least, off = float(row["least"]), float(row["off an ETF"])
            orthogonal = -2 + neighbours.SHARE  # of orthogonal classes that are points of norm 1
            text = f"{least:.6f}, of orthogonal classes {orthogonal:.6f}"
            parts.append(holds(f"least loss, d = {d}", text, abs(least - orthogonal) < 1e-8))
            parts.append(holds("class means against the ETF", f"{off:.2f} off", off > _SPREAD))
    return parts


def _small_margin(rows: Rows) -> list[Part]:
    parts = []
    for (name, d), row in rows.iterrows():
        if float(name.rsplit(" ", 1)[1]) < _MARGIN:
            off, least = float(row["off an ETF"]), float(row["least"])
            text = f"{name}, d = {d}: {off:.2f} off, loss {least:.0e}"
            parts.append(holds("class means against the ETF", text, off > _SPREAD and abs(least) < 1e-8))
    return parts


def _form(_: object) -> Verdict:
    parts = []
    for name, row in neighbours.forms().iterrows():
        one, other = (float(value) for value in row)
        right = abs(one - other) > _APART if name == "spectral" else abs(one - other) < _SAME
        parts.append(holds("two points with equal differences", f"{name}: {one:.4f} and {other:.4f}", right))
    return judge(parts)


def _claim(name: str, statement: str, where: str, published: str, check: Check) -> Claim:
    figure = "neighbours" if published == _OURS else "neighbours_said"
    return Claim(f"{figure}-{name}", figure, statement, where, published, check, on="computed")


_SUPERVISED, _OURS = "Sec. 2.1", "not asked"

NEIGHBOURS: tuple[Claim, ...] = (
    _claim(
        "supcon-sampling",
        "SupCon takes labels for its positives only: its negatives are those of UCL.", _SUPERVISED, "said",
        _identity("SupCon is UCL", "the negatives of SCL"),
    ),
    _claim(
        "supcon-optimum", "Neural-Collapse is optimal for SupCon, and for a batch of it.", _SUPERVISED, "proved",
        _at("SupCon", _collapsed),
    ),
    _claim(
        "debiased", "With labels the debiased loss is the SCL loss.", _SUPERVISED, "said",
        _identity("debiased is SCL", "UCL, nothing taken off"),
    ),
    _claim(
        "sincere", "The SINCERE loss is SCL with InfoNCE.", _SUPERVISED, "said",
        _identity("SINCERE is SCL", "UCL"),
    ),
    _claim(
        "sincere-optimum", "Neural-Collapse is the optimal geometry for the SINCERE loss.", _SUPERVISED, "proved",
        _at("SINCERE", _collapsed),
    ),
    _claim(
        "robinson", "The hard negatives of Robinson et al. are those of exponential tilting.", "Sec. 3.2", "said",
        _identity("hard is HUCL", "β = 0"),
    ),
    _claim(
        "robinson-hardness",
        "What minimises the loss with hard negatives depends on the hardness, and is in general not what minimises "
        "UCL.", "Sec. 2.2", "said", _at("hard", _hardened),
    ),
    _claim(
        "form", "InfoNCE and the triplet loss are functions of z . z^- - z . z^+ alone, the spectral loss is not.",
        "Sec. 3.1", "said", _form,
    ),
    _claim(
        "debiased-optimum", "Taking off too little (τ = 0.1), the debiased loss is least at Neural-Collapse too.",
        "Sec. 2.1, of SCL only", _OURS, _at("debiased", _collapsed),
    ),
    _claim(
        "robinson-debiased", "With hard negatives the debiased loss is not HSCL: what it takes off is right at β = 0.",
        "Sec. 2.1, of SCL only", _OURS, _differs,
    ),
    _claim(
        "triplet", "With a margin below C/(C - 1) the triplet loss is 0 at classes that form no ETF.",
        "Sec. 3.1; Theorem 2 asks for strict convexity", _OURS, _at("triplet", _small_margin),
    ),
    _claim(
        "spectral", "In the unit ball of C dimensions the spectral loss is least at orthogonal classes, no ETF.",
        "Sec. 3.1, which leaves it out", _OURS, _at("spectral", _orthogonal),
    ),
)  # fmt: skip
