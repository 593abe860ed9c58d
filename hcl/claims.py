"""Every empirical claim of the paper's Section 5 and Appendix B as data, with a check on run records that can fail.

The published numbers of CIFAR-100 are those of the text and tables, or are read from the plots saved in the official
repository (D47, "~"). Neural-Collapse is judged by the largest of the three NC metrics, Dimensional-Collapse by the
number of singular values above ln -10 (D40), both settled (D45) and averaged over the seeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.registry import ROWS
from hcl.runs import Run
from hcl.verdicts import (
    AT_NC,
    LOSS_TOLERANCE,
    NC,
    NO_DC,
    OFF_NC,
    Setting,
    Verdict,
    above,
    against,
    alike,
    below,
    each,
    hardened,
    judge,
    least_at,
    more_than_plain,
    only,
    select,
    some,
    trend,
    within,
)

Check = Callable[[Sequence[Run]], Verdict]

LOSS_CLOSE = 0.005  # Table 1: β = 5 and 10 are .0002 above the least loss,
LOSS_OFF = 0.01  # β = 0 is .028 above it
NEAR_START = 0.02  # Table 2: in the supervised settings no metric moves by more than .008
MUCH_LARGER = 5.0  # Table 2: the equal inner product of HUCL, β = 10 is twelve times that of the start
SAME_RANK = 0.1  # of C - 1, and at least one dimension


@dataclass(frozen=True)
class Claim:
    """An empirical claim.

    Attributes:
        name: a short unique one.
        figure: name of the figure whose runs test it.
        statement: in our words.
        where: it stands in the paper.
        published: the paper's number, or what its plot shows.
        check: from the runs of the figure to a verdict.
        scales: profiles at which it can be tested.
        reason: why not at the others.
    """

    name: str
    figure: str
    statement: str
    where: str
    published: str
    check: Check
    scales: tuple[str, ...] = ("laptop", "gpu", "paper")
    reason: str = ""


# What sets C >= 100 apart at laptop: 100 images a class or fewer, and no setting that gets to Neural-Collapse, so that
# neither getting there nor failing to says anything. Comparisons between settings do.
_LARGE: dict[str, Any] = {
    "scales": ("gpu", "paper"),
    "reason": "at this scale no setting brings 100 classes or more to Neural-Collapse",
}
_LARGE_START: dict[str, Any] = _LARGE | {"reason": "at this scale the start is not near Neural-Collapse"}
_ACCURATE: dict[str, Any] = _LARGE | {"reason": "at this scale no setting tells 100 classes apart well enough"}

_BALL, _NEAR, _SPHERE, _NONE = ROWS
_SEEN = "seen in the plot"
_CASES = ((True, "supervised", "SCL"), (False, "unsupervised", "UCL"))


def _of(
    runs: Sequence[Run], supervised: bool | None = None, hardness: tuple[float, ...] = (), row: str = _BALL, **more: Any
) -> list[Setting]:
    """Return settings of a row of Figures 4 and 6 (other figures have the first only)."""
    wanted = {"init": "random", "normalization": "unit_ball", **ROWS[row], **more}
    if supervised is not None:
        wanted["supervised"] = supervised
    if hardness:
        wanted["hardness"] = hardness
    return select(runs, **wanted)


def _full(classes: int) -> float:
    """Return the rank from which there is no Dimensional-Collapse."""
    return NO_DC * (classes - 1)


def _reaches(supervised: bool, hardness: tuple[float, ...], limit: float = AT_NC, **more: Any) -> Check:
    return lambda runs: judge(each(_of(runs, supervised, hardness, **more), NC, below(limit)))


def _gains(supervised: bool, metric: str, hardness: tuple[float, ...] = (), gain: float = 0.0, **more: Any) -> Check:
    """Return whether every setting with hard negatives (of some hardness) has more than the plain one."""
    shown = (0, *hardness) if hardness else ()
    return lambda runs: judge(more_than_plain(_of(runs, supervised, shown, **more), metric, gain))


def _can_gain(supervised: bool, metric: str, **more: Any) -> Check:
    return lambda runs: judge(some(more_than_plain(_of(runs, supervised, **more), metric)))


def _can_reach(supervised: bool, limit: float, **more: Any) -> Check:
    return lambda runs: judge(some(each(hardened(_of(runs, supervised, **more)), NC, below(limit))))


def _far_from_best(metric: str) -> Check:
    """Return whether HUCL at β = 30 is off Neural-Collapse, and twice as far from it as at β = 5."""
    return lambda runs: judge(
        against(
            _of(runs, False, (30,)), only(_of(runs, False, (5,))), metric,
            lambda value, best: value > max(OFF_NC, 2 * best), "β = 5:",
        )
    )  # fmt: skip


def _more_dimensions_supervised(runs: Sequence[Run]) -> Verdict:
    return judge(
        against(
            _of(runs, True, (30,)), alike(_of(runs, False), supervised=False), "effective_rank",
            lambda value, other: value > other, "HUCL",
        )
    )  # fmt: skip


def _compared_with_ball(row: str, plain: bool, holds: Callable[[float, float], bool], enough: bool = False) -> Check:
    """Return whether ranks of a row compare with the first row's, for plain or hardened settings (or one of them)."""

    def check(runs: Sequence[Run]) -> Verdict:
        settings = [s for s in _of(runs, row=row) if plain == (not s.spec.hardness)]
        parts = against(settings, alike(_of(runs), normalization="unit_ball"), "rank", holds, "unit ball")
        return judge(some(parts) if enough else parts)

    return check


