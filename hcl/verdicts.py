"""From run records to verdicts: settings averaged over seeds, the parts of a claim, and what they come to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any, Literal, get_args

from hcl.report import label
from hcl.runs import Run
from hcl.spec import RunSpec

Status = Literal["reproduced", "partly", "not reproduced", "not run at this scale"]
STATUSES: tuple[Status, ...] = get_args(Status)

AT_NC = 0.05  # an NC metric below this is "near zero": a tenth and less of what its own figure's worst curve shows
OFF_NC = 0.1  # and above this "not zero"; below it Neural-Collapse is "nearly" reached
LOSS_TOLERANCE = 1e-3
NO_DC = 0.95  # of C - 1: the rank from which Dimensional-Collapse is at most negligible

NC = "nc"
NC_METRICS = ("zero_sum", "unit_norm", "equal_inner_product")
# What the numbers of a verdict are called, and how they are written.
_SHOWN = {
    NC: ("largest NC metric", ".3f"),
    "zero_sum": ("zero-sum", ".3f"),
    "unit_norm": ("unit-norm", ".2g"),
    "equal_inner_product": ("equal inner product", ".3f"),
    "rank": ("rank", ".3g"),
    "effective_rank": ("effective rank", ".3g"),
    "loss": ("loss", ".4f"),
    "test_accuracy": ("test accuracy", ".3f"),
}
_CROSS = " ✗"


@dataclass(frozen=True)
class Verdict:
    """What came of a claim.

    Attributes:
        status: reproduced if every part holds, partly if some do, not reproduced if none does.
        measured: the numbers it rests on, those that speak against the claim marked.
    """

    status: Status
    measured: str

    def untested(self, reason: str) -> "Verdict":
        """Return the same numbers, unmarked and with the reason why they do not test the claim."""
        if self == NOT_RUN:
            return self
        return Verdict(NOT_RUN.status, f"{self.measured.replace(_CROSS, '')} ({reason})")


NOT_RUN = Verdict("not run at this scale", "–")


@dataclass(frozen=True)
class Setting:
    """The runs of one setting, which differ in their seed only.

    Attributes:
        spec: of the first.
        runs: one a seed.
    """

    spec: RunSpec
    runs: tuple[Run, ...]

    def values(self, metric: str) -> list[float]:
        """Return a settled metric (D45), one value a seed; ``"nc"`` is the largest of the three NC metrics."""
        if metric == NC:
            return [float(run.settled[list(NC_METRICS)].max()) for run in self.runs]
        return [float(run.settled[metric]) for run in self.runs]

    def mean(self, metric: str) -> float:
        """Return the mean over the seeds."""
        return fmean(self.values(metric))

    def spread(self, metric: str) -> float:
        """Return the sample standard deviation over the seeds, 0 of one seed."""
        values = self.values(metric)
        return stdev(values) if len(values) > 1 else 0.0

    def written(self, metric: str) -> str:
        """Return the mean and, of several seeds, the sample standard deviation, for people."""
        form = _SHOWN[metric][1]
        spread = f" ± {self.spread(metric):{form}}" if len(self.runs) > 1 else ""
        return f"{self.mean(metric):{form}}{spread}"


@dataclass(frozen=True)
class Part:
    """A number that a claim rests on.

    Attributes:
        metric: its name.
        text: the setting and the number.
        holds: whether it agrees with the claim; None is not judged, only shown.
    """

    metric: str
    text: str
    holds: bool | None


def judge(parts: Iterable[Part]) -> Verdict:
    """Return the verdict of a claim's parts, all of one metric; without any to judge, it was not run."""
    parts = list(parts)
    holds = [part.holds for part in parts if part.holds is not None]
    if not holds:
        return NOT_RUN
    status: Status = "reproduced" if all(holds) else "partly" if any(holds) else "not reproduced"
    numbers = "; ".join(part.text + (_CROSS if part.holds is False else "") for part in parts)
    return Verdict(status, f"{_SHOWN[parts[0].metric][0]} – {numbers}")


def select(runs: Sequence[Run], **wanted: Any) -> list[Setting]:
    """Return the settings whose spec has the wanted values, a tuple being any of them, in the order of the runs."""
    grouped: dict[RunSpec, list[Run]] = {}
    for run in runs:
        if all(
            getattr(run.spec, name) in (value if isinstance(value, tuple) else (value,))
            for name, value in wanted.items()
        ):
            grouped.setdefault(replace(run.spec, seed=0), []).append(run)
    return [Setting(group[0].spec, tuple(group)) for group in grouped.values()]


