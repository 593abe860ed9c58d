"""Empirical claims of the paper as data, each with a check on run records that can fail."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.report import label
from hcl.runs import Run

Status = Literal["reproduced", "partly", "not reproduced", "not run at this scale"]

AT_NC = 0.05  # an NC metric below this is "near zero": a tenth and less of what its own figure's worst curve shows
OFF_NC = 0.1  # and above this "not zero"
LOSS_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Verdict:
    """What came of a claim.

    Attributes:
        status: reproduced if every part holds, partly if some do, not reproduced if none does.
        measured: the numbers it rests on.
    """

    status: Status
    measured: str


NOT_RUN = Verdict("not run at this scale", "–")


@dataclass(frozen=True)
class Claim:
    """An empirical claim.

    Attributes:
        figure: name of the figure whose runs test it.
        dataset: data set it is about.
        statement: in our words.
        where: it stands in the paper.
        published: the paper's number, or what its plot shows.
        check: from the runs of the figure to a verdict.
    """

    figure: str
    dataset: str
    statement: str
    where: str
    published: str
    check: Callable[[Sequence[Run]], Verdict]


def judge(parts: Iterable[tuple[str, float, bool]], digits: int = 3) -> Verdict:
    """Return the verdict of a claim's parts, each (name, number, whether it holds); without any, it was not run."""
    parts = list(parts)
    if not parts:
        return NOT_RUN
    holds = [ok for _, _, ok in parts]
    status: Status = "reproduced" if all(holds) else "partly" if any(holds) else "not reproduced"
    return Verdict(status, "; ".join(f"{name}: {value:.{digits}f}{'' if ok else ' ✗'}" for name, value, ok in parts))


def _select(
    runs: Sequence[Run], supervised: bool, hardness: Sequence[float] | None = None, positives: str = "label"
) -> list[Run]:
    return [
        run
        for run in runs
        if run.spec.supervised == supervised
        and run.spec.positives == positives
        and (hardness is None or run.spec.hardness in hardness)
    ]


def _each(runs: Sequence[Run], metric: str, holds: Callable[[float], bool], digits: int = 3) -> Verdict:
    return judge(((label(r.spec), r.final[metric], holds(r.final[metric])) for r in runs), digits)


def _hard(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.spec.hardness]


def _increases(runs: Sequence[Run], metric: str) -> Verdict:
    if len(runs) < 2:
        return NOT_RUN
    ordered = sorted(runs, key=lambda run: run.spec.hardness)
    values = [run.final[metric] for run in ordered]
    steps = [True, *(b > a for a, b in zip(values, values[1:], strict=False))]
    verdict = judge((label(r.spec), v, ok) for r, v, ok in zip(ordered, values, steps, strict=True))
    return Verdict("not reproduced" if not any(steps[1:]) else verdict.status, verdict.measured)


def _best_is(runs: Sequence[Run], metric: str, hardness: float) -> Verdict:
    if len(runs) < 2:
        return NOT_RUN
    best = min(runs, key=lambda run: run.final[metric])
    right = best.spec.hardness == hardness
    verdict = judge((label(r.spec), r.final[metric], right or r is not best) for r in runs)
    return Verdict("reproduced" if right else "not reproduced", verdict.measured)


def _more_than_plain(runs: Sequence[Run], metric: str, hardness: Sequence[float]) -> Verdict:
    plain = next((run for run in runs if not run.spec.hardness), None)
    if plain is None:
        return NOT_RUN
    base = plain.final[metric]
    verdict = judge(
        (label(run.spec), run.final[metric], run.final[metric] > base) for run in runs if run.spec.hardness in hardness
    )
    return Verdict(verdict.status, f"{label(plain.spec)}: {base:.3f}; {verdict.measured}")


_FIG2, _FIG5 = "Sec. 5.1, Fig. 2", "Sec. B.1, Fig. 5"