def _like_ball(classes: int) -> Check:
    tolerance = max(1.0, SAME_RANK * (classes - 1))
    return lambda runs: judge(
        against(
            _of(runs, row=_SPHERE), alike(_of(runs), normalization="unit_ball"), "rank",
            lambda a, b: abs(a - b) <= tolerance, "unit ball",
        )
    )  # fmt: skip


def _start(runs: Sequence[Run]) -> list[Setting]:
    return _of(runs, True, (10,))


def _larger_than_start(metric: str, hardness: tuple[float, ...] = ()) -> Check:
    return lambda runs: judge(
        against(
            _of(runs, False, hardness, _NEAR), only(_start(runs)), metric,
            lambda value, start: value > MUCH_LARGER * start, "start",
        )
    )  # fmt: skip


def _for_any_k(metric: str, tolerance: float) -> Check:
    def check(runs: Sequence[Run]) -> Verdict:
        base = alike(select(runs, k=256), k=256)
        return judge(
            part
            for k in (32, 512)
            for part in against(
                select(runs, k=k), base, metric, lambda a, b: abs(a - b) < tolerance, f"at k = {k}; k = 256:"
            )
        )

    return check


def _initialisation_and_normalisation(figure: str, classes: int, section: str, start: Any, nc: Any) -> list[Claim]:
    """Return the claims about rows 2 to 4 of Figure 4, which Figure 6 repeats.

    Args:
        figure: name.
        classes: C.
        section: where each row is discussed.
        start: options of the claims that take a start near Neural-Collapse.
        nc: options of those that take other settings to reach it.
    """
    where = f"Sec. {section}, Fig. {int(figure[3:])} row"
    full = _full(classes)
    return [
        Claim(
            f"{figure}-row2-supervised", figure,
            "From a near-NC start SCL and HSCL show at most negligible Dimensional-Collapse (rank >= 95% of C - 1).",
            f"{where} 2", "flat in the plot",
            lambda runs: judge(each(_of(runs, True, row=_NEAR), "rank", above(full))), **start,
        ),
        Claim(
            f"{figure}-row2-ucl", figure, "From a near-NC start UCL shows no Dimensional-Collapse.",
            f"{where} 2", "flat in the plot",
            lambda runs: judge(each(_of(runs, False, (0,), _NEAR), "rank", above(full))), **start,
        ),
        Claim(
            f"{figure}-row2-hucl", figure,
            "From a near-NC start HUCL has the more Dimensional-Collapse the larger β: a falling effective rank.",
            f"{where} 2", "steeper with β in the plot",
            lambda runs: judge(
                trend(hardened(_of(runs, False, row=_NEAR)), "effective_rank", False, 0.01 * (classes - 1))
            ), **start,
        ),
        Claim(
            f"{figure}-row3-like-ball", figure,
            "The unit sphere behaves like the unit ball: ranks within 10% of C - 1 (at least 1) of each other.",
            f"{where} 3", _SEEN, _like_ball(classes),
        ),
        *(
            Claim(
                f"{figure}-row3-nc-{case}", figure,
                f"On the unit sphere the {case} case reaches Neural-Collapse at a suitable hardness.",
                f"{where} 3", "flat in the plot for some β", _can_reach(supervised, AT_NC, row=_SPHERE), **nc,
            )
            for supervised, case, _ in _CASES
        ),
        Claim(
            f"{figure}-row4-nc", figure, "Without normalisation no setting reaches Neural-Collapse.",
            f"{where} 4", _SEEN, lambda runs: judge(each(_of(runs, row=_NONE), NC, above(OFF_NC))), **nc,
        ),
        Claim(
            f"{figure}-row4-dc", figure,
            "Without normalisation every setting suffers from Dimensional-Collapse (rank below 95% of C - 1).",
            f"{where} 4", _SEEN, lambda runs: judge(each(_of(runs, row=_NONE), "rank", below(full))), **nc,
        ),
        Claim(
            f"{figure}-row4-plain", figure,
            "SCL and UCL have less Dimensional-Collapse without normalisation than in the unit ball (higher rank).",
            f"{where}s 1 and 4", _SEEN, _compared_with_ball(_NONE, True, lambda none, ball: none > ball),
        ),
    ]  # fmt: skip


