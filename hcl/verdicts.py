"""From settings to verdicts: the parts of a claim, each of which holds, fails or is open, and what they come to."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from scipy.stats import t

from hcl.evidence import DERIVED, Setting
from hcl.limits import LIMITS, Limits
from hcl.report import bound, label

Status = Literal["reproduced", "partly", "not reproduced", "undecided", "not judged", "waiting"]
STATUSES: tuple[Status, ...] = get_args(Status)
# Of a part: what is open is undecided where another seed might turn it, unsettled where more epochs might.
State = Literal["holds", "fails", "undecided", "unsettled", "waiting", "shown"]

NC_METRICS = ("zero_sum", "unit_norm", "equal_inner_product")
# What the numbers of a verdict are called, and how they are written.
_SHOWN = {
    "zero_sum": ("zero-sum", ".3f"),
    "unit_norm": ("unit-norm", ".2g"),
    "equal_inner_product": ("equal inner product", ".3f"),
    "within_class": ("within-class distance", ".3f"),
    "spread": ("within-class distance", ".3f"),
    "rank": ("rank", ".3g"),
    "effective_rank": ("effective rank", ".3g"),
    "clusters": ("clusters", ".3g"),
    "missing_rank": ("missing share of the effective rank", ".2f"),
    "merged": ("merged classes", ".3g"),
    "nearness": ("how much nearer than in an ETF two means are", ".2f"),
    "inside": ("share of features inside the ball", ".2f"),
    "off_sphere": ("1 - mean squared norm", ".3f"),
    "squared_norm": ("mean squared norm", ".3f"),
    "loss": ("loss", ".4f"),
    "test_accuracy": ("test accuracy", ".3f"),
}
MARKS: dict[State, str] = {"fails": " ✗", "undecided": " (?)", "unsettled": " (…)"}


@dataclass(frozen=True)
class Part:
    """A number that a claim rests on.

    Attributes:
        metric: what it is called.
        text: the setting and the number.
        state: whether it agrees with the claim, or why it cannot be told; ``"shown"`` is not judged.
        reason: why it cannot be told, with the number, and what would tell.
    """

    metric: str
    text: str
    state: State
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """What came of a claim.

    Attributes:
        status: reproduced if every part holds, partly if some do and some fail, not reproduced if all fail; where parts
            are open and these could turn it: waiting, not judged or undecided.
        measured: the numbers it rests on, those that speak against the claim marked.
        reason: why it is none of the first three.
    """

    status: Status
    measured: str
    reason: str = ""


WAITING = Verdict("waiting", "–", "its runs are still to be made")


def judge(parts: Iterable[Part], *, enough: Literal["all", "any"] = "all", partial: bool = True) -> Verdict:
    """Return the verdict of a claim's parts; without any to judge it waits for its runs.

    Args:
        parts: of the claim.
        enough: whether all parts must hold, or any one does.
        partial: whether the claim can hold in part; if not, a single part that fails refutes it.
    """
    parts = list(parts)
    states = [part.state for part in parts if part.state != "shown"]
    holds, fails = states.count("holds"), states.count("fails")
    status: Status
    if not states:
        return WAITING
    if enough == "any" and holds:
        status = "reproduced"
        parts = [part if part.state == "holds" else replace(part, state="shown") for part in parts]
    elif fails == len(states) or (fails and not partial):
        status = "not reproduced"
    elif holds == len(states):
        status = "reproduced"
    elif enough == "all" and holds and fails:
        status = "partly"
    else:
        status = "waiting" if "waiting" in states else "not judged" if "unsettled" in states else "undecided"
    open_status = status in ("undecided", "not judged", "waiting")
    reasons = dict.fromkeys(part.reason for part in parts if part.reason and part.state in _OPEN[status])
    return Verdict(status, _written(parts), "; ".join(reasons) if open_status else "")


_OPEN: dict[Status, tuple[State, ...]] = {
    "reproduced": (), "partly": (), "not reproduced": (), "undecided": ("undecided",),
    "not judged": ("unsettled",), "waiting": ("waiting",),
}  # fmt: skip


def _written(parts: Sequence[Part]) -> str:
    groups: dict[str, list[str]] = {}
    for part in parts:
        groups.setdefault(part.metric, []).append(part.text + MARKS.get(part.state, ""))
    return ". ".join(f"{name} – {'; '.join(texts)}" for name, texts in groups.items())


# One comparison, of which all others are made


Terms = Sequence[tuple[float, Setting]]


def compare(terms: Terms, measure: str, limit: float, limits: Limits) -> tuple[State, str]:
    """Return whether a weighted sum of settled values is above a limit, and if that cannot be told, why.

    It cannot where a value has not settled, unless what moves can only make the answer clearer, or so slowly that twice
    the training would not turn it; nor where the sum is as near to the limit as another seed would take it (Student's
    t, 95 %). Where nothing shows what seeds do, the sum must differ from the limit by half of it, where that is zero
    the larger term be twice the smaller, and losses differ by ``loss_close``.

    Args:
        terms: (weight, setting).
        measure: column of a history, or one of `hcl.evidence.DERIVED`.
        limit: to compare with.
        limits: constants.
    """
    if missing := [setting for _, setting in terms if not setting.runs]:
        names = ", ".join(dict.fromkeys(label(setting.spec) for setting in missing))
        return "waiting", f"still to be made: {names}"
    values = [weight * setting.mean(measure) for weight, setting in terms]
    total = math.fsum(values)
    if math.isnan(total):
        return "unsettled", f"{_name(measure)} was not measured in these older records; a new run measures it"
    above = total > limit
    if why := _unsettled(terms, measure, limit, above, limits):
        return "unsettled", why
    margin = _margin(terms, measure, limits)
    if margin is None:
        if measure in _FROM_BOUND:
            margin = limits.loss_close
        else:
            margin = abs(limit) / 2 if limit else min(map(abs, values))
        why = "one seed, and no setting with several to say what seeds do: two more seeds decide"
    else:
        differ = f"other seeds may differ by {margin:.2g}, and it is {abs(total - limit):.2g} off: more seeds decide"
        why = f"{_named(terms)}, {_name(measure)}: {differ}"
    if abs(total - limit) <= margin:
        return "undecided", why
    return ("holds" if above else "fails"), ""


def _unsettled(terms: Terms, measure: str, limit: float, above: bool, limits: Limits) -> str:
    """Return why a sum has not settled, empty where it has or moves away from the limit."""
    moves = [(weight, setting, setting.moved(measure)) for weight, setting in terms]
    total = math.fsum(weight * move for weight, _, move in moves if not math.isnan(move))
    if (total >= 0) == above:
        return ""
    # At its present pace, for as many epochs as are asked for: what would still not turn the answer is told.
    against = math.fsum(abs(w * m) for w, _, m in moves if not math.isnan(m) and (w * m >= 0) != above)
    if limits.longer * against < abs(math.fsum(w * s.mean(measure) for w, s in terms) - limit):
        return ""
    moving = [(w, s, m) for w, s, m in moves if abs(m) > limits.still * _scale(measure, s, limits)]
    if not moving:
        return ""
    # What falls cannot fall below zero: where even that would not turn the answer, it is told.
    if all(move < 0 for _, _, move in moving) and measure not in _FROM_BOUND:
        at_zero = {id(setting) for _, setting, _ in moving}
        if (math.fsum(w * s.mean(measure) for w, s in terms if id(s) not in at_zero) > limit) == above:
            return ""
    _, setting, move = max(moving, key=lambda term: abs(term[2]))
    return (
        f"{label(setting.spec)}: {_name(measure)} still moves, by {move:+.2g} over the last fifth of its evaluations: "
        "more epochs decide"
    )


_FROM_BOUND = ("loss", "plain_loss")  # what counts of them is the distance from their minimum


def _scale(measure: str, setting: Setting, limits: Limits) -> float:
    """Return what the movement of a measure is small against: its value, or what it is usually compared with."""
    if measure in _FROM_BOUND:
        return max(abs(setting.mean(measure) - bound(setting.spec)), limits.loss_reached / LIMITS.still)
    dimensions = setting.spec.num_classes - 1
    usual = {
        **dict.fromkeys(NC_METRICS, limits.near_zero), "within_class": limits.within_class,
        "spread": limits.within_class, "missing_rank": limits.missing_rank, "nearness": limits.nearer,
        **dict.fromkeys(("merged", "clusters"), 10.0), "off_sphere": limits.off_sphere, "inside": 0.5,
        **dict.fromkeys(("effective_rank", "rank"), limits.missing_rank * dimensions), "test_accuracy": 0.1,
    }  # fmt: skip
    return max(abs(setting.mean(measure)), usual.get(measure, 0.0))


def _margin(terms: Terms, measure: str, limits: Limits) -> float | None:
    """Return by how much another seed may change a sum, None where nothing shows what seeds do."""
    column = DERIVED.get(measure, (measure,))[0]
    variance, freedom = 0.0, {}
    for weight, setting in terms:
        known = setting.deviation(measure)
        if known is None or math.isnan(known[0]):
            return None
        variance += weight**2 * known[0] ** 2 / len(setting.runs)
        source = setting if len(setting.runs) > 1 else setting.several
        assert source is not None
        freedom[source.spec] = known[1]
    # Records are written to seven digits: less than that is no difference.
    digits = 1e-6 * max(abs(setting.mean(column)) for _, setting in terms)
    return limits.noise * float(t.ppf(0.975, sum(freedom.values()))) * math.sqrt(variance) + digits


def _named(terms: Terms) -> str:
    return " against ".join(dict.fromkeys(label(setting.spec) for _, setting in terms))


def _name(measure: str) -> str:
    return _SHOWN.get(measure, (measure.replace("_", " "), ""))[0]


def written(setting: Setting, measure: str) -> str:
    """Return a setting's mean and, of several seeds, the sample standard deviation, for people; – without runs."""
    mean = setting.mean(measure)
    if math.isnan(mean):
        return "–"
    form = _SHOWN[measure][1]
    spread = f" ± {setting.spread(measure):{form}}" if len(setting.runs) > 1 else ""
    return f"{mean:{form}}{spread}"


