"""Statements of this project on why hard negatives help, which runs decide: each follows from what is computed."""

from collections.abc import Callable

from hcl.companion import statements
from hcl.companion.claims.parts import Check, Claim, of, reaches, shrinks
from hcl.companion.evidence import Evidence, Setting
from hcl.companion.verdicts import Verdict, judge

_COURSE = "mechanism_course"


def _plain_shrinks(e: Evidence) -> Verdict:
    return judge(shrinks(of(e, True, (0,)), e))


def _clusters_fall(e: Evidence) -> Verdict:
    return judge(statements.trend(e.settings, "clusters", False, e.limits))


def _beside(e: Evidence, hardness: float) -> Callable[[Setting], Setting | None]:
    others = e.beside.settings if e.beside else []
    return statements.only([setting for setting in others if setting.spec.hardness == hardness])


def _rises(e: Evidence) -> Verdict:
    up_to = [setting for setting in e.settings if setting.spec.hardness <= 10]
    return judge(statements.trend(up_to, "effective_rank", True, e.limits))


def _no_more_rank(e: Evidence) -> Verdict:
    slack = -e.limits.alike * (e.specs[0].num_classes - 1) if e.specs else 0.0
    fixed = _beside(e, 5.0)
    return judge(
        statements.larger(e.settings, fixed, "effective_rank", e.limits, by=slack, less=True, word="batches of 256")
    )


def _no_schedule_is_better(e: Evidence) -> Verdict:
    slack = -e.limits.alike * (e.specs[0].num_classes - 1) if e.specs else 0.0
    fixed = _beside(e, 10.0)
    return judge(
        statements.larger(e.settings, fixed, "effective_rank", e.limits, by=slack, less=True, word="β = 10 throughout")
    )


def _more_rank(word: str) -> Check:
    return lambda e: judge(statements.larger(e.settings, _beside(e, 5.0), "effective_rank", e.limits, word=word))


def _claim(figure: str, name: str, statement: str, why: str, check: Check, beside: str = "") -> Claim:
    return Claim(f"mechanism_{figure}-{name}", f"mechanism_{figure}", statement, why, "not asked", check, beside=beside)


_OPTIMISER, _RATE = "Sec. 5.2, Dimensional-Collapse without hard negatives", "the rate at which merged classes part"

MECHANISM_RUNS: tuple[Claim, ...] = (
    _claim(
        "course", "rises", "In Figure 3's runs the effective rank rises with hardness up to β = 10, as the rate at "
        "which merged classes part does.", _RATE, _rises,
    ),
    _claim(
        "eps", "stays", "With Adam's eps at 1e-4 SCL reaches Neural-Collapse on CIFAR-10 and stays there: that it is "
        "lost is the optimiser's doing.", _OPTIMISER, reaches(True, (0,)),
    ),
    _claim(
        "decay", "stays", "With a learning rate that falls SCL reaches Neural-Collapse on CIFAR-10 and stays there.",
        _OPTIMISER, reaches(True, (0,)),
    ),
    *(
        _claim(
            name, "geometry", f"On 100 classes SCL suffers Dimensional-Collapse with {what} too: that is the "
            "geometry's doing.", _OPTIMISER, _plain_shrinks,
        )
        for name, what in (("eps_many", "eps at 1e-4"), ("decay_many", "a learning rate that falls"))
    ),
    _claim(
        "schedule", "fixed", "No hardness that rises or falls opens more dimensions of 100 classes than β = 10 "
        "throughout.", _RATE, _no_schedule_is_better, _COURSE,
    ),
    _claim(
        "images", "merged", "With 1,000 images a class, which are not fitted, harder negatives leave more classes of "
        "CIFAR-10 merged.", "what a spread does to that rate", _clusters_fall,
    ),
    *(
        _claim(
            name, "rank", f"With {count} images a class, not 100, more dimensions open in as many steps (β = 5).",
            "what a spread does to that rate", _more_rank("100 images"), _COURSE,
        )
        for name, count in (("few", 50), ("fewer", 25))
    ),
    _claim(
        "batch_steps", "rank", "In as many steps batches of 64 open no more dimensions than batches of 256 (β = 5).",
        _RATE, _no_more_rank, _COURSE,
    ),
    _claim(
        "batch_epochs", "rank", "In as many epochs batches of 64 open more dimensions than batches of 256: they make "
        "more steps (β = 5).", _RATE, _more_rank("batches of 256"), _COURSE,
    ),
)  # fmt: skip
