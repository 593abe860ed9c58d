"""Claims of Sections 5.1 and 5.2: synthetic data, CIFAR-100, its losses."""

from dataclasses import replace

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.companion import statements
from hcl.companion.claims.parts import (
    CASES,
    SEEN,
    Claim,
    accuracy,
    collapses,
    ends_off,
    far_from_best,
    gains,
    needs_all_images,
    of,
    plain,
    reaches,
    stays_off,
)
from hcl.companion.evidence import Evidence, Setting
from hcl.companion.limits import LIMITS
from hcl.companion.verdicts import Verdict, judge

_FIG2, _FIG3, _TABLE1 = "Sec. 5.1, Fig. 2", "Sec. 5.2, Fig. 3", "Sec. 5.2, Table 1"
_SCL_LOSS = scl_lower_bound(100)


def until(setting: Setting, epoch: int) -> Setting:
    """Return a setting as it was after an epoch, as if the runs had ended there."""
    cut = tuple(
        replace(run, spec=replace(run.spec, epochs=epoch), history=run.history[run.history["epoch"] <= epoch])
        for run in setting.runs
        if run.spec.epochs >= epoch
    )
    return replace(setting, runs=cut, several=setting.several and replace(setting.several, several=None))


def _label(e: Evidence, supervised: bool, hardness: tuple[float, ...] = ()) -> list[Setting]:
    return of(e, supervised, hardness, positives="label")


def _noise(e: Evidence, supervised: bool) -> list[Setting]:
    return of(e, supervised, positives="noise")


def _by_epoch_200(e: Evidence) -> Verdict:
    parts = []
    for supervised, hardness, bound in ((True, (), scl_lower_bound(3)), (False, (0.0,), ucl_lower_bound(3))):
        settings = [until(setting, 200) for setting in _label(e, supervised, hardness)]
        parts += statements.below(settings, "loss", bound + e.limits.loss_reached, e.limits)
    return judge(parts)


def _nothing_gained(e: Evidence) -> Verdict:
    settings = _label(e, True)
    near = e.limits.near_zero
    return judge(statements.more_than_plain(settings, "equal_inner_product", e.limits, by=-near))


def _harmed(e: Evidence) -> Verdict:
    return judge(statements.more_than_plain(_label(e, False), "equal_inner_product", e.limits))