def part(setting: Setting, measure: str, state: State = "shown", reason: str = "", note: str = "") -> Part:
    """Return the part of a claim that a setting's value is."""
    return Part(_name(measure), f"{label(setting.spec)}: {written(setting, measure)}{note}", state, reason)


# Parts of claims


def above(settings: Iterable[Setting], measure: str, limit: float, limits: Limits) -> list[Part]:
    """Return for each setting whether a measure is above a limit."""
    return [part(s, measure, *compare([(1, s)], measure, limit, limits)) for s in settings]


def below(settings: Iterable[Setting], measure: str, limit: float, limits: Limits) -> list[Part]:
    """Return for each setting whether a measure is below a limit."""
    return [part(s, measure, *compare([(-1, s)], measure, -limit, limits)) for s in settings]


def larger(
    settings: Iterable[Setting],
    partner: Callable[[Setting], Setting | None],
    measure: str,
    limits: Limits,
    *,
    by: float = 0.0,
    factor: float = 1.0,
    less: bool = False,
    word: str = "",
) -> list[Part]:
    """Return for each setting that has a partner whether its measure is larger than a multiple of the partner's.

    Args:
        settings: to judge.
        partner: of a setting, or None.
        measure: what is compared.
        limits: constants.
        by: how much larger it has to be.
        factor: of the partner's.
        less: whether it has to be smaller instead.
        word: what the partner is called beside its number; its label if empty.
    """
    sign = -1 if less else 1
    parts = []
    for setting in settings:
        if (other := partner(setting)) is None:
            continue
        state, why = compare([(sign, setting), (-sign * factor, other)], measure, by, limits)
        parts.append(part(setting, measure, state, why, f" ({word or label(other.spec)}: {written(other, measure)})"))
    return parts