def _polynomial(figure: str, nc: Any) -> list[Claim]:
    """Return the claims of Section B.4 about a figure; ``nc`` are options of those about reaching Neural-Collapse."""
    where = f"Sec. B.4, Fig. {figure[3:]}"
    claims = []
    for supervised, case, plain in _CASES:
        claims += [
            Claim(
                f"{figure}-nc-{case}", figure,
                f"With a suitable ε the {case} case reaches or nearly reaches Neural-Collapse (below .1).",
                where, "~ 0 for some ε", _can_reach(supervised, OFF_NC), **nc,
            ),
            Claim(
                f"{figure}-dc-{case}", figure,
                f"Polynomial hardening can mitigate Dimensional-Collapse in the {case} case (rank above {plain}'s).",
                where, _SEEN, _can_gain(supervised, "rank"),
            ),
        ]  # fmt: skip
    return claims


def _simclr(figure: str, objective: str) -> list[Claim]:
    """Return the claims of Section B.5 about a figure, whose runs have an objective."""
    where = f"Sec. B.5, Fig. {figure[3:]}"
    runs_of: dict[str, Any] = {"positives": "augmentation", "objective": objective}

    def off(metric: str) -> Check:
        return lambda runs: judge(each(_of(runs, **runs_of), metric, above(OFF_NC)))

    return [
        Claim(
            f"{figure}-equal-inner-product", figure,
            "With SimCLR sampling the equal inner-product metric stays away from zero at every hardness.",
            where, "≫ 0 in the plot", off("equal_inner_product"), **_LARGE,
        ),
        Claim(
            f"{figure}-zero-sum", figure,
            "With SimCLR sampling the zero-sum metric stays away from zero at every hardness.",
            where, "≫ 0 in the plot", off("zero_sum"),
        ),
        Claim(
            f"{figure}-unit-norm", figure,
            "With SimCLR sampling the class means stay inside the unit ball (unit-norm metric above .1).",
            where, "≫ 0 in the plot", off("unit_norm"),
        ),
        *(
            Claim(
                f"{figure}-dc-{case}", figure,
                f"With SimCLR sampling hard negatives can mitigate Dimensional-Collapse in the {case} case "
                f"(rank above {plain}'s).",
                where, _SEEN, _can_gain(supervised, "rank", **runs_of),
            )
            for supervised, case, plain in _CASES
        ),
    ]  # fmt: skip


