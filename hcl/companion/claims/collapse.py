"""Claims of Sections 5.3 to 5.5 and B.2: Dimensional-Collapse, initialisation, normalisation."""

from dataclasses import replace

from hcl.companion import statements, verdicts
from hcl.companion.claims.parts import (
    BALL,
    CASES,
    NEAR,
    NONE,
    SEEN,
    SPHERE,
    Check,
    Claim,
    can_reach,
    collapses,
    ends_off,
    gains,
    more_dimensions_supervised,
    of,
    plain,
    shrinks,
    spans,
    stays_off,
)
from hcl.companion.evidence import Evidence, Setting
from hcl.companion.labels import label
from hcl.companion.limits import LIMITS
from hcl.companion.verdicts import Verdict, judge

_FIG4, _FIG6, _TABLE2 = "Sec. 5.3, Fig. 4 row 1", "Sec. B.1, Fig. 6", "Sec. 5.4, Table 2"
_SHARE = f"effective rank of at least {1 - LIMITS.missing_rank:.0%} of C - 1, and every class apart"


def same_run(a: Setting, b: Setting) -> bool:
    """Return whether the runs of two settings are the same, step for step: every train loss to the last digit."""
    pairs = list(zip(a.runs, b.runs, strict=False))
    return bool(pairs) and all(x.history["train_loss"].equals(y.history["train_loss"]) for x, y in pairs)


def _like_ball(e: Evidence) -> Verdict:
    partner = statements.alike(of(e, row=BALL), normalization="unit_ball")
    parts = []
    for setting in of(e, row=SPHERE):
        tolerance = e.limits.alike * (setting.spec.num_classes - 1)
        made = statements.close([setting], partner, "effective_rank", tolerance, e.limits, word="unit ball")
        if (other := partner(setting)) is not None and same_run(setting, other):
            reason = (
                f"{label(setting.spec)}: ball and sphere are the same run, step for step, since no feature lay inside "
                "the ball; runs whose features do would tell"
            )
            made = [replace(part, state="unsettled", reason=reason) for part in made]
        parts += made
    return judge(parts)


def _compared_with_ball(hardened: bool, less: bool, enough: str = "all") -> Check:
    """Return whether effective ranks without normalisation are larger (or less) than in the ball."""

    def check(e: Evidence) -> Verdict:
        settings = [setting for setting in of(e, row=NONE) if hardened == bool(setting.spec.hardness)]
        partner = statements.alike(of(e), normalization="unit_ball")
        parts = statements.larger(settings, partner, "effective_rank", e.limits, less=less, word="unit ball")
        return judge(parts, enough="any" if enough == "any" else "all")

    return check


def _full_rank_off_nc(e: Evidence) -> Verdict:
    """Return whether some setting is free of Dimensional-Collapse and yet not at Neural-Collapse."""
    settings = of(e)
    parts = map(verdicts.both, ends_off(settings, e), spans(settings, e))
    return judge(parts, enough="any")


