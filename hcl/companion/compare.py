"""One comparison, of which all others are made: whether a sum of settled values is above a limit, or cannot be told."""

import math
from collections.abc import Sequence

from scipy.special import stdtrit

from hcl.companion.evidence import DERIVED, Setting
from hcl.companion.labels import bound, label
from hcl.companion.limits import LIMITS, Limits
from hcl.companion.numbers import plus_minus
from hcl.companion.verdicts import NC_METRICS, Part, State

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
    "linear_probe_backbone": ("linear-probe accuracy", ".3f"),
    "knn_backbone": ("nearest-neighbour accuracy", ".3f"),
}

Terms = Sequence[tuple[float, Setting]]


def compare(terms: Terms, measure: str, limit: float, limits: Limits) -> tuple[State, str]:
    """Return whether a weighted sum of settled values is above a limit, and if that cannot be told, why.

    It cannot where a value has not settled, unless what moves can only make the answer clearer, or so slowly that twice
    the training would not turn it; nor where the sum is as near to the limit as another seed would take it (Student's
    t, 95 %). Where nothing shows what seeds do, the sum must differ from the limit by half of it, where that is zero
    the larger term be twice the smaller, and losses differ by ``loss_close``.

    Args:
        terms: (weight, setting).
        measure: column of a history, or one of `hcl.companion.evidence.DERIVED`.
        limit: to compare with.
        limits: constants.
    """
    if missing := [setting for _, setting in terms if not setting.runs]:
        names = ", ".join(dict.fromkeys(label(setting.spec) for setting in missing))
        return "waiting", f"still to be made: {names}"
    values = [weight * setting.mean(measure) for weight, setting in terms]
    total = math.fsum(values)
    if math.isnan(total):
        return "unsettled", f"{name_of(measure)} was not measured in these older records; a new run measures it"
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
        why = f"{_named(terms)}, {name_of(measure)}: {differ}"
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
    moving = [(w, s, m) for w, s, m in moves if abs(m) > limits.still * _size(measure, s, limits)]
    if not moving:
        return ""
    # What falls cannot fall below zero: where even that would not turn the answer, it is told.
    if all(move < 0 for _, _, move in moving) and measure not in _FROM_BOUND:
        at_zero = {id(setting) for _, setting, _ in moving}
        if (math.fsum(w * s.mean(measure) for w, s in terms if id(s) not in at_zero) > limit) == above:
            return ""
    _, setting, move = max(moving, key=lambda term: abs(term[2]))
    return (
        f"{label(setting.spec)}: {name_of(measure)} still moves, by {move:+.2g} over the last fifth of its "
        "evaluations: more epochs decide"
    )


_FROM_BOUND = ("loss", "plain_loss")  # what counts of them is the distance from their minimum


def _size(measure: str, setting: Setting, limits: Limits) -> float:
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
    return limits.noise * float(stdtrit(sum(freedom.values()), 0.975)) * math.sqrt(variance) + digits


def _named(terms: Terms) -> str:
    return " against ".join(dict.fromkeys(label(setting.spec) for _, setting in terms))


def name_of(measure: str) -> str:
    """Return what a measure is called for people."""
    return _SHOWN.get(measure, (measure.replace("_", " "), ""))[0]


def written(setting: Setting, measure: str) -> str:
    """Return a setting's mean and, of several seeds, the sample standard deviation, for people; – without runs."""
    spread = setting.spread(measure) if len(setting.runs) > 1 else math.nan
    return plus_minus(setting.mean(measure), spread, _SHOWN.get(measure, ("", ""))[1])


def part(setting: Setting, measure: str, state: State = "shown", reason: str = "", note: str = "") -> Part:
    """Return the part of a claim that a setting's value is."""
    return Part(name_of(measure), f"{label(setting.spec)}: {written(setting, measure)}{note}", state, reason)