def _hucl(figure: str, where: str) -> list[Claim]:
    """Return what Section B.1 says of hardness in the unsupervised case."""
    published = "≫ 0, and β = 5 near 0"
    return [
        Claim(
            f"{figure}-best-unsupervised", figure,
            "Of the unsupervised settings β = 5 ends closest to Neural-Collapse.",
            where, "β = 5", lambda runs: judge(least_at(_of(runs, False), NC, 5)),
        ),
        Claim(
            f"{figure}-hucl30", figure, "HUCL at β = 30 heavily violates the equal inner-product condition.",
            where, published, _far_from_best("equal_inner_product"),
        ),
        Claim(
            f"{figure}-centre", figure, "HUCL at β = 30 moves the centre of the class means off the origin.",
            where, published, _far_from_best("zero_sum"),
        ),
    ]  # fmt: skip


def _accuracy(figure: str, where: str, published: tuple[str, str]) -> list[Claim]:
    return [
        Claim(
            f"{figure}-accuracy-{case}", figure,
            f"Moderate hardness (5, 10) raises the test accuracy of the {case} case.",
            where, numbers, _gains(supervised, "test_accuracy", (5, 10)),
        )
        for (supervised, case, _), numbers in zip(_CASES, published, strict=True)
    ]  # fmt: skip


