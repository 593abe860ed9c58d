"""What is seen in Tables 1 and 2 and in the synthetic Figure 2, in two sentences each, beside what the paper has."""

from collections.abc import Sequence

from hcl.companion import published
from hcl.companion.ends import AS_REPORTED, at_neural_collapse, listed, methods, named, span
from hcl.companion.evidence import Setting, select
from hcl.companion.labels import bound, label
from hcl.companion.limits import LIMITS
from hcl.companion.verdicts import NC_METRICS
from hcl.training.runs import Run


def losses(runs: Sequence[Run]) -> str:
    """Return how near the losses of Table 1 come to their minimum, and whether the same lie above SCL as there.

    Args:
        runs: supervised.
    """
    settings = select(runs)
    plain = next((setting for setting in settings if not setting.spec.hardness), None)
    hard = [setting for setting in settings if setting.spec.hardness]
    least, paper = bound(settings[0].spec), published.TABLE_1

    def above(value: float) -> str:
        return f"{value - least:.4f}" if value - least >= 5e-5 else "less than 0.0001"

    parts = []
    if plain is not None:
        theirs = f"(in the paper {above(paper['SCL'])})"
        parts.append(f"without hard negatives the loss ends {above(plain.mean('loss'))} above its minimum {theirs}")
    if hard:
        best = min(hard, key=lambda setting: setting.mean("loss"))
        nearest = min((name for name in paper if name != "SCL"), key=lambda name: paper[name])
        theirs = f"(in the paper {above(paper[nearest])}, at {nearest.partition(', ')[2]})"
        end = "above it" if plain is not None else "above its minimum"
        parts.append(f"hard negatives bring it nearest at {named([best])}, {above(best.mean('loss'))} {end} {theirs}")
    said = f"{'; '.join(parts)}."
    said = said[0].upper() + said[1:]
    compared = [setting for setting in hard if label(setting.spec) in paper]
    if plain is None or not compared:
        return said
    here = [setting for setting in compared if setting.mean("loss") > plain.mean("loss")]
    there = [setting for setting in compared if paper[label(setting.spec)] > paper["SCL"]]
    which = f"The loss at {named(here)} ends" if here else "No hardened loss ends"
    paper_has = (
        "as in the paper" if here == there else f"in the paper {f'that at {named(there)}' if there else 'none'} does"
    )
    return f"{said} {which} above that without hard negatives{',' if here == there else ';'} {paper_has}."


def near_nc(runs: Sequence[Run]) -> str:
    """Return which settings of Table 2 stay at Neural-Collapse and which leave, where the paper's stay and leave.

    Args:
        runs: the near-NC model and those that go on from it.
    """
    settings = select(runs)
    start = [setting for setting in settings if setting.spec.init != "near_nc"]
    later = [setting for setting in settings if setting.spec.init == "near_nc"]
    begin = "From a model at Neural-Collapse"
    if start and not at_neural_collapse(start[0]):
        off = start[0].mean("equal_inner_product")
        begin = f"From a model near Neural-Collapse (equal inner-product metric {off:.3f})"
    cases = []
    for supervised in (True, False):
        mine = [setting for setting in later if setting.spec.supervised == supervised]
        if mine:
            cases.append(_stays("supervised" if supervised else "unsupervised", mine))
    if not cases:
        return f"{begin} nothing has gone on yet."
    return " ".join([f"{begin} {cases[0]}", *(case[0].upper() + case[1:] for case in cases[1:])])


def _stays(name: str, settings: Sequence[Setting]) -> str:
    """Return which settings stay and leave, in a sentence: the same rule for them and for the paper's numbers."""
    left = [setting for setting in settings if max(map(setting.mean, NC_METRICS)) > LIMITS.near_zero]
    stay = [setting for setting in settings if setting not in left]
    theirs = [setting for setting in settings if _leaves_in_paper(label(setting.spec))]
    said = []
    if stay:
        said.append(f"{f'all {len(stay)} {name} settings stay' if not left else f'{name} {methods(stay)} stay'} there")
    if left:
        by = span([setting.mean("equal_inner_product") for setting in left], 2)
        said.append(f"{'' if stay else f'{name} '}{methods(left)} leave (equal inner-product metric {by})")
    sentence = " and ".join(said)
    if left == theirs:
        sentence += AS_REPORTED
    else:
        sentence += f"; in the paper {methods(theirs) + ' leave' if theirs else 'all stay'}"
    made = {label(setting.spec) for setting in settings}
    family = settings[0].spec.method.removeprefix("H")
    awaited = [method for method in published.TABLE_2["zero_sum"] if family in method and _leaves_in_paper(method)]
    awaited = [method for method in awaited if method not in made]
    if awaited:
        sentence += (
            f"; in the paper {' and '.join(awaited)} leave, which {'is' if len(awaited) == 1 else 'are'} not here yet"
        )
    return f"{sentence}."


def _leaves_in_paper(method: str) -> bool:
    return max(published.TABLE_2[metric].get(method, 0.0) for metric in NC_METRICS) > LIMITS.near_zero


def synthetic(runs: Sequence[Run]) -> str:
    """Return how many runs of Figure 2 end at an equilateral triangle, with either kind of positives.

    Args:
        runs: of the three classes in the plane.
    """
    sentences = []
    for positives, start, plain_too in (
        ("label", "With all points of a class as positives", True),
        ("noise", "With noisy copies as positives", False),
    ):
        # In the paper SCL and HSCL get there, UCL with labels only, and HUCL never.
        groups = {"SCL and HSCL": (True, True), "UCL": (False, plain_too), "HUCL": (False, False)}
        said: list[str] = []
        as_reported = True
        for name, (supervised, expected) in groups.items():
            mine = [
                run
                for run in runs
                if run.spec.positives == positives and run.spec.supervised == supervised
                and (supervised or bool(run.spec.hardness) == (name == "HUCL"))
            ]  # fmt: skip
            if not mine:
                continue
            there = sum(at_neural_collapse(Setting(run.spec, (run,))) for run in mine)
            as_reported = as_reported and there == (len(mine) if expected else 0)
            share = f"all {there}" if there == len(mine) else f"{there or 'none'} of {len(mine)}"
            said.append(f"{share} {'' if said else 'runs '}of {name}")
        if said:
            reported = (
                "all of SCL, HSCL and UCL, and none of HUCL" if plain_too else "all of SCL and HSCL, and no other"
            )
            end = AS_REPORTED if as_reported else f"; the paper reports {reported}"
            sentences.append(f"{start} {listed(said)} end at an equilateral triangle{end}.")
    return " ".join(sentences)