def hardened(settings: Sequence[Setting]) -> list[Setting]:
    """Return the settings with hard negatives."""
    return [setting for setting in settings if setting.spec.hardness]


def below(limit: float) -> Callable[[float], bool]:
    """Return whether a number is below a limit."""
    return lambda value: value < limit


def above(limit: float) -> Callable[[float], bool]:
    """Return whether a number is above a limit."""
    return lambda value: value > limit


def within(target: float, tolerance: float) -> Callable[[float], bool]:
    """Return whether a number is nearer to a target than a tolerance."""
    return lambda value: abs(value - target) < tolerance


def _part(setting: Setting, metric: str, holds: bool | None, note: str = "") -> Part:
    return Part(metric, f"{label(setting.spec)}: {setting.written(metric)}{note}", holds)


def each(settings: Iterable[Setting], metric: str, holds: Callable[[float], bool]) -> list[Part]:
    """Return a part a setting, judged by its mean alone."""
    return [_part(setting, metric, holds(setting.mean(metric))) for setting in settings]


def some(parts: Sequence[Part]) -> list[Part]:
    """Return the parts of a claim that one of them is enough for: where one holds, the others are only shown."""
    enough = any(part.holds for part in parts)
    return [replace(part, holds=part.holds or (None if enough else part.holds)) for part in parts]


def more_than_plain(settings: Sequence[Setting], metric: str, gain: float = 0.0) -> list[Part]:
    """Return whether each setting with hard negatives has more than the one without, by more than a gain."""
    plain = next((setting for setting in settings if not setting.spec.hardness), None)
    if plain is None:
        return []
    least = plain.mean(metric) + gain
    return [_part(plain, metric, None), *each(hardened(settings), metric, above(least))]


def trend(settings: Iterable[Setting], metric: str, rises: bool, slack: float = 0.0) -> list[Part]:
    """Return whether a metric rises (or falls) with hardness: at every step, and from the first to the last.

    Args:
        settings: of one method, by any order.
        metric: name.
        rises: or falls.
        slack: steps back of less than this are none, and what changes by no more than this over all has no trend.
    """
    ordered = sorted(settings, key=lambda setting: setting.spec.hardness)
    if len(ordered) < 2:
        return []
    values = [setting.mean(metric) * (1 if rises else -1) for setting in ordered]
    if values[-1] - values[0] <= slack:
        return [_part(s, metric, False if s is ordered[-1] else None) for s in ordered]
    steps = [None, *(b - a > -slack for a, b in zip(values, values[1:], strict=False))]
    return [_part(setting, metric, ok) for setting, ok in zip(ordered, steps, strict=True)]


def least_at(settings: Sequence[Setting], metric: str, hardness: float) -> list[Part]:
    """Return whether a metric is least at a hardness; nothing if that or all others were not run.

    Settings whose means differ from the least by less than a standard deviation over seeds are least with it: with the
    named one among several of these the claim holds in part.
    """
    if len(settings) < 2 or hardness not in [setting.spec.hardness for setting in settings]:
        return []
    least = min(settings, key=lambda setting: setting.mean(metric))

    def tied(setting: Setting) -> bool:
        apart = setting.mean(metric) - least.mean(metric)
        return setting is least or apart < max(setting.spread(metric), least.spread(metric))

    return [_part(s, metric, s.spec.hardness == hardness if tied(s) else None) for s in settings]


def against(
    settings: Iterable[Setting],
    partner: Callable[[Setting], Setting | None],
    metric: str,
    holds: Callable[[float, float], bool],
    word: str,
) -> list[Part]:
    """Return a part a setting that has a partner, judged by the means of both.

    Args:
        settings: to judge.
        partner: of a setting, or None.
        metric: name.
        holds: of (number, partner's number).
        word: what the partner is called beside its number.
    """
    pairs = [(setting, other) for setting in settings if (other := partner(setting)) is not None]
    return [_part(a, metric, holds(a.mean(metric), b.mean(metric)), f" ({word} {b.written(metric)})") for a, b in pairs]


def alike(others: Sequence[Setting], **changes: Any) -> Callable[[Setting], Setting | None]:
    """Return the partner of a setting among others: that of the same spec but for the changes and the seed."""
    by_spec = {replace(other.spec, seed=0): other for other in others}
    return lambda setting: by_spec.get(replace(setting.spec, seed=0, **changes))


def only(others: Sequence[Setting]) -> Callable[[Setting], Setting | None]:
    """Return the first of others as everyone's partner; None if there are none."""
    return lambda setting: next(iter(others), None)