_FIG2, _FIG3, _FIG5, _FIG6, _FIG7 = (
    "Sec. 5.1, Fig. 2", "Sec. 5.2, Fig. 3", "Sec. B.1, Fig. 5", "Sec. B.1, Fig. 6", "Sec. B.1, Fig. 7",
)  # fmt: skip
_FIG4, _TABLE1, _TABLE2 = "Sec. 5.3, Fig. 4 row 1", "Sec. 5.2, Table 1", "Sec. 5.4, Table 2"
_SCL_LOSS = scl_lower_bound(100)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "fig02-label-loss-supervised", "fig02",
        "With label positives the SCL and HSCL losses reach their minimum at every hardness.", _FIG2, ".2014",
        lambda runs: judge(
            each(_of(runs, True, positives="label"), "loss", within(scl_lower_bound(3), LOSS_TOLERANCE))
        ),
    ),
    Claim(
        "fig02-label-loss-ucl", "fig02", "With label positives the UCL loss reaches its minimum.", _FIG2,
        ".3935 (k → ∞; .3933 at k = 256, D42)",
        lambda runs: judge(
            each(_of(runs, False, (0,), positives="label"), "loss", within(ucl_lower_bound(3), LOSS_TOLERANCE))
        ),
    ),
    Claim(
        "fig02-label-nc", "fig02", "With label positives SCL, HSCL and UCL end at an ETF.", _FIG2, _SEEN,
        lambda runs: judge(
            each(
                _of(runs, True, positives="label") + _of(runs, False, (0,), positives="label"), NC, below(AT_NC),
            )
        ),
    ),
    Claim(
        "fig02-label-hucl", "fig02", "With label positives HUCL does not end at an ETF.", _FIG2, _SEEN,
        lambda runs: judge(each(hardened(_of(runs, False, positives="label")), NC, above(OFF_NC))),
    ),
    Claim(
        "fig02-noise-supervised", "fig02", "With noise positives SCL and HSCL reach Neural-Collapse.", _FIG2, _SEEN,
        _reaches(True, (), positives="noise"),
    ),
    Claim(
        "fig02-noise-unsupervised", "fig02", "With noise positives UCL and HUCL do not reach Neural-Collapse.", _FIG2,
        _SEEN, lambda runs: judge(each(_of(runs, False, positives="noise"), NC, above(OFF_NC))),
    ),
    Claim(
        "fig02-noise-trend", "fig02", "With noise positives the unsupervised deviation grows with hardness.", _FIG2,
        _SEEN, lambda runs: judge(trend(_of(runs, False, positives="noise"), "equal_inner_product", True)),
    ),
    *_accuracy("fig03", _FIG3, (".584, .571 against .104", "~ .56, ~ .56 against ~ .09")),
    Claim(
        "fig03-gain-supervised", "fig03",
        "At moderate hardness (5, 10) HSCL gains more than 40 points of test accuracy over SCL.", _FIG3,
        ".584, .571 against .104", _gains(True, "test_accuracy", (5, 10), 0.4), **_ACCURATE,
    ),
    Claim(
        "fig03-gain-unsupervised", "fig03",
        "At moderate hardness (5, 10) HUCL gains more than 40 points of test accuracy over UCL.", _FIG3,
        "~ .56, ~ .56 against ~ .09", _gains(False, "test_accuracy", (5, 10), 0.4), **_ACCURATE,
    ),
    Claim(
        "fig03-plain", "fig03", "SCL and UCL do not reach Neural-Collapse.", _FIG3,
        "equal inner product ~ .235, ~ .24",
        lambda runs: judge(each(_of(runs, True, (0,)) + _of(runs, False, (0,)), NC, above(AT_NC))), **_LARGE,
    ),
    Claim(
        "fig03-hscl", "fig03", "HSCL approaches Neural-Collapse at β = 5, 10 and 30.", _FIG3,
        "equal inner product ~ 0, zero-sum ~ .01", _reaches(True, (5, 10, 30)), **_LARGE,
    ),
    Claim(
        "fig03-trend-supervised", "fig03",
        "In the supervised case more hardness brings the class means closer to Neural-Collapse (steps back of less "
        "than .02 left aside).", _FIG3, "equal inner product ~ .235, ~ .04, ~ 0, ~ 0, ~ 0",
        lambda runs: judge(trend(_of(runs, True), NC, False, 0.02)),
    ),
    Claim(
        "fig03-best-unsupervised", "fig03",
        "In the unsupervised case a single hardness is best: β = 5 ends closest to Neural-Collapse.", _FIG3,
        "equal inner product ~ .01 at β = 5, ~ .045 and more at the others",
        lambda runs: judge(least_at(_of(runs, False), NC, 5)),
    ),
    Claim(
        "fig03-hucl30", "fig03",
        "HUCL at β = 30 violates the equal inner-product condition (above .1, and twice that of β = 5).", _FIG3,
        "~ .66, against ~ .01 at β = 5", _far_from_best("equal_inner_product"),
    ),
    Claim(
        "fig03-unit-norm", "fig03", "The unit-norm metric goes to zero in every setting.", _FIG3, "~ 0 (D47)",
        lambda runs: judge(each(_of(runs), "unit_norm", below(AT_NC))), **_LARGE,
    ),
    Claim(
        "table1-scl", "table1", "The SCL loss stays noticeably (more than .01) above its minimum of .3106.", _TABLE1,
        ".3384 against .3105 (.310555, D41)",
        lambda runs: judge(each(_of(runs, True, (0,)), "loss", above(_SCL_LOSS + LOSS_OFF))), **_LARGE,
    ),
    Claim(
        "table1-hscl", "table1", "The HSCL loss ends close (within .005) to the same minimum at β = 5 and 10.", _TABLE1,
        ".3106, .3107",
        lambda runs: judge(each(_of(runs, True, (5, 10)), "loss", below(_SCL_LOSS + LOSS_CLOSE))), **_LARGE,
    ),
    Claim(
        "fig04-plain", "fig04",
        "Without hard negatives SCL and UCL suffer from Dimensional-Collapse (rank below 95% of C - 1).", _FIG4,
        "~ 10 and ~ 8 of 99",
        lambda runs: judge(each(_of(runs, True, (0,)) + _of(runs, False, (0,)), "rank", below(_full(100)))), **_LARGE,
    ),
    Claim(
        "fig04-hscl", "fig04",
        "HSCL at β = 5, 10 and 30 is free of Dimensional-Collapse (rank at least 95% of C - 1).", _FIG4,
        "98-99, 99, 99 of 99",
        lambda runs: judge(each(_of(runs, True, (5, 10, 30)), "rank", above(_full(100)))), **_LARGE,
    ),
    Claim(
        "fig04-supervised", "fig04",
        "Hard negatives mitigate Dimensional-Collapse in the supervised case: at every β the rank is above SCL's.",
        _FIG4, "~ 46, 98-99, 99, 99 against ~ 10", _gains(True, "rank"),
    ),
    Claim(
        "fig04-unsupervised", "fig04",
        "Hard negatives mitigate Dimensional-Collapse in the unsupervised case: at every β the rank is above UCL's.",
        _FIG4, "~ 45, ~ 97, no cliff at 10 and 30, against ~ 8", _gains(False, "rank"),
    ),
    Claim(
        "fig04-hucl30", "fig04",
        "At high hardness (30) HUCL, with less Dimensional-Collapse, still ends further from Neural-Collapse than UCL.",
        "Sec. 5.3, Figs 3 and 4", "equal inner product ~ .66 against ~ .24",
        _gains(False, NC, (30,)),
    ),
    *_initialisation_and_normalisation("fig04", 100, "5.4-5.5", _LARGE_START, _LARGE),
    Claim(
        "fig04-row4-hard", "fig04",
        "For some hardness normalisation reduces Dimensional-Collapse: without it the rank is below the unit ball's.",
        "Sec. 5.5, Fig. 4 rows 1 and 4", _SEEN,
        _compared_with_ball(_NONE, False, lambda none, ball: none < ball, enough=True),
    ),
    Claim(
        "table2-start", "table2", "The near-NC model, HSCL at β = 10, nearly reaches Neural-Collapse.", _TABLE2,
        "zero-sum .012, unit-norm 1.8e-8, equal inner product .004",
        lambda runs: judge(each(_start(runs), NC, below(AT_NC))), **_LARGE,
    ),
    Claim(
        "table2-supervised", "table2",
        "From a near-NC start all supervised settings stay as near Neural-Collapse as it is (within .02).", _TABLE2,
        "zero-sum .004-.007 against .012, equal inner product .001-.007 against .004",
        lambda runs: judge(
            against(
                _of(runs, True, row=_NEAR), only(_start(runs)), NC, lambda a, b: abs(a - b) < NEAR_START, "start",
            )
        ), **_LARGE_START,
    ),
    Claim(
        "table2-hucl", "table2",
        "From a near-NC start HUCL at β = 10 and 30 ends with a much larger (5 times) equal inner-product metric.",
        _TABLE2, ".047, .586 against .004", _larger_than_start("equal_inner_product", (10, 30)), **_LARGE_START,
    ),
    Claim(
        "table2-unit-norm", "table2",
        "From a near-NC start the unsupervised settings end with a much larger (5 times) unit-norm metric.", _TABLE2,
        "3.9e-4 to 1.5e-3 against 1.8e-8", _larger_than_start("unit_norm"), **_LARGE_START,
    ),
    *_accuracy("fig05", "Sec. 5.2, Fig. 5", ("above SCL in the plot", "above UCL in the plot")),
    Claim(
        "fig05-hscl", "fig05", "Any degree of hardness brings the supervised case to Neural-Collapse.", _FIG5, "~ 0",
        lambda runs: judge(each(hardened(_of(runs, True)), NC, below(AT_NC))),
    ),
    Claim(
        "fig05-plain", "fig05", "SCL and UCL do not reach Neural-Collapse.", _FIG5, "> 0",
        lambda runs: judge(each(_of(runs, True, (0,)) + _of(runs, False, (0,)), NC, above(AT_NC))),
    ),
    *_hucl("fig05", _FIG5),
    Claim(
        "fig05-unit-norm", "fig05", "The unit-norm metric goes to zero in every setting.", _FIG5, "~ 0",
        lambda runs: judge(each(_of(runs), "unit_norm", below(AT_NC))),
    ),
    Claim(
        "fig06-plain", "fig06",
        "Without hard negatives SCL and UCL suffer from Dimensional-Collapse (rank below 9).", _FIG6,
        "a cliff in the plot",
        lambda runs: judge(each(_of(runs, True, (0,)) + _of(runs, False, (0,)), "rank", below(_full(10)))),
    ),
    Claim(
        "fig06-supervised", "fig06",
        "Hard negatives mitigate it in the supervised case: the class means have full rank.", _FIG6,
        "flat in the plot", lambda runs: judge(each(hardened(_of(runs, True)), "rank", above(_full(10)))),
    ),
    Claim(
        "fig06-unsupervised", "fig06",
        "Hard negatives mitigate it in the unsupervised case: no value falls off a cliff.", _FIG6,
        "no cliff in the plot", lambda runs: judge(each(hardened(_of(runs, False)), "rank", above(_full(10)))),
    ),
    Claim(
        "fig06-higher-hardness", "fig06",
        "The supervised case gains more from high hardness: at β = 30 its effective rank is above the unsupervised "
        "one's.", _FIG6, _SEEN, _more_dimensions_supervised,
    ),
    *_initialisation_and_normalisation("fig06", 10, "B.2", _LARGE_START, {}),
    Claim(
        "fig06-row4-hard", "fig06",
        "With hard negatives the lack of normalisation makes Dimensional-Collapse more severe (lower rank).",
        "Sec. B.2, Fig. 6 rows 1 and 4", _SEEN, _compared_with_ball(_NONE, False, lambda none, ball: none < ball),
    ),
    Claim(
        "fig07-hscl", "fig07", "HSCL comes close to Neural-Collapse at β = 5, 10 and 30 (below .1).", _FIG7, "~ 0",
        _reaches(True, (5, 10, 30), OFF_NC), **_LARGE,
    ),
    *_hucl("fig07", _FIG7),
    Claim(
        "fig07-plain", "fig07",
        "Without hard negatives SCL and UCL suffer from Dimensional-Collapse (rank below 95% of C - 1).", _FIG7,
        "a cliff in the plot",
        lambda runs: judge(each(_of(runs, True, (0,)) + _of(runs, False, (0,)), "rank", below(_full(200)))), **_LARGE,
    ),
    *(
        Claim(
            f"fig07-{case}", "fig07",
            f"Hard negatives mitigate Dimensional-Collapse in the {case} case: at every β the rank is above {plain}'s.",
            _FIG7, _SEEN, _gains(supervised, "rank"),
        )
        for supervised, case, plain in _CASES
    ),
    Claim(
        "fig07-higher-hardness", "fig07",
        "The supervised case gains more from high hardness: at β = 30 its effective rank is above the unsupervised "
        "one's.", _FIG7, _SEEN, _more_dimensions_supervised,
    ),
    Claim(
        "fig08-hscl", "fig08", "With batch 64 HSCL nearly reaches Neural-Collapse at β = 5, 10 and 30 (below .1).",
        "Sec. 5.6 and B.3, Fig. 8", "~ 0", _reaches(True, (5, 10, 30), OFF_NC, batch_size=64), **_LARGE,
    ),
    Claim(
        "fig08-hucl", "fig08", "With batch 64 HUCL nearly reaches Neural-Collapse at β = 5 (below .1).",
        "Sec. 5.6 and B.3, Fig. 8", "~ 0", _reaches(False, (5,), OFF_NC, batch_size=64), **_LARGE,
    ),
    Claim(
        "fig09-hscl30", "fig09", "With batch 32 HSCL reaches Neural-Collapse at β = 30 (below .1).",
        "Sec. B.3, Fig. 9 (Sec. 5.6 says that none does)", "~ 0", _reaches(True, (30,), OFF_NC, batch_size=32),
        **_LARGE,
    ),
    Claim(
        "fig09-hscl", "fig09", "With batch 32 SCL and HSCL do not reach Neural-Collapse at any other β.",
        "Sec. 5.6 and B.3, Fig. 9", "> 0",
        lambda runs: judge(each(_of(runs, True, (0, 2, 5, 10), batch_size=32), NC, above(OFF_NC))), **_LARGE,
    ),
    Claim(
        "fig09-hucl", "fig09", "With batch 32 UCL and HUCL do not reach Neural-Collapse at any β.",
        "Sec. 5.6 and B.3, Fig. 9", "> 0",
        lambda runs: judge(each(_of(runs, False, batch_size=32), NC, above(OFF_NC))), **_LARGE,
    ),
    *_polynomial("fig10", _LARGE),
    *_polynomial("fig11", {}),
    *_simclr("fig12", "simclr"),
    *_simclr("fig13", "algorithm1"),
    Claim(
        "fidelity-k-geometry", "fidelity",
        "From 32 to 512 negatives the equal inner-product metric changes only slightly (by less than .05).",
        "Sec. 5", "slight changes, no numbers (D32)", _for_any_k("equal_inner_product", 0.05),
    ),
    Claim(
        "fidelity-k-accuracy", "fidelity",
        "From 32 to 512 negatives the test accuracy changes only slightly (by less than .03).",
        "Sec. 5", "slight changes, no numbers (D32)", _for_any_k("test_accuracy", 0.03),
    ),
)  # fmt: skip
