"""The claims of "Supervised Contrastive Learning with Hard Negative Samples" (H-SCL, arXiv 2209.00078), in our words.

Its text as this project has it lost formulas and numbers: statements are those of its summary and captions, or derived
from them (`hcl.anchors`), and nothing is compared with a published number. Its graph benchmarks are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hcl.companion import hscl, statements
from hcl.companion.claims.parts import Check, Claim
from hcl.companion.evidence import Evidence, Setting
from hcl.companion.labels import label
from hcl.companion.verdicts import Part, Verdict, holds, judge
from hcl.training.hscl import CASES

Row = Any  # of a history

_WORDS: Mapping[str, str] = dict(zip(CASES, hscl.HARDENINGS, strict=True))
MEASURES: Mapping[str, tuple[str, str]] = {
    "test_accuracy": ("mean", "a mean classifier"),
    "linear_probe_backbone": ("probe", "a linear probe"),
    "knn_backbone": ("neighbours", "200 nearest neighbours"),
}  # what Figure 1's accuracy is measured by: names, and words


# Statements, computed


def _measure(_: Evidence) -> Verdict:
    worst = hscl.change_of_measure()
    return judge([holds("largest difference", f"500 random laws: {worst:.0e}", worst < hscl.ROUNDING)])


def _mixture(_: Evidence) -> Verdict:
    rows: Any = hscl.statements()
    return judge(
        holds("largest difference in E[e^g]", f"{name}: {row['mixture']:.0e}", row["mixture"] < hscl.ROUNDING)
        for name, row in rows.iterrows()
    )


def _equivalent(one: str, other: str, apart: str) -> Check:
    """Return whether two statements hold at the same anchors, of which some satisfy them and some do not."""

    def check(_: Evidence) -> Verdict:
        rows: Any = hscl.statements()
        return judge(
            holds(
                "anchors at which both hold",
                f"{name}: {row[one]:.0f} of {row['anchors']:.0f}, only one at {row[apart]:.0f}",
                row[apart] == 0 and row[one] == row[other] and 0 < row[one] < row["anchors"],
            )
            for name, row in rows.iterrows()
        )

    return check


def _in_order(_: Evidence) -> Verdict:
    rows: Any = hscl.losses()
    return judge(
        holds(
            "populations with the assumption at every anchor",
            f"{name}: {row['all']}, in order in {row['all, in order']}", 0 < row["all"] == row["all, in order"],
        )
        for name, row in rows.iterrows()
    )  # fmt: skip


def _high(_: Evidence) -> Verdict:
    rows: Any = hscl.statements()
    return judge(
        holds(
            "anchors with such a threshold",
            f"{name}: {row['high']:.0f}, H-SCL below UCL at {row['high, not above']:.0f}",
            row["high"] > 0 and row["high, not above"] == 0,
        )
        for name, row in rows.iterrows()
        if name.startswith("τ")
    )


# Runs


def _at_every_epoch(metric: str, value: Callable[[Row, str], float], limit: float) -> Check:
    """Return whether a value is above a limit at every evaluation after epoch 0, for each hardening function."""

    def part(setting: Setting, case: str) -> Part:
        if not setting.runs:
            return Part(metric, f"{_WORDS[case]}: –", "waiting", f"still to be made: {label(setting.spec)}")
        found = [[value(row, case) for _, row in _trained(run).iterrows()] for run in setting.runs]
        every = [one for of_run in found for one in of_run]
        last, above = sum(of_run[-1] for of_run in found) / len(found), sum(one > limit for one in every)
        text = f"{_WORDS[case]}: {last:.3f} at the end, at least {min(every):.3f}"
        return holds(metric, text + (f", above {limit:g} at {above} of {len(every)}" * (above < len(every))),
                      above == len(every))  # fmt: skip

    return lambda e: judge(part(setting, case) for setting in e.select(supervised=False) for case in CASES)


def _trained(run: Any) -> Any:
    return run.evaluated[run.evaluated["epoch"] > 0]


def _epochs(figure: str) -> list[Claim]:
    return [
        Claim(
            f"{figure}-assumption", figure,
            "Assumption 1 is satisfied: at more than half of the anchors, at the end of every epoch.",
            "Figure 4", "verified",
            _at_every_epoch("share of anchors", lambda row, case: float(row[f"assumption_{case}"]), 0.5),
        ),
        Claim(
            f"{figure}-upper", figure, "The H-SCL loss is at most the H-UCL loss, at the end of every epoch.",
            "Figure 5; abstract", "verified",
            _at_every_epoch(
                "H-UCL less H-SCL", lambda row, case: float(row[f"hucl_{case}"] - row[f"hscl_{case}"]), 0
            ),
        ),
        Claim(
            f"{figure}-lower", figure,
            "It is plausible that UCL bounds the H-SCL loss from below: so it does at the end of every epoch.",
            "abstract; Figure 5", "a plausible scenario",
            _at_every_epoch("H-SCL less UCL", lambda row, case: float(row[f"hscl_{case}"] - row["ucl"]), 0),
        ),
    ]  # fmt: skip


def _larger_than_each(best: Sequence[Setting], others: Sequence[Setting], measure: str, e: Evidence) -> Verdict:
    return judge(
        part
        for other in others
        for part in statements.larger(best, statements.only([other]), measure, e.limits)
    )  # fmt: skip


def _outperforms(measure: str) -> Check:
    """Return whether H-SCL has a higher accuracy than each of the other three."""

    def check(e: Evidence) -> Verdict:
        best = e.select(supervised=True, hardness=1.0)
        return _larger_than_each(best, [s for s in e.settings if s not in best], measure, e)

    return check


def _thresholds_outperform(e: Evidence) -> Verdict:
    """Return whether H-SCL has a higher accuracy than H-UCL, and than what has no hard negatives, beside."""
    plain = e.beside.select(hardness=0.0) if e.beside else []
    others = [*e.select(supervised=False), *plain]
    return _larger_than_each(e.select(supervised=True), others, "linear_probe_backbone", e)


def _strongest(e: Evidence) -> Verdict:
    tilted = e.beside.select(supervised=True, hardness=1.0) if e.beside else []
    own = e.select(supervised=True)
    return judge(statements.larger(own, statements.only(tilted), "linear_probe_backbone", e.limits, less=True))


def _accuracy(suffix: str) -> list[Claim]:
    figure, thresholds = f"hscl_accuracy{suffix}", f"hscl_threshold{suffix}"
    gains, where = "significant gains", "abstract; Figure 1"
    return [
        *(
            Claim(
                f"{figure}-{name}", figure,
                f"H-SCL (β = 1) outperforms UCL, H-UCL and SCL in the test accuracy of {words}.", where, gains,
                _outperforms(measure),
            )
            for measure, (name, words) in MEASURES.items()
        ),
        Claim(
            f"{thresholds}-gain", thresholds,
            "With threshold hardening too H-SCL outperforms UCL, H-UCL and SCL (linear probe).", where, gains,
            _thresholds_outperform, beside=figure,
        ),
        Claim(
            f"{thresholds}-strongest", thresholds,
            "Of the two hardening functions the exponential one gives H-SCL the stronger gain (linear probe).",
            "summary", "often", _strongest, beside=figure,
        ),
    ]  # fmt: skip


def _computed(name: str, statement: str, where: str, published: str, check: Check) -> Claim:
    return Claim(f"hscl-{name}", "hscl", statement, where, published, check, on="computed")


_DERIVED = "lost in our text; derived"

HSCL: tuple[Claim, ...] = (
    _computed(
        "measure",
        "Change of measure: a mean over hardened negatives is a weighted mean over all negatives, divided by the mean "
        "weight.", "Proposition 1", "proved", _measure,
    ),
    _computed(
        "mixture", "H-UCL's negatives are a mixture: with probability w hard collisions, otherwise those of H-SCL.",
        "Figure 3", _DERIVED, _mixture,
    ),
    _computed(
        "upper",
        "An anchor's term of the H-SCL loss is at most that of the H-UCL loss if and only if Assumption 1 holds there "
        "(k to infinity).", "Assumption 1", _DERIVED, _equivalent("assumption", "term", "apart"),
    ),
    _computed(
        "loss", "Under Assumption 1 the H-SCL loss is at most the H-UCL loss (k to infinity).", "abstract", "proved",
        _in_order,
    ),
    _computed(
        "lower",
        "An anchor's term of the H-SCL loss is at least that of the UCL loss if and only if its hard negatives of "
        "other classes are, in the mean of e^g, at least as near as all negatives.", "abstract", _DERIVED,
        _equivalent("above", "term above", "apart above"),
    ),
    _computed(
        "threshold", "For that, a threshold of at least the mean of e^g over all negatives suffices.", "abstract",
        _DERIVED, _high,
    ),
    *_epochs("hscl_epochs"),
    *_epochs("hscl_epochs_cifar10"),
    *_accuracy(""),
    *_accuracy("_cifar10"),
)  # fmt: skip