MAIN: tuple[Claim, ...] = (
    Claim(
        "fig02-label-loss-supervised", "fig02",
        "With label positives the SCL and HSCL losses reach their minimum at every hardness "
        f"(within {LIMITS.loss_reached:g}).", _FIG2, ".2014",
        lambda e: judge(
            statements.below(_label(e, True), "loss", scl_lower_bound(3) + e.limits.loss_reached, e.limits)
        ),
    ),
    Claim(
        "fig02-label-loss-ucl", "fig02",
        f"With label positives the UCL loss reaches its minimum (within {LIMITS.loss_reached:g}).", _FIG2,
        ".3935 (k → ∞; .3933 at k = 256, D42)",
        lambda e: judge(
            statements.below(_label(e, False, (0,)), "loss", ucl_lower_bound(3) + e.limits.loss_reached, e.limits)
        ),
    ),
    Claim(
        "fig02-epoch-200", "fig02", "SCL, HSCL and UCL have reached their minimum by epoch 200.", _FIG2,
        "after 200 epochs", _by_epoch_200,
    ),
    Claim(
        "fig02-label-nc", "fig02", "With label positives SCL, HSCL and UCL end at an ETF.", _FIG2, SEEN,
        lambda e: judge(collapses(_label(e, True) + _label(e, False, (0,)), e)),
    ),
    Claim(
        "fig02-label-hucl", "fig02", "With label positives HUCL does not end at an ETF.", _FIG2, SEEN,
        lambda e: judge(ends_off(statements.hardened(_label(e, False)), e)),
    ),
    Claim(
        "fig02-noise-supervised", "fig02", "With noise positives SCL and HSCL reach Neural-Collapse.", _FIG2, SEEN,
        reaches(True, (), positives="noise"),
    ),
    Claim(
        "fig02-noise-unsupervised", "fig02", "With noise positives UCL and HUCL do not reach Neural-Collapse.", _FIG2,
        SEEN, lambda e: judge(stays_off(_noise(e, False), e)),
    ),
    Claim(
        "fig02-noise-trend", "fig02",
        "With noise positives the unsupervised deviation (equal inner product) grows with hardness.", _FIG2, SEEN,
        lambda e: judge(statements.trend(_noise(e, False), "equal_inner_product", True, e.limits)),
    ),
    Claim(
        "fig02-no-gain", "fig02",
        "On the synthetic data SCL gains nothing from hard negatives: at no hardness does the equal inner-product "
        f"metric fall by more than {LIMITS.near_zero:g}.", "Sec. 5.1", "SCL may not benefit", _nothing_gained,
    ),
    Claim(
        "fig02-harm", "fig02",
        "On the synthetic data with label positives hard negatives harm UCL: its equal inner-product metric grows at "
        "every hardness.",
        "Sec. 5.1", "UCL may suffer", _harmed,
    ),
    *accuracy("fig03", _FIG3, (".584, .571 against .104", "~ .56, ~ .56 against ~ .09")),
    *(
        Claim(
            f"fig03-gain-{case}", "fig03",
            f"At moderate hardness (5, 10) H{name} gains more than 40 points of test accuracy over {name}.", _FIG3,
            published, needs_all_images(gains(supervised, "test_accuracy", (5, 10), 0.4)), on="images",
        )
        for (supervised, case, name), published in zip(
            CASES, (".584, .571 against .104", "~ .56, ~ .56 against ~ .09"), strict=True
        )
    ),
    Claim(
        "fig03-plain", "fig03", "SCL and UCL do not reach Neural-Collapse.", _FIG3,
        "equal inner product ~ .235, ~ .24", lambda e: judge(stays_off(plain(e), e)),
    ),
    Claim(
        "fig03-hscl", "fig03", "HSCL approaches Neural-Collapse at β = 5, 10 and 30.", _FIG3,
        "equal inner product ~ 0, zero-sum ~ .01", reaches(True, (5, 10, 30)),
    ),
    Claim(
        "fig03-trend-supervised", "fig03",
        "In the supervised case more hardness lowers the equal inner-product metric (steps back of less than "
        f"{LIMITS.step_back:g} left aside).", _FIG3, "~ .235, ~ .04, ~ 0, ~ 0, ~ 0",
        lambda e: judge(
            statements.trend(of(e, True), "equal_inner_product", False, e.limits, slack=e.limits.step_back)
        ),
    ),
    Claim(
        "fig03-best-unsupervised", "fig03",
        "In the unsupervised case a single hardness is best: at β = 5 the equal inner-product metric is the least.",
        _FIG3, "~ .01 at β = 5, ~ .045 and more at the others",
        lambda e: judge(statements.least_at(of(e, False), "equal_inner_product", 5, e.limits), partial=False),
    ),
    Claim(
        "fig03_long-hucl5", "fig03_long",
        "HUCL at β = 5 comes close to Neural-Collapse (the metrics below "
        f"{LIMITS.nearly_zero:g}), given time: on half the images, for two and a half times as many epochs.", _FIG3,
        "equal inner product ~ .01, ~ 97 of 99 values above the cliff", reaches(False, (5,), nearly=True),
    ),
    Claim(
        "fig03-hucl30", "fig03",
        f"HUCL at β = 30 violates the equal inner-product condition (above {LIMITS.nearly_zero:g}, and "
        f"{LIMITS.far:g} times that of β = 5).", _FIG3, "~ .66, against ~ .01 at β = 5",
        far_from_best("equal_inner_product"),
    ),
    Claim(
        "fig03-unit-norm", "fig03",
        f"The unit-norm metric goes to zero (below {LIMITS.near_zero:g}) in every setting.", _FIG3, "~ 0 (D47)",
        lambda e: judge(statements.below(of(e), "unit_norm", e.limits.near_zero, e.limits)),
    ),
    Claim(
        "table1-scl", "table1",
        f"The SCL loss stays noticeably (more than {LIMITS.loss_off:g}) above its minimum of .3106.", _TABLE1,
        ".3384 against .3105 (.310555, D41)",
        lambda e: judge(statements.above(of(e, True, (0,)), "loss", _SCL_LOSS + e.limits.loss_off, e.limits)),
    ),
    Claim(
        "table1-hscl", "table1",
        f"The HSCL loss ends close (within {LIMITS.loss_close:g}) to the same minimum at β = 5 and 10.", _TABLE1,
        ".3106, .3107",
        lambda e: judge(statements.below(of(e, True, (5, 10)), "loss", _SCL_LOSS + e.limits.loss_close, e.limits)),
    ),
    Claim(
        "table1-beta2", "table1", "At β = 2 the run's own loss ends above SCL's.", _TABLE1, ".3603 against .3384",
        gains(True, "loss", (2,)),
    ),
    Claim(
        "table1-beta30", "table1", "At β = 30 the loss ends above that at β = 5 and 10.", _TABLE1,
        ".3222 against .3106, .3107",
        lambda e: judge(
            statements.larger(of(e, True, (5, 10)), statements.only(of(e, True, (30,))), "loss", e.limits, less=True)
        ),
    ),
    Claim(
        "table1-invariably", "table1",
        "In the supervised case more hardness invariably improves the result: at every step the loss comes closer to "
        "its minimum (the paper's own table has two steps back).", "Sec. 5.2",
        "said of all hardness; .3384, .3603, .3106, .3107, .3222 in Table 1",
        lambda e: judge(statements.trend(of(e, True), "loss", False, e.limits)),
    ),
)  # fmt: skip