CLAIMS = (
    Claim(
        "fig02", "synthetic", "With label positives the SCL and HSCL losses reach their minimum at every hardness.",
        _FIG2, ".2014",
        lambda runs: _each(
            _select(runs, True), "loss", lambda v: abs(v - scl_lower_bound(3)) < LOSS_TOLERANCE, digits=4
        ),
    ),
    Claim(
        "fig02", "synthetic", "With label positives the UCL loss reaches its minimum.", _FIG2,
        ".3935 (k → ∞; .3933 at k = 256, D42)",
        lambda runs: _each(
            _select(runs, False, [0]), "loss", lambda v: abs(v - ucl_lower_bound(3)) < LOSS_TOLERANCE, digits=4
        ),
    ),
    Claim(
        "fig02", "synthetic", "With label positives SCL, HSCL and UCL end at an ETF.", _FIG2, "seen in the plot",
        lambda runs: _each(
            _select(runs, True) + _select(runs, False, [0]), "equal_inner_product", lambda v: v < AT_NC
        ),
    ),
    Claim(
        "fig02", "synthetic", "With label positives HUCL does not end at an ETF.", _FIG2, "seen in the plot",
        lambda runs: _each(_hard(_select(runs, False)), "equal_inner_product", lambda v: v > OFF_NC),
    ),
    Claim(
        "fig02", "synthetic", "With noise positives SCL and HSCL reach Neural-Collapse.", _FIG2, "seen in the plot",
        lambda runs: _each(_select(runs, True, positives="noise"), "equal_inner_product", lambda v: v < AT_NC),
    ),
    Claim(
        "fig02", "synthetic", "With noise positives UCL and HUCL do not reach Neural-Collapse.", _FIG2,
        "seen in the plot",
        lambda runs: _each(_select(runs, False, positives="noise"), "equal_inner_product", lambda v: v > OFF_NC),
    ),
    Claim(
        "fig02", "synthetic", "With noise positives the unsupervised deviation grows with hardness.", _FIG2,
        "seen in the plot",
        lambda runs: _increases(_select(runs, False, positives="noise"), "equal_inner_product"),
    ),
    Claim(
        "fig05", "cifar10", "Moderate hardness (5, 10) raises the test accuracy of the supervised case.",
        "Sec. 5.2, Fig. 5", "above SCL in the plot",
        lambda runs: _more_than_plain(_select(runs, True), "test_accuracy", (5, 10)),
    ),
    Claim(
        "fig05", "cifar10", "Moderate hardness (5, 10) raises the test accuracy of the unsupervised case.",
        "Sec. 5.2, Fig. 5", "above UCL in the plot",
        lambda runs: _more_than_plain(_select(runs, False), "test_accuracy", (5, 10)),
    ),
    Claim(
        "fig05", "cifar10", "Any degree of hardness brings the supervised case to Neural-Collapse.", _FIG5, "~ 0",
        lambda runs: _each(_hard(_select(runs, True)), "equal_inner_product", lambda v: v < AT_NC),
    ),
    Claim(
        "fig05", "cifar10", "SCL and UCL do not reach Neural-Collapse.", _FIG5, "> 0",
        lambda runs: _each(
            _select(runs, True, [0]) + _select(runs, False, [0]), "equal_inner_product", lambda v: v > AT_NC
        ),
    ),
    Claim(
        "fig05", "cifar10", "Of the unsupervised settings β = 5 ends closest to Neural-Collapse.", _FIG5, "β = 5",
        lambda runs: _best_is(_select(runs, False), "equal_inner_product", 5),
    ),
    Claim(
        "fig05", "cifar10", "HUCL at β = 30 heavily violates the equal inner-product condition.", _FIG5, "≫ 0",
        lambda runs: _each(_select(runs, False, [30]), "equal_inner_product", lambda v: v > OFF_NC),
    ),
    Claim(
        "fig05", "cifar10", "HUCL at β = 30 moves the centre of the class means off the origin.", _FIG5, "≫ 0",
        lambda runs: _each(_select(runs, False, [30]), "zero_sum", lambda v: v > OFF_NC),
    ),
    Claim(
        "fig05", "cifar10", "The unit-norm metric goes to zero in every setting.", _FIG5, "~ 0",
        lambda runs: _each(runs, "unit_norm", lambda v: v < AT_NC),
    ),
    Claim(
        "fig06", "cifar10", "Without hard negatives SCL and UCL suffer from Dimensional-Collapse (rank below 9).",
        "Sec. B.1, Fig. 6", "a cliff in the plot",
        lambda runs: _each(
            _select(runs, True, [0]) + _select(runs, False, [0]), "rank", lambda v: v < 9, digits=0
        ),
    ),
    Claim(
        "fig06", "cifar10", "Hard negatives mitigate it in the supervised case: the class means have full rank.",
        "Sec. B.1, Fig. 6", "flat in the plot",
        lambda runs: _each(_hard(_select(runs, True)), "rank", lambda v: v == 9, digits=0),
    ),
    Claim(
        "fig06", "cifar10", "Hard negatives mitigate it in the unsupervised case: no value falls off a cliff.",
        "Sec. B.1, Fig. 6", "no cliff in the plot",
        lambda runs: _each(_hard(_select(runs, False)), "rank", lambda v: v == 9, digits=0),
    ),
)  # fmt: skip


def verdicts(figures: Sequence[str], runs: Sequence[Run], profile: str) -> pd.DataFrame:
    """Return the claims of figures with their verdicts, one row a claim.

    Claims about another data set than the runs', and all claims at ``smoke``, are "not run at this scale".

    Args:
        figures: names.
        runs: the runs that test them.
        profile: they were made at.
    """
    datasets = {run.spec.dataset for run in runs}
    rows = []
    for claim in (claim for claim in CLAIMS if claim.figure in figures):
        testable = profile != "smoke" and datasets == {claim.dataset}
        verdict = claim.check(runs) if testable else NOT_RUN
        rows.append(
            {
                "claim": claim.statement, "where": claim.where, "published": claim.published,
                "measured": verdict.measured, "verdict": verdict.status,
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("claim")