def close(
    settings: Iterable[Setting],
    partner: Callable[[Setting], Setting | None],
    measure: str,
    tolerance: float,
    limits: Limits,
    *,
    word: str = "",
) -> list[Part]:
    """Return for each setting that has a partner whether their measures differ by less than a tolerance."""
    parts = []
    for setting in settings:
        if (other := partner(setting)) is None:
            continue
        sign = 1 if not (setting.runs and other.runs) or setting.mean(measure) >= other.mean(measure) else -1
        state, why = compare([(-sign, setting), (sign, other)], measure, -tolerance, limits)
        parts.append(part(setting, measure, state, why, f" ({word or label(other.spec)}: {written(other, measure)})"))
    return parts


def more_than_plain(
    settings: Sequence[Setting], measure: str, limits: Limits, *, by: float = 0.0, less: bool = False
) -> list[Part]:
    """Return whether each setting with hard negatives has more (or less) than the one without."""
    plain = [setting for setting in settings if not setting.spec.hardness]
    if not plain:
        return []
    return [
        part(plain[0], measure),
        *larger(hardened(settings), lambda s: plain[0], measure, limits, by=by, less=less, word="without"),
    ]


def trend(settings: Iterable[Setting], measure: str, rises: bool, limits: Limits, *, slack: float = 0.0) -> list[Part]:
    """Return whether a measure rises (or falls) with hardness: from the first to the last, and at no step back.

    Args:
        settings: of one method, in any order.
        measure: what is followed.
        rises: or falls.
        limits: constants.
        slack: a step back of less than this is none, and what changes by no more over all is no trend.
    """
    ordered = sorted(settings, key=lambda setting: setting.spec.hardness)
    if len(ordered) < 2:
        return []
    sign = 1 if rises else -1
    first, last = ordered[0], ordered[-1]
    over_all, why = compare([(sign, last), (-sign, first)], measure, slack, limits)
    steps = [
        compare([(sign, b), (-sign, a)], measure, -slack, limits) for a, b in zip(ordered, ordered[1:], strict=False)
    ]
    # A step forward that is within the noise is no step back: only what is decidedly back refutes the trend.
    parts = [part(first, measure)]
    for setting, (state, reason) in zip(ordered[1:], steps, strict=True):
        parts.append(part(setting, measure, "shown" if state == "undecided" else state, reason))
    whole = f"from {label(first.spec)} to {label(last.spec)}: {'rises' if rises else 'falls'}"
    return [*parts, Part(_name(measure), whole, over_all, why)]