def _rows(figure: str, section: str) -> list[Claim]:
    """Return the claims about rows 2 to 4 of Figure 4, which Figure 6 repeats."""
    where = f"Sec. {section}, Fig. {int(figure[3:])} row"
    return [
        Claim(
            f"{figure}-row2-supervised", figure,
            f"From a near-NC start SCL and HSCL show at most negligible Dimensional-Collapse ({_SHARE}).",
            f"{where} 2", "flat in the plot", lambda e: judge(spans(of(e, True, row=NEAR), e)),
        ),
        Claim(
            f"{figure}-row2-ucl", figure, f"From a near-NC start UCL shows no Dimensional-Collapse ({_SHARE}).",
            f"{where} 2", "flat in the plot", lambda e: judge(spans(of(e, False, (0,), NEAR), e)),
        ),
        Claim(
            f"{figure}-row2-hucl", figure,
            "From a near-NC start HUCL has the more Dimensional-Collapse the larger β: a falling effective rank.",
            f"{where} 2", "steeper with β in the plot",
            lambda e: judge(
                statements.trend(statements.hardened(of(e, False, row=NEAR)), "effective_rank", False, e.limits)
            ),
        ),
        Claim(
            f"{figure}-row3-like-ball", figure,
            f"The unit sphere behaves like the unit ball: effective ranks within {LIMITS.alike:.0%} of C - 1 of each "
            "other.", f"{where} 3", SEEN, _like_ball,
        ),
        *(
            Claim(
                f"{figure}-row3-nc-{case}", figure,
                f"On the unit sphere the {case} case reaches Neural-Collapse at a suitable hardness.",
                f"{where} 3", "flat in the plot for some β", can_reach(supervised, row=SPHERE),
            )
            for supervised, case, _ in CASES
        ),
        Claim(
            f"{figure}-row4-nc", figure, "Without normalisation no setting reaches Neural-Collapse.",
            f"{where} 4", SEEN, lambda e: judge(stays_off(of(e, row=NONE), e)),
        ),
        Claim(
            f"{figure}-row4-dc", figure,
            f"Without normalisation every setting suffers from Dimensional-Collapse (no {_SHARE}).",
            f"{where} 4", SEEN, lambda e: judge(shrinks(of(e, row=NONE), e)),
        ),
        Claim(
            f"{figure}-row4-plain", figure,
            "SCL and UCL have less Dimensional-Collapse without normalisation than in the unit ball (higher effective "
            "rank).", f"{where}s 1 and 4", SEEN, _compared_with_ball(False, False),
        ),
    ]  # fmt: skip


def _start(e: Evidence) -> list[Setting]:
    return of(e, True, (10,))


def _stays(e: Evidence) -> Verdict:
    return judge(
        part
        for metric in verdicts.NC_METRICS
        for part in statements.close(
            of(e, True, row=NEAR), statements.only(_start(e)), metric, e.limits.stays, e.limits, word="start"
        )
    )


def _larger_than_start(metric: str, hardness: tuple[float, ...] = ()) -> Check:
    return lambda e: judge(
        statements.larger(
            of(e, False, hardness, NEAR), statements.only(_start(e)), metric, e.limits, factor=e.limits.much_larger,
            word="start",
        )
    )  # fmt: skip


def _milder(e: Evidence) -> Verdict:
    """Return whether SCL and UCL lack less of their dimensions on ten classes than on a hundred."""
    assert e.beside is not None
    hundred = {setting.spec.supervised: setting for setting in plain(e.beside)}
    return judge(
        statements.larger(
            plain(e), lambda s: hundred.get(s.spec.supervised), "missing_rank", e.limits, less=True, word="100 classes"
        )
    )


