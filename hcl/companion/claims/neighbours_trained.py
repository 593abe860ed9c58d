"""What training with losses of other works can test: this project's own statements, judged as the paper's are.

Their rules were fixed before any of these runs was looked at. The constants are those of all verdicts
(`hcl.companion.limits`), each with its reason there.
"""

from collections.abc import Callable, Sequence
from typing import Any

from hcl.companion import statements
from hcl.companion.claims.parts import Check, Claim, collapses, shrinks, stays_off
from hcl.companion.entries_neighbours import MARGIN, OWN_TEMPERATURE
from hcl.companion.evidence import Evidence, Setting
from hcl.companion.limits import LIMITS
from hcl.companion.verdicts import Verdict, judge

_WHERE, _OURS = "Sec. 2.1, of the optimum only", "not asked"
_DC = f"an effective rank below {1 - LIMITS.missing_rank:.0%} of C - 1, or merged classes"


def _of(e: Evidence, objective: str, **wanted: Any) -> list[Setting]:
    return e.select(objective=objective, **{"margin": None, "hardness": 0.0, **wanted})


def _papers(e: Evidence, supervised: bool, hardness: float = 0.0) -> list[Setting]:
    return e.select(objective="algorithm1", margin=None, supervised=supervised, hardness=hardness)


def _triplet(e: Evidence) -> list[Setting]:
    return e.select(margin=MARGIN)


def _reaches(objective: str) -> Check:
    """Return whether a loss ends at Neural-Collapse at one of its temperatures."""
    return lambda e: judge(collapses(_of(e, objective), e), enough="any")


def _alike(settings: Callable[[Evidence], Sequence[Setting]], other: Callable[[Evidence], list[Setting]]) -> Check:
    """Return whether settings end with the geometry of another: in effective rank, and in the equal inner product."""

    def check(e: Evidence) -> Verdict:
        partner, own = statements.only(other(e)), settings(e)
        dimensions = own[0].spec.num_classes - 1 if own else 1
        return judge(
            [
                *statements.close(own, partner, "effective_rank", e.limits.alike * dimensions, e.limits),
                *statements.close(own, partner, "equal_inner_product", e.limits.slight_geometry, e.limits),
            ]
        )

    return check


def _collapse_without_hard(e: Evidence) -> Verdict:
    names = ("supcon", "sincere", "debiased", "spectral")
    return judge(shrinks([s for name in names for s in _of(e, name, temperature=1.0)], e))


def _temperature_as_hardness(e: Evidence) -> Verdict:
    return judge(
        part
        for name in ("supcon", "sincere")
        for part in statements.larger(
            _of(e, name, temperature=OWN_TEMPERATURE), statements.only(_of(e, name, temperature=1.0)),
            "effective_rank", e.limits,
        )
    )  # fmt: skip


def _hard_debiased(e: Evidence) -> Verdict:
    hard = statements.hardened(e.select(objective="debiased"))
    return judge(statements.larger(hard, statements.only(_of(e, "debiased")), "effective_rank", e.limits))


def _hard_is_less(e: Evidence) -> Verdict:
    """Return whether the debiased loss with hard negatives ends with a smaller effective rank than HSCL."""
    hard = statements.hardened(e.select(objective="debiased"))
    hscl = _papers(e, True, hard[0].spec.hardness if hard else 5.0)
    return judge(statements.larger(hard, statements.only(hscl), "effective_rank", e.limits, less=True))


def _claim(name: str, statement: str, where: str, check: Check) -> Claim:
    figure = "neighbours_trained"
    return Claim(f"{figure}-{name}", figure, statement, where, _OURS, check)


TRAINED: tuple[Claim, ...] = (
    _claim(
        "sincere", f"Trained as here, SINCERE ends at Neural-Collapse, its optimum, at t = 1 or {OWN_TEMPERATURE:g}.",
        _WHERE, _reaches("sincere"),
    ),
    _claim(
        "supcon", f"Trained as here, SupCon ends at Neural-Collapse, its optimum, at t = 1 or {OWN_TEMPERATURE:g}.",
        _WHERE, _reaches("supcon"),
    ),
    _claim(
        "spectral",
        "In C - 1 dimensions, where it is least at an ETF, training with the spectral loss ends at Neural-Collapse.",
        "Sec. 3.1, which leaves it out", _reaches("spectral"),
    ),
    _claim(
        "debiased-scl",
        f"The debiased loss ends with the geometry of SCL: effective rank within {LIMITS.alike:.0%} of C - 1, equal "
        f"inner product within {LIMITS.slight_geometry:g}.", "Sec. 2.1, of the loss",
        _alike(lambda e: _of(e, "debiased"), lambda e: _papers(e, True)),
    ),
    _claim(
        "debiased-sincere",
        "With the share of a class taken off, the debiased loss ends with the geometry of SINCERE (the same limits).",
        "Sec. 2.1, of the loss",
        _alike(lambda e: _of(e, "debiased"), lambda e: _of(e, "sincere", temperature=1.0)),
    ),
    _claim(
        "plain",
        f"Without hard negatives SupCon, SINCERE, the debiased and the spectral loss end in Dimensional-Collapse at "
        f"t = 1, as SCL and UCL do ({_DC}).", "Sec. 5.3, of SCL and UCL", _collapse_without_hard,
    ),
    _claim(
        "temperature",
        f"A low temperature does what hard negatives do: at t = {OWN_TEMPERATURE:g} SupCon and SINCERE end with a "
        "larger effective rank than at t = 1.", "Sec. 5.3, of hardness", _temperature_as_hardness,
    ),
    _claim(
        "hard", "Hard negatives (β = 5) raise the effective rank of the debiased loss.", "Sec. 2.2; Sec. 5.3",
        _hard_debiased,
    ),
    _claim(
        "hard-hscl", "At β = 5 it ends with a smaller effective rank than HSCL, which has labels for its negatives.",
        "Sec. 2.2", _hard_is_less,
    ),
    _claim(
        "triplet", f"The triplet loss with a margin of {MARGIN:g}, which is 0 at many shapes, does not end at "
        "Neural-Collapse.", "Sec. 3.1; Theorem 2 asks for strict convexity", lambda e: judge(stays_off(_triplet(e), e)),
    ),
)  # fmt: skip