def least_at(settings: Sequence[Setting], measure: str, hardness: float, limits: Limits) -> list[Part]:
    """Return whether a measure is least at a hardness: that of every other setting is larger."""
    named = [setting for setting in settings if setting.spec.hardness == hardness]
    if not named or len(settings) < 2:
        return []
    others = [setting for setting in settings if setting is not named[0]]
    return [part(named[0], measure), *larger(others, lambda s: named[0], measure, limits, word=f"at {hardness:g}")]


# Neural-Collapse and Dimensional-Collapse


def at_neural_collapse(setting: Setting, limits: Limits, near: float | None = None) -> Part:
    """Return whether a setting is at Neural-Collapse (Definition 6), by everything that makes it.

    The three metrics near zero, every class apart, no two means much nearer than in an ETF, a full spectrum and
    vanishing spread within the classes. An average over pairs passes with classes merged: all are asked for.

    Args:
        setting: to judge.
        limits: constants.
        near: limit of the three metrics; None is ``limits.near_zero``.
    """
    asked = {
        **dict.fromkeys(NC_METRICS, limits.near_zero if near is None else near), "merged": 0.5,
        "nearness": limits.nearer, "missing_rank": limits.missing_rank,
    }  # fmt: skip
    return _all_below(setting, asked, "Neural-Collapse", limits)


def without_dimensional_collapse(setting: Setting, limits: Limits) -> Part:
    """Return whether the class means of a setting span all dimensions: effective rank and clusters (D40, D46)."""
    return _all_below(setting, {"missing_rank": limits.missing_rank, "merged": 0.5}, "Dimensional-Collapse", limits)


_STRONGEST: Sequence[State] = ("waiting", "fails", "unsettled", "undecided", "holds")  # of states that must all hold


def both(first: Part, second: Part) -> Part:
    """Return the first part as one that holds only where the second does too."""
    decisive = min((first, second), key=lambda part: _STRONGEST.index(part.state))
    return replace(first, state=decisive.state, reason=decisive.reason)


def off(at: Part) -> Part:
    """Return the part of the contrary statement: what holds fails, what fails holds, what is open stays so."""
    contrary: dict[State, State] = {"holds": "fails", "fails": "holds"}
    return replace(at, state=contrary.get(at.state, at.state))


def _all_below(setting: Setting, asked: dict[str, float], name: str, limits: Limits) -> Part:
    """Return whether measures of a setting whose images are fitted are all below their limits.

    A network that has not fitted the images of a class shows no collapse, of any kind. What tells is the spread within
    the classes: the training accuracy is lowered by merged classes too, which are a collapse.
    """
    fitted, why_not = compare([(-1, setting)], "spread", -limits.within_class, limits)
    if fitted == "fails":
        fitted = "unsettled"
        why_not = f"{label(setting.spec)} has not fitted its images: within-class distance {written(setting, 'spread')}"
    results = [compare([(-1, setting)], measure, -limit, limits) for measure, limit in asked.items()]
    state = min((state for state, _ in results), key=_STRONGEST.index)
    reason = "; ".join(dict.fromkeys(why for s, why in results if s == state and why))
    if setting.spec.positives != "label":  # nothing pulls the classes together but the data: no fit to wait for
        state = "fails" if fitted == "unsettled" and state == "holds" else state
    elif fitted not in ("holds", "waiting"):
        state, reason = fitted, why_not
    return Part(name, f"{label(setting.spec)}: {_summary(setting)}", state, reason)


def _summary(setting: Setting) -> str:
    if not setting.runs:
        return "–"
    full = setting.spec.num_classes
    clusters, rank, within = (f"{setting.mean(name):.3g}" for name in ("clusters", "effective_rank", "spread"))
    return (
        f"equal inner product {written(setting, 'equal_inner_product')}, {clusters} clusters of {full}, effective rank "
        f"{rank} of {full - 1}, within-class distance {within}"
    )


# Settings and partners


def hardened(settings: Sequence[Setting]) -> list[Setting]:
    """Return the settings with hard negatives."""
    return [setting for setting in settings if setting.spec.hardness]


def alike(others: Sequence[Setting], **changes: Any) -> Callable[[Setting], Setting | None]:
    """Return the partner of a setting among others: that of the same spec but for the changes and the seed."""
    by_spec = {replace(other.spec, seed=0): other for other in others}
    return lambda setting: by_spec.get(replace(setting.spec, seed=0, **changes))


def only(others: Sequence[Setting]) -> Callable[[Setting], Setting | None]:
    """Return the first of others as everyone's partner; None if there are none."""
    return lambda setting: next(iter(others), None)
