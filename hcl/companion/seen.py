"""What is seen in a figure, in two sentences computed from its runs, beside what the paper reports."""

from collections.abc import Callable, Mapping, Sequence

from hcl.companion import published, seen_tables
from hcl.companion.closest import closest
from hcl.companion.ends import (
    AS_REPORTED,
    all_dimensions,
    at_neural_collapse,
    dimensions,
    fitted,
    listed,
    methods,
    named,
    on_the_way,
    place,
    short_of,
    span,
    whole,
)
from hcl.companion.evidence import Setting, select
from hcl.companion.labels import label
from hcl.companion.limits import LIMITS
from hcl.companion.registry import ROWS, row_of
from hcl.training.runs import Run

Reported = tuple[float, ...] | str
Reference = Callable[[Run], Sequence[Run]]
Template = Callable[[str, Sequence[Run], Reference], str]


def seen(figure: str, runs: Sequence[Run], reference: Reference = lambda run: ()) -> str:
    """Return in two sentences what the runs of a figure show, and whether the paper reports the same.

    Args:
        figure: name.
        runs: of it, as far as there are any.
        reference: from a run to those whose seeds say what seeds do where it has a single one.
    """
    if not runs:
        return "No run of this figure is recorded yet."
    return _KINDS.get(figure, _metrics)(figure, runs, reference)


# Accuracy and metrics: Figures 3, 5 and 7 to 11


def _metrics(figure: str, runs: Sequence[Run], reference: Reference) -> str:
    settings = select(runs)
    if not any(map(fitted, settings)):
        return _too_short(figure, settings)
    said = []
    reported: tuple[Reported | None, ...] = published.REACHED.get(figure, (None, None))
    for supervised, of_paper in zip((True, False), reported, strict=True):
        mine = [run for run in runs if run.spec.supervised == supervised]
        if not mine:
            continue
        told = [run for setting in select(mine) if fitted(setting) for run in setting.runs]
        table = closest(told, reference(told[0])) if told else None
        nearest = [] if table is None else list(table.index[table["closest"]])
        said.append(case(select(mine), nearest, of_paper))
    return " ".join(said)


def _too_short(figure: str, settings: Sequence[Setting]) -> str:
    """Return what runs show whose images are not fitted: nothing of the claims."""
    spread = span([setting.mean("spread") for setting in settings], 2)
    said = (
        f"These runs are too short to tell: features end {spread} from the mean of their class, where "
        f"{LIMITS.within_class:g} counts as fitted and Neural-Collapse has 0."
    )
    reported = published.REACHED.get(figure)
    if reported is None:
        return said
    cases = [f"{_where(of)} {name}" for name, of in zip(("supervised", "unsupervised"), reported, strict=True)]
    return f"{said} The paper reports Neural-Collapse {listed(cases)}."


def case(settings: Sequence[Setting], nearest: Sequence[str], reported: Reported | None) -> str:
    """Return where the supervised or the unsupervised settings of a figure end, in a sentence.

    Args:
        settings: of one method, plain and hardened.
        nearest: labels of those that `hcl.companion.closest.closest` tells from none nearer to Neural-Collapse.
        reported: where the paper has Neural-Collapse; None is unknown.
    """
    start = "Supervised" if settings[0].spec.supervised else "Unsupervised"
    told = [setting for setting in settings if fitted(setting)]
    plain = next((setting for setting in told if not setting.spec.hardness), None)
    hard = [setting for setting in told if setting.spec.hardness]
    there = [setting for setting in hard if at_neural_collapse(setting)]
    parts = []
    if plain is not None:
        where = "are at Neural-Collapse" if at_neural_collapse(plain) else place(plain)
        was = on_the_way(plain)
        after = f", after Neural-Collapse {was}" if was else ""
        parts.append(f"the {plain.spec.num_classes} class means {where} without hard negatives{after}")
    if there:
        they = "the class means" if plain is None else "they"
        parts.append(f"at {named(there)} {they} reach Neural-Collapse, with {dimensions(there)} in use")
    elif hard:
        parts.append(_nearest(hard, plain, nearest))
    unfitted = [setting for setting in settings if not fitted(setting)]
    if unfitted:
        hardened = named([setting for setting in unfitted if setting.spec.hardness])
        which = ["without hard negatives" for setting in unfitted if not setting.spec.hardness]
        parts.append(f"the images are not fitted {listed([*which, *([f'at {hardened}'] if hardened else [])])}")
    if reported is not None and any(setting.spec.hardness for setting in settings):
        agrees = not unfitted and _agrees(hard, there, nearest, reported)
        if agrees and there:
            parts[-1] += AS_REPORTED
        else:
            parts.append(_in_paper(reported, " too" * agrees))
    return f"{start}, {'; '.join(parts)}."


