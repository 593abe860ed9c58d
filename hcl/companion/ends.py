"""Where training ends, in words: class means that merge, dimensions in use, and which settings these are."""

from collections.abc import Sequence

from hcl.companion.course import when
from hcl.companion.evidence import Setting
from hcl.companion.labels import hardness_label, label
from hcl.companion.limits import LIMITS
from hcl.companion.verdicts import NC_METRICS

AS_REPORTED = ", as the paper reports"
# What the paper's Definition 6 asks for, and the verdicts with it; a measure that an old record lacks is left out.
_ASKED = {
    "merged": 0.5, "missing_rank": LIMITS.missing_rank, **dict.fromkeys(NC_METRICS, LIMITS.near_zero),
    "nearness": LIMITS.nearer,
}  # fmt: skip


def fitted(setting: Setting) -> bool:
    """Return whether the images of a class are drawn together, where their labels are what pairs them (not in D15)."""
    return setting.spec.positives != "label" or not setting.mean("spread") > LIMITS.within_class


def all_dimensions(setting: Setting) -> bool:
    """Return whether every class mean is apart and the effective rank near C - 1."""
    return not any(setting.mean(name) > _ASKED[name] for name in ("merged", "missing_rank"))


def at_neural_collapse(setting: Setting) -> bool:
    """Return whether means over seeds are at Neural-Collapse, whatever other seeds and more epochs would make of it."""
    return fitted(setting) and not any(setting.mean(name) > limit for name, limit in _ASKED.items())


def on_the_way(setting: Setting) -> str:
    """Return the epochs at which runs that do not end at Neural-Collapse were there, as `hcl.companion.course.when`."""
    left = tuple(run for run in setting.runs if not at_neural_collapse(Setting(setting.spec, (run,))))
    return when(Setting(setting.spec, left), _ASKED | {"spread": LIMITS.within_class})


def named(settings: Sequence[Setting]) -> str:
    """Return settings of one family by their hardness, ``"β = 5 and 10"``."""
    values = [hardness_label(setting.spec) for setting in settings]
    return values[0][:4] + listed([value[4:] for value in values]) if values else ""


def methods(settings: Sequence[Setting]) -> str:
    """Return settings of several methods, ``"SCL and HSCL at β = 5 and 10"``, those of a method together."""
    by_method: dict[str, list[Setting]] = {}
    for setting in settings:
        by_method.setdefault(setting.spec.method, []).append(setting)
    return listed(
        [method if method == label(of[0].spec) else f"{method} at {named(of)}" for method, of in by_method.items()]
    )


def listed(items: Sequence[str]) -> str:
    """Return ``"a, b and c"``."""
    return ", ".join(items[:-1]) + (" and " if len(items) > 1 else "") + items[-1] if items else ""


def whole(values: Sequence[float]) -> str:
    """Return numbers as whole ones: ``"7"``, of two both, of more the least and the largest."""
    rounded = [f"{value:.0f}" for value in (values if len(values) < 3 else [min(values), max(values)])]
    return (" and " if len(values) < 3 else " to ").join(dict.fromkeys(rounded))


def span(values: Sequence[float], digits: int = 3) -> str:
    """Return numbers from the least to the largest, ``"0.040 to 0.227"``; one where they are written alike."""
    return " to ".join(dict.fromkeys(f"{value:.{digits}f}" for value in (min(values), max(values))))


def dimensions(settings: Sequence[Setting]) -> str:
    """Return how many dimensions class means use, ``"about 6 of 99 dimensions"``."""
    full = settings[0].spec.num_classes - 1
    return f"about {whole([setting.mean('effective_rank') for setting in settings])} of {full} dimensions"


def place(setting: Setting) -> str:
    """Return where the class means of a setting end, as what follows "they"."""
    classes = setting.spec.num_classes
    merged = setting.mean("merged")
    if merged > 0.5:
        clusters = whole([setting.mean("clusters")])
        return f"end in {clusters} cluster{'s' * (clusters != '1')} and use {dimensions([setting])}"
    apart = "" if merged != merged else f"are all {classes} apart and "
    return f"{apart}use {dimensions([setting])}"


def short_of(settings: Sequence[Setting]) -> str:
    """Return what keeps settings from Neural-Collapse, as what follows "but": what all of them lack, else the first.

    Args:
        settings: that are not there, nearest first.
    """
    lacking = {name: [s for s in settings if s.mean(name) > limit] for name, limit in _ASKED.items()}
    order = ("missing_rank", "merged", "equal_inner_product", "zero_sum", "nearness", "unit_norm")
    common = [name for name in order if len(lacking[name]) == len(settings)]
    reason = next(iter(common), next(name for name in order if settings[0] in lacking[name]))
    of = lacking[reason]
    words = {
        "missing_rank": f"only {dimensions(of)} are in use",
        "merged": f"only {whole([s.mean('clusters') for s in of])} of {of[0].spec.num_classes} classes are apart",
        "equal_inner_product": f"angles are unequal (metric {span([s.mean('equal_inner_product') for s in of], 2)})",
        "zero_sum": f"the class means are not centred (metric {span([s.mean('zero_sum') for s in of], 2)})",
        "nearness": "some class means are too near each other",
        "unit_norm": "some class means lie inside the ball",
    }
    return words[reason]
