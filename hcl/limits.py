"""The constants that verdicts rest on, each with its reason, fixed before the runs that they judge were looked at."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a number has to be below, or how much larger than another, for a claim to hold.

    Attributes:
        near_zero: a Neural-Collapse metric below it is near zero: a fifth of the .235 at which the paper's own plain
            runs end, and what its HUCL, β = 2 (.045) still passes.
        nearly_zero: the same where the paper says "nearly" or "close to": twice that.
        missing_rank: share of the C - 1 dimensions that the effective rank may lack at Neural-Collapse, and without
            Dimensional-Collapse: a fifth; the paper's β = 2, half of the dimensions, is far from it.
        nearer: share of an ETF's distance by which two class means may be nearer: with less than half of it left two
            classes are about to merge.
        within_class: mean distance of a representation to its class mean: a seventh of the distance of two vertices of
            an ETF, that is NC1 of about .04; what is above it is not fitted, so that it cannot show collapse either.
        loss_reached: distance of a loss from its minimum on the synthetic data: the paper prints four digits; this is
            ten units of the last, for the noise of draws.
        loss_close: Table 1: β = 5 and 10 are .0002 above the least loss, the paper's SCL .028; a sixth of that.
        loss_off: Table 1: "noticeably above" is a third of SCL's .028.
        stays: Table 2: in the supervised settings no metric moves by more than .008; twice that and a little.
        much_larger: factor: in Table 2 the equal inner product of HUCL, β = 10 is twelve times that of its start.
        far: factor by which the worst setting exceeds the best where the paper says "violates": at β = 30 it is sixty.
        alike: share of C - 1 by which two effective ranks may differ and be called alike.
        step_back: of a metric that falls with hardness: as much as .02 back is no step.
        slight_geometry: change of the equal inner product that is slight (D32): as `near_zero`.
        slight_accuracy: change of the test accuracy that is slight (D32): what seeds did at the smallest scale.
        off_sphere: share by which the mean squared norm is below 1 for features to be inside the ball.
        still: a metric has settled if over the last fifth of its evaluations it moves by less than this share of its
            value, or of what it is compared with.
        noise: factor on the 95 % interval (Student's t) within which another seed would be.
    """

    near_zero: float = 0.05
    nearly_zero: float = 0.1
    missing_rank: float = 0.2
    nearer: float = 0.5
    within_class: float = 0.2
    loss_reached: float = 1e-3
    loss_close: float = 0.005
    loss_off: float = 0.01
    stays: float = 0.02
    much_larger: float = 5.0
    far: float = 2.0
    alike: float = 0.1
    step_back: float = 0.02
    slight_geometry: float = 0.05
    slight_accuracy: float = 0.03
    off_sphere: float = 0.05
    still: float = 0.05
    noise: float = 1.0


LIMITS = Limits()


def varied() -> Iterator[tuple[str, float, Limits]]:
    """Yield each limit's name, a factor of a half and of two, and the limits with only that one changed by it."""
    for field in fields(Limits):
        for factor in (0.5, 2.0):
            yield field.name, factor, replace(LIMITS, **{field.name: factor * getattr(LIMITS, field.name)})