def _nearest(hard: Sequence[Setting], plain: Setting | None, nearest: Sequence[str]) -> str:
    """Return which settings with hard negatives come nearest to Neural-Collapse, and what they lack."""
    best = [setting for setting in hard if label(setting.spec) in nearest]
    if not best:
        return "no hardness brings them nearer to Neural-Collapse"
    said = f"{named(best)} come{'s' * (len(best) == 1)} nearest to Neural-Collapse, but {short_of(best)}"
    metric = "equal_inner_product"
    if plain is not None:
        far = [s for s in hard if s not in best and s.mean(metric) >= plain.mean(metric)]
        said += f", and {named(far)} end{'s' * (len(far) == 1)} no nearer than without" if far else ""
    return said


def _agrees(hard: Sequence[Setting], there: Sequence[Setting], nearest: Sequence[str], reported: Reported) -> bool:
    """Return whether the paper reports the same of these settings as is seen of them."""
    if not isinstance(reported, str):
        return {s.spec.hardness for s in there} == {s.spec.hardness for s in hard} & set(reported)
    best = [setting for setting in hard if label(setting.spec) in nearest]
    return reported == f"closest at {named(best)}" if reported.startswith("closest") else bool(there)


def _in_paper(reported: Reported, too: str) -> str:
    if isinstance(reported, str) and reported.startswith("closest"):
        return f"the paper's come {reported}{too}"
    return f"the paper{too} reports Neural-Collapse {_where(reported)}"


def _where(reported: Reported) -> str:
    if isinstance(reported, str):
        return reported
    return f"at β = {listed([f'{value:g}' for value in reported])}" if reported else "at no β"


# SimCLR sampling: Figures 12 and 13


def _views(figure: str, runs: Sequence[Run], reference: Reference) -> str:
    settings = select(runs)
    there = [setting for setting in settings if at_neural_collapse(setting)]
    if there:
        said = f"Neural-Collapse is reached by {methods(there)}; the paper reports it at no β"
    else:
        worst = span([max(s.mean(name) for name in ("equal_inner_product", "zero_sum")) for s in settings], 2)
        said = (
            f"No setting reaches Neural-Collapse: the larger of its zero-sum and equal inner-product metrics is {worst}"
        )
        said += AS_REPORTED
    inside = [setting.mean("inside") for setting in settings if setting.mean("inside") == setting.mean("inside")]
    said += f"; {min(inside):.0%} to {max(inside):.0%} of the features lie inside the ball" if inside else ""
    gains, agrees = [], True
    for supervised in (True, False):
        mine = [setting for setting in settings if setting.spec.supervised == supervised]
        plain = [setting.mean("effective_rank") for setting in mine if not setting.spec.hardness]
        hard = [setting for setting in mine if setting.spec.hardness]
        if plain and hard:
            best = max(hard, key=lambda setting: setting.mean("effective_rank"))
            agrees = agrees and best.mean("effective_rank") > plain[0]
            case = "supervised" if supervised else "unsupervised"
            gains.append(f"from {whole(plain)} to {whole([best.mean('effective_rank')])} ({case}, {named([best])})")
    if not gains:
        return f"{said}."
    full = settings[0].spec.num_classes - 1
    end = AS_REPORTED if agrees else "; the paper reports more in both cases"
    return f"{said}. Of {full} dimensions those in use go with hard negatives {listed(gains)} at best{end}."