COLLAPSE: tuple[Claim, ...] = (
    Claim(
        "fig04-plain", "fig04",
        f"Without hard negatives SCL and UCL suffer from Dimensional-Collapse (no {_SHARE}).", _FIG4,
        "~ 10 and ~ 8 values of 99 above the cliff", lambda e: judge(shrinks(plain(e), e)),
    ),
    Claim(
        "fig04-hscl", "fig04", f"HSCL at β = 5, 10 and 30 is free of Dimensional-Collapse ({_SHARE}).", _FIG4,
        "98-99, 99, 99 of 99", lambda e: judge(spans(of(e, True, (5, 10, 30)), e)),
    ),
    Claim(
        "fig04-supervised", "fig04",
        "Hard negatives mitigate Dimensional-Collapse in the supervised case: at every β the effective rank is above "
        "SCL's.", _FIG4, "~ 46, 98-99, 99, 99 values against ~ 10", gains(True, "effective_rank"),
    ),
    Claim(
        "fig04-unsupervised", "fig04",
        "Hard negatives mitigate Dimensional-Collapse in the unsupervised case: at every β the effective rank is above "
        "UCL's.", _FIG4, "~ 45, ~ 97, no cliff at 10 and 30, against ~ 8", gains(False, "effective_rank"),
    ),
    Claim(
        "fig04-hucl30", "fig04",
        "At high hardness (30) HUCL ends further from Neural-Collapse than UCL: a larger equal inner-product metric.",
        "Sec. 5.3, Figs 3 and 4", "~ .66 against ~ .24", gains(False, "equal_inner_product", (30,)),
    ),
    Claim(
        "fig04-rank-is-not-nc", "fig04",
        "No Dimensional-Collapse does not imply Neural-Collapse: some setting has the one without the other.",
        "Sec. 5.3", "an example in the text (P12)", _full_rank_off_nc,
    ),
    *_rows("fig04", "5.4-5.5"),
    Claim(
        "fig04-row4-hard", "fig04",
        "For some hardness normalisation reduces Dimensional-Collapse: without it the effective rank is below the unit "
        "ball's.", "Sec. 5.5, Fig. 4 rows 1 and 4", SEEN, _compared_with_ball(True, True, "any"),
    ),
    Claim(
        "table2-start", "table2", "The near-NC model, HSCL at β = 10, nearly reaches Neural-Collapse.", _TABLE2,
        "zero-sum .012, unit-norm 1.8e-8, equal inner product .004", lambda e: judge(collapses(_start(e), e)),
    ),
    Claim(
        "table2-supervised", "table2",
        "From a near-NC start all supervised settings stay as near Neural-Collapse as it is: each metric within "
        f"{LIMITS.stays:g}.", _TABLE2, "zero-sum .004-.007 against .012, equal inner product .001-.007 against .004",
        _stays,
    ),
    Claim(
        "table2-hucl", "table2",
        f"From a near-NC start HUCL at β = 10 and 30 ends with a much larger ({LIMITS.much_larger:g} times) equal "
        "inner-product metric.", _TABLE2, ".047, .586 against .004",
        _larger_than_start("equal_inner_product", (10, 30)),
    ),
    Claim(
        "table2-unit-norm", "table2",
        f"From a near-NC start the unsupervised settings end with a much larger ({LIMITS.much_larger:g} times) "
        "unit-norm metric.", _TABLE2, "3.9e-4 to 1.5e-3 against 1.8e-8", _larger_than_start("unit_norm"),
    ),
    Claim(
        "fig06-plain", "fig06",
        f"Without hard negatives SCL and UCL suffer from Dimensional-Collapse (no {_SHARE}).", _FIG6,
        "a cliff in the plot", lambda e: judge(shrinks(plain(e), e)),
    ),
    Claim(
        "fig06-supervised", "fig06",
        f"Hard negatives mitigate it in the supervised case: no Dimensional-Collapse ({_SHARE}).", _FIG6,
        "flat in the plot", lambda e: judge(spans(statements.hardened(of(e, True)), e)),
    ),
    Claim(
        "fig06-unsupervised", "fig06",
        "Hard negatives mitigate it in the unsupervised case: at every β the effective rank is above UCL's.", _FIG6,
        "no cliff in the plot", gains(False, "effective_rank"),
    ),
    Claim(
        "fig06-higher-hardness", "fig06",
        "The supervised case gains more from high hardness: at β = 30 its effective rank is above the unsupervised "
        "one's.", _FIG6, SEEN, more_dimensions_supervised,
    ),
    Claim(
        "fig06-milder", "fig06",
        "Dimensional-Collapse is milder on CIFAR-10 than on 100 classes: SCL and UCL lack a smaller share of the "
        "dimensions.", "Sec. B.1, Figs 4 and 6", "far less pronounced", _milder, beside="fig04",
    ),
    Claim(
        "fig06-rank-is-not-nc", "fig06",
        "No Dimensional-Collapse does not imply Neural-Collapse: some setting has the one without the other.",
        "Sec. 5.3", "an example in the text (P12)", _full_rank_off_nc,
    ),
    *_rows("fig06", "B.2"),
    Claim(
        "fig06-row4-hard", "fig06",
        "With hard negatives the lack of normalisation makes Dimensional-Collapse more severe (lower effective rank).",
        "Sec. B.2, Fig. 6 rows 1 and 4", SEEN, _compared_with_ball(True, True),
    ),
)  # fmt: skip
