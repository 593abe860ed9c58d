"""The constants that verdicts rest on, each with its reason, fixed before the runs that they judge were looked at."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace


def _limit(value: float, why: str) -> float:
    made: float = field(default=value, metadata={"why": why})
    return made


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a number has to be below, or by how much larger than another, for a claim to hold; see `REASONS`."""

    near_zero: float = _limit(
        0.05,
        "a Neural-Collapse metric below it is near zero: a fifth of the .235 at which the paper's own "
        "plain runs end, and what its HUCL, β = 2 (.045) still passes.",
    )
    nearly_zero: float = _limit(
        0.1,
        'the same where the paper says "nearly" or "close to": twice that.',
    )
    missing_rank: float = _limit(
        0.2,
        "share of the C - 1 dimensions that the effective rank may lack at Neural-Collapse, and without "
        "Dimensional-Collapse: a fifth; the paper's β = 2, half of the dimensions, is far from it.",
    )
    nearer: float = _limit(
        0.5,
        "share of an ETF's distance by which two class means may be nearer: with less than half of it "
        "left two classes are about to merge.",
    )
    within_class: float = _limit(
        0.2,
        "mean distance of a representation to its class mean: a seventh of the distance of two vertices "
        "of an ETF, that is NC1 of about .04; what is above it is not fitted, so that it cannot show "
        "collapse either.",
    )
    loss_reached: float = _limit(
        0.001,
        "distance of a loss from its minimum on the synthetic data: the paper prints four digits; this is "
        "ten units of the last, for the noise of draws.",
    )
    loss_close: float = _limit(
        0.005,
        "Table 1: β = 5 and 10 are .0002 above the least loss, the paper's SCL .028; a sixth of that.",
    )
    loss_off: float = _limit(
        0.01,
        'Table 1: "noticeably above" is a third of SCL\'s .028.',
    )
    stays: float = _limit(
        0.02,
        "Table 2: in the supervised settings no metric moves by more than .008; twice that and a little.",
    )
    much_larger: float = _limit(
        5.0,
        "factor: in Table 2 the equal inner product of HUCL, β = 10 is twelve times that of its start.",
    )
    far: float = _limit(
        2.0,
        'factor by which the worst setting exceeds the best where the paper says "violates": at β = 30 it is sixty.',
    )
    alike: float = _limit(
        0.1,
        "share of C - 1 by which two effective ranks may differ and be called alike.",
    )
    step_back: float = _limit(
        0.02,
        "of a metric that falls with hardness: as much as .02 back is no step.",
    )
    slight_geometry: float = _limit(
        0.05,
        "change of the equal inner product that is slight (D32): as near zero.",
    )
    slight_accuracy: float = _limit(
        0.03,
        "change of the test accuracy that is slight (D32): what seeds did at the smallest profile.",
    )
    off_sphere: float = _limit(
        0.05,
        "share by which the mean squared norm is below 1 for features to be inside the ball.",
    )
    still: float = _limit(
        0.05,
        "a metric has settled if over the last fifth of its evaluations it moves by less than this share "
        "of its value, or of what it is compared with.",
    )
    longer: float = _limit(
        5.0,
        "a metric that moves faster than that is judged all the same where this many further fifths at "
        "the same pace, as many epochs again, would not take it to its limit.",
    )
    noise: float = _limit(
        1.0,
        "factor on the 95 % interval (Student's t) within which another seed would be.",
    )


LIMITS = Limits()
REASONS = {field.name: str(field.metadata["why"]) for field in fields(Limits)}


def varied() -> Iterator[tuple[str, float, Limits]]:
    """Yield each limit's name, a factor of a half and of two, and the limits with only that one changed by it."""
    for name in REASONS:
        for factor in (0.5, 2.0):
            yield name, factor, replace(LIMITS, **{name: factor * getattr(LIMITS, name)})
