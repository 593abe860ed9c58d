"""What claims say of settings: above a limit, larger than another, rising with hardness, at Neural-Collapse."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hcl.companion.compare import compare, name_of, part, written
from hcl.companion.course import when
from hcl.companion.evidence import Setting
from hcl.companion.labels import label
from hcl.companion.limits import Limits
from hcl.companion.verdicts import NC_METRICS, STRONGEST, Part, off


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
    steps = [compare([(sign, b), (-sign, a)], measure, -slack, limits) for a, b in pairwise(ordered)]
    # A step forward that is within the noise is no step back: only what is decidedly back refutes the trend.
    parts = [part(first, measure)]
    for setting, (state, reason) in zip(ordered[1:], steps, strict=True):
        parts.append(part(setting, measure, "shown" if state == "undecided" else state, reason))
    whole = f"from {label(first.spec)} to {label(last.spec)}: {'rises' if rises else 'falls'}"
    return [*parts, Part(name_of(measure), whole, over_all, why)]


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
    return _all_below(setting, _neural_collapse(limits, near), "Neural-Collapse", limits)


def without_dimensional_collapse(setting: Setting, limits: Limits) -> Part:
    """Return whether the class means of a setting span all dimensions: effective rank and clusters (D40, D46)."""
    return _all_below(setting, _all_dimensions(limits), "Dimensional-Collapse", limits)


def never_at_neural_collapse(setting: Setting, limits: Limits) -> Part:
    """Return whether a setting does not reach Neural-Collapse: open where it was there on its way and left it."""
    return _never(at_neural_collapse(setting, limits), setting, _neural_collapse(limits), limits)


def with_dimensional_collapse(setting: Setting, limits: Limits) -> Part:
    """Return whether a setting suffers from Dimensional-Collapse: open where it was free of it and became not."""
    return _never(without_dimensional_collapse(setting, limits), setting, _all_dimensions(limits), limits)


def _neural_collapse(limits: Limits, near: float | None = None) -> dict[str, float]:
    metrics = dict.fromkeys(NC_METRICS, limits.near_zero if near is None else near)
    return {**metrics, "merged": 0.5, "nearness": limits.nearer, "missing_rank": limits.missing_rank}


def _all_dimensions(limits: Limits) -> dict[str, float]:
    return {"missing_rank": limits.missing_rank, "merged": 0.5}


def _never(end: Part, setting: Setting, asked: dict[str, float], limits: Limits) -> Part:
    """Return the contrary of where a setting ends, undecided where it was there at an epoch of its course."""
    contrary = off(end)
    if contrary.state != "holds" or not (epochs := when(setting, asked | {"spread": limits.within_class})):
        return contrary
    name = "at Neural-Collapse" if end.metric == "Neural-Collapse" else "free of Dimensional-Collapse"
    why = f"{label(setting.spec)} was {name} {epochs} and left it: more seeds, and an optimiser that stays, decide"
    return replace(contrary, text=f"{contrary.text}, {name} {epochs}", state="undecided", reason=why)


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
    state = min((state for state, _ in results), key=STRONGEST.index)
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
