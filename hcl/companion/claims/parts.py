"""What the claims of the paper's sections share: their form, and checks that several figures repeat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hcl.companion import statements, verdicts
from hcl.companion.evidence import Evidence, Setting
from hcl.companion.limits import LIMITS
from hcl.companion.registry import ROWS
from hcl.companion.verdicts import Part, Verdict, judge

Check = Callable[[Evidence], Verdict]

BALL, NEAR, SPHERE, NONE = ROWS
SEEN = "seen in the plot"
CASES = ((True, "supervised", "SCL"), (False, "unsupervised", "UCL"))


@dataclass(frozen=True)
class Claim:
    """A claim.

    Attributes:
        name: a short unique one.
        figure: name of the figure whose runs test it.
        statement: in our words.
        where: it stands in the paper.
        published: the paper's number, or what its plot shows.
        check: from the evidence to a verdict.
        on: the runs that judge it: of geometry where runs settle, of accuracy those with most images; none where it is
            computed.
        beside: a further figure whose runs it compares with.
    """

    name: str
    figure: str
    statement: str
    where: str
    published: str
    check: Check
    on: Literal["settled", "images", "computed"] = "settled"
    beside: str = ""


def of(
    e: Evidence,
    supervised: bool | None = None,
    hardness: tuple[float, ...] = (),
    row: str = BALL,
    **more: Any,
) -> list[Setting]:
    """Return settings of a row of Figures 4 and 6 (other figures have the first only)."""
    wanted = {"init": "random", "normalization": "unit_ball", **ROWS[row], **more}
    if supervised is not None:
        wanted["supervised"] = supervised
    if hardness:
        wanted["hardness"] = hardness
    return e.select(**wanted)


def plain(e: Evidence, row: str = BALL) -> list[Setting]:
    """Return SCL and UCL."""
    return of(e, True, (0,), row) + of(e, False, (0,), row)


def collapses(settings: Sequence[Setting], e: Evidence, near: float | None = None) -> list[Part]:
    """Return for each setting whether it is at Neural-Collapse."""
    return [statements.at_neural_collapse(setting, e.limits, near) for setting in settings]


def stays_off(settings: Sequence[Setting], e: Evidence) -> list[Part]:
    """Return for each setting whether it does not reach Neural-Collapse, nor was there on its way."""
    return [statements.never_at_neural_collapse(setting, e.limits) for setting in settings]


def ends_off(settings: Sequence[Setting], e: Evidence) -> list[Part]:
    """Return for each setting whether it does not end at Neural-Collapse."""
    return [verdicts.off(part) for part in collapses(settings, e)]


def spans(settings: Sequence[Setting], e: Evidence) -> list[Part]:
    """Return for each setting whether it is free of Dimensional-Collapse."""
    return [statements.without_dimensional_collapse(setting, e.limits) for setting in settings]


def shrinks(settings: Sequence[Setting], e: Evidence) -> list[Part]:
    """Return for each setting whether it suffers from Dimensional-Collapse, and was never free of it."""
    return [statements.with_dimensional_collapse(setting, e.limits) for setting in settings]


def reaches(supervised: bool, hardness: tuple[float, ...], *, nearly: bool = False, **more: Any) -> Check:
    """Return whether settings are at Neural-Collapse, each of them."""
    return lambda e: judge(collapses(of(e, supervised, hardness, **more), e, e.limits.nearly_zero if nearly else None))


def can_reach(supervised: bool, *, nearly: bool = False, **more: Any) -> Check:
    """Return whether a setting with hard negatives is at Neural-Collapse, any of them."""
    return lambda e: judge(
        collapses(
            statements.hardened(of(e, supervised, **more)), e, e.limits.nearly_zero if nearly else None
        ),
        enough="any",
    )  # fmt: skip


def gains(supervised: bool, measure: str, hardness: tuple[float, ...] = (), by: float = 0.0, **more: Any) -> Check:
    """Return whether every setting with hard negatives (of some hardness) has more than the plain one."""
    shown = (0, *hardness) if hardness else ()
    return lambda e: judge(statements.more_than_plain(of(e, supervised, shown, **more), measure, e.limits, by=by))


def can_gain(supervised: bool, measure: str, **more: Any) -> Check:
    """Return whether any setting with hard negatives has more than the plain one."""
    return lambda e: judge(
        statements.more_than_plain(of(e, supervised, **more), measure, e.limits), enough="any"
    )  # fmt: skip


def far_from_best(measure: str) -> Check:
    """Return whether HUCL at β = 30 is off zero, and twice as far from it as at β = 5."""

    def check(e: Evidence) -> Verdict:
        worst, best = of(e, False, (30,)), of(e, False, (5,))
        return judge(
            [
                *statements.above(worst, measure, e.limits.nearly_zero, e.limits),
                *statements.larger(worst, statements.only(best), measure, e.limits, factor=e.limits.far, word="β = 5"),
            ]
        )

    return check


def more_dimensions_supervised(e: Evidence) -> Verdict:
    """Return whether at β = 30 the supervised case has the larger effective rank."""
    partner = statements.alike(of(e, False), supervised=False)
    return judge(statements.larger(of(e, True, (30,)), partner, "effective_rank", e.limits))


def needs_all_images(check: Check) -> Check:
    """Return a check that only runs on the whole training split decide: few images a class do not generalise."""

    def checked(e: Evidence) -> Verdict:
        verdict = check(e)
        few = next((run.spec for run in e.runs if run.spec.num_train is not None), None)
        if few is None or verdict.status == "waiting":
            return verdict
        each = few.num_train // few.num_classes  # type: ignore[operator]
        reason = f"{each} images a class are too few to generalise from: a run on all of them, as at gpu, decides"
        return Verdict("not judged", verdict.measured.replace(verdicts.MARKS["fails"], ""), reason)

    return checked


def best_and_worst_unsupervised(figure: str, where: str) -> list[Claim]:
    """Return what Section B.1 says of hardness in the unsupervised case."""
    published = "≫ 0, and β = 5 near 0"
    return [
        Claim(
            f"{figure}-best-unsupervised", figure,
            "Of the unsupervised settings β = 5 ends closest to Neural-Collapse: its equal inner-product metric is the "
            "least.", where, "β = 5",
            lambda e: judge(
                statements.least_at(of(e, False), "equal_inner_product", 5, e.limits), partial=False
            ),
        ),
        Claim(
            f"{figure}-hucl30", figure,
            f"HUCL at β = 30 heavily violates the equal inner-product condition (above {LIMITS.nearly_zero:g}, and "
            f"{LIMITS.far:g} times that of β = 5).", where, published, far_from_best("equal_inner_product"),
        ),
        Claim(
            f"{figure}-centre", figure,
            "HUCL at β = 30 moves the centre of the class means off the origin (zero-sum above "
            f"{LIMITS.nearly_zero:g}, and {LIMITS.far:g} times that of β = 5).", where, published,
            far_from_best("zero_sum"),
        ),
    ]  # fmt: skip


def accuracy(figure: str, where: str, published: tuple[str, str]) -> list[Claim]:
    """Return what is said of the accuracy at moderate hardness, in direction."""
    return [
        Claim(
            f"{figure}-accuracy-{case}", figure,
            f"Moderate hardness (5, 10) raises the test accuracy of the {case} case.",
            where, numbers, gains(supervised, "test_accuracy", (5, 10)), on="images",
        )
        for (supervised, case, _), numbers in zip(CASES, published, strict=True)
    ]  # fmt: skip