# Spectra in four rows: Figures 4 and 6


def _spectra(figure: str, runs: Sequence[Run], reference: Reference) -> str:
    of_row: dict[str, list[Setting]] = {}
    for setting in select(runs):
        of_row.setdefault(row_of(setting.spec), []).append(setting)
    ball, near, sphere, none = (of_row.get(name, []) for name in ROWS)
    first = _ball(ball) if ball else ""
    others = []
    if near:
        others.append(_near(near))
    where = {"on the unit sphere": sphere, "without normalisation": none}
    short = [name for name, of in where.items() if of and not any(map(fitted, of))]
    others += [f"{name} {_most(of)}" for name, of in where.items() if of and name not in short]
    others += [f"{listed(short)} the runs are too short to tell, their images not fitted"] if short else []
    rest = "; ".join(others)
    return " ".join(filter(None, [first, f"{rest[0].upper()}{rest[1:]}." if rest else ""]))


def _ball(settings: Sequence[Setting]) -> str:
    """Return how many dimensions hard negatives add on the unit ball, where the paper reports more at every β."""
    said, fewer = [], []
    for supervised in (True, False):
        mine = [setting for setting in settings if setting.spec.supervised == supervised]
        plain = next((setting for setting in mine if not setting.spec.hardness), None)
        hard = [setting for setting in mine if setting.spec.hardness]
        words = [] if plain is None else [f"{whole([plain.mean('effective_rank')])} without hard negatives"]
        if hard:
            best = max(hard, key=lambda setting: setting.mean("effective_rank"))
            words.append(f"up to {whole([best.mean('effective_rank')])} with them ({named([best])})")
        said += [f"{'supervised' if supervised else 'unsupervised'} {' and '.join(words)}"] if words else []
        if plain is not None:
            fewer += [s for s in hard if s.mean("effective_rank") <= plain.mean("effective_rank")]
    compared = {bool(setting.spec.hardness) for setting in settings} == {True, False}
    end = f"; the paper reports more at every β, not so here for {methods(fewer)}" if fewer else AS_REPORTED
    full = settings[0].spec.num_classes - 1
    return f"Of {full} dimensions the class means on the unit ball use: {'; '.join(said)}{end if compared else ''}."


def _near(settings: Sequence[Setting]) -> str:
    """Return how many settings keep their dimensions from a near-NC start, where HUCL alone loses some in the paper."""
    lost = [setting for setting in settings if not all_dimensions(setting)]
    least = min(settings, key=lambda setting: setting.mean("effective_rank"))
    if lost:
        said = f"from a near-NC start {len(lost)} of {len(settings)} settings lose dimensions"
    else:
        said = (
            f"from a near-NC start all {len(settings)} settings run so far keep theirs ({dimensions([least])} or more)"
        )
    asked = [setting for setting in settings if setting.spec.method != "HUCL"]
    if any(setting in lost for setting in asked):
        return f"{said}, where in the paper supervised ones and UCL keep theirs"
    return f"{said}, as the paper reports of supervised ones and UCL" if asked else said


def _most(settings: Sequence[Setting]) -> str:
    """Return which setting of a row, of those whose images are fitted, uses most dimensions."""
    told = [setting for setting in settings if fitted(setting)]
    best = max(told, key=lambda setting: setting.mean("effective_rank"))
    return f"{label(best.spec)} uses most, {dimensions([best])}"


_KINDS: Mapping[str, Template] = {
    "fig02": lambda figure, runs, reference: seen_tables.synthetic(runs),
    "table1": lambda figure, runs, reference: seen_tables.losses(runs),
    "table2": lambda figure, runs, reference: seen_tables.near_nc(runs),
    **dict.fromkeys(("fig04", "fig06"), _spectra),
    **dict.fromkeys(("fig12", "fig13"), _views),
}
