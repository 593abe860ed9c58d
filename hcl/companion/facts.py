"""Where the runs of a page come from, as plain data that goes into its notebook's metadata: what a card is made of."""

from collections import Counter
from collections.abc import Sequence
from statistics import mean
from typing import Any

from hcl.companion import estimates
from hcl.companion import study as studies
from hcl.companion.labels import training
from hcl.companion.profiles import PROFILES
from hcl.companion.registry import STAND_INS, row_of
from hcl.companion.study import Study
from hcl.training.runs import Run

Facts = dict[str, Any]  # of JSON


def grouped(parts: Sequence[Study]) -> list[list[Study]]:
    """Return the studies of a page, those of one profile and data set together."""
    groups: dict[tuple[str, str], list[Study]] = {}
    for study in parts:
        groups.setdefault((study.profile, study.dataset), []).append(study)
    return list(groups.values())


def facts(parts: Sequence[Study], shown: Sequence[Run]) -> Facts:
    """Return where the runs that a page shows come from, and how to make them again.

    Args:
        parts: the studies that it shows: of Figures 4 and 6 one a row.
        shown: their runs.

    Returns:
        ``figure`` and ``notebook``; ``parameters``, the values in effect; ``groups``, for each profile and data set
        what made its runs; ``records`` as ``"<profile>/<run>"``; ``commits``; ``commands``, for each profile how to
        run it and what that takes.
    """
    figure = parts[0].figure
    groups = grouped(parts)
    return {
        "figure": figure.name,
        "notebook": figure.notebook,
        "parameters": parameters(parts, shown),
        "groups": [group(of, shown, several=len(groups) > 1) for of in groups],
        "records": sorted({f"{run.path.parent.name}/{run.path.name}" for run in shown if run.path is not None}),
        "commits": _each(shown, "commit"),
        "commands": commands(parts),
    }


def parameters(parts: Sequence[Study], shown: Sequence[Run]) -> Facts:
    """Return the values of a notebook's parameters that the runs shown have, whatever they were taken from."""
    specs = [run.spec for run in shown] or [spec for part in parts for spec in part.specs]

    def one(values: Sequence[Any]) -> Any:
        distinct = list(dict.fromkeys(values))
        return distinct[0] if len(distinct) == 1 else distinct

    return {
        "profile": one([part.profile for part in parts]),
        "dataset": one([part.dataset for part in parts]),
        "hardness": sorted({spec.hardness for spec in specs}),
        "seeds": sorted({spec.seed for spec in specs}),
        "epochs": one(sorted({spec.epochs for spec in specs})),
    }


def group(of: Sequence[Study], shown: Sequence[Run], *, several: bool = False) -> Facts:
    """Return what made the runs of studies at one profile on one data set.

    Args:
        of: the studies.
        shown: runs of the page, of which theirs are taken.
        several: whether the page has other groups, so that the rows of this one are to be named.
    """
    specs = {spec for study in of for spec in study.specs}
    rows = [row_of(study.specs[0]) for study in of] if several else []
    own = (of[0].figure.dataset or "") if of[0].stands_in else ""
    return _group([run for run in shown if run.spec in specs], of[0].profile, of[0].dataset, own, len(specs), rows)


def origin(shown: Sequence[Run]) -> Facts:
    """Return where some runs come from, of whatever figures they are: ``groups`` and ``commits`` as in `facts`.

    Args:
        shown: the runs, those of one profile and data set being a group.
    """
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in shown:
        profile = run.path.parent.name if run.path is not None else "not kept"
        groups.setdefault((profile, run.spec.dataset), []).append(run)
    stands_in_for = {instead: own for own, instead in STAND_INS.items()}
    return {
        "groups": [
            _group(runs, profile, dataset, stands_in_for.get(dataset, ""), len(runs))
            for (profile, dataset), runs in groups.items()
        ],
        "commits": _each(shown, "commit"),
    }


def _group(
    runs: Sequence[Run], profile: str, dataset: str, stands_in_for: str, wanted: int, rows: Sequence[str] = ()
) -> Facts:
    own = [run for run in runs if not run.same_as] or runs  # those that were trained
    trained = Counter(training(run.spec) for run in runs).most_common()
    took = [float(run.provenance["wall_seconds"]) for run in own if "wall_seconds" in run.provenance]
    held = [int(run.provenance["peak_memory_mib"]) for run in own if run.provenance.get("peak_memory_mib")]
    return {
        "profile": profile,
        "dataset": dataset,
        "stands_in_for": stands_in_for,
        "rows": list(rows),
        "runs": len(runs),
        "same": len(runs) - len([run for run in runs if not run.same_as]),
        "wanted": wanted,
        "training": [name for name, _ in trained[:2]],
        "trained_otherwise": sum(count for _, count in trained[2:]),
        "seeds": sorted({run.spec.seed for run in runs}),
        "data": sorted({(_of(run, "data_source"), _of(run, "data_fingerprint")) for run in own}),
        "devices": _each(own, "device"),
        "threads": _each(own, "threads"),
        "seconds": mean(took) if took else None,
        "all_seconds": sum(took),
        "memory_mib": max(held, default=None),
        "commits": _each(own, "commit"),
        "torch": _each(own, "torch"),
        "python": _each(own, "python"),
        "dates": sorted({str(run.provenance["date"])[:10] for run in own if "date" in run.provenance}),
    }


def commands(parts: Sequence[Study]) -> list[Facts]:
    """Return, for each profile, how a figure is run at it, and what that takes: seeds as shown, else seed 0."""
    name, dataset = parts[0].figure.name, parts[0].dataset
    shown = {part.profile: sorted({spec.seed for of in parts for spec in of.specs}) for part in parts}
    found = []
    for profile, about in PROFILES.items():
        seeds = shown.get(profile, [0])
        own = about.dataset if parts[0].figure.dataset != "synthetic" else None
        try:
            study = studies.study(name, profile, dataset=own or dataset, seeds=seeds)
        except ValueError:  # data of a reader's own that are too few for it
            continue
        cost = estimates.estimate(study.specs)
        extra = "" if seeds == [0] else f" -p 'seeds=[{','.join(map(str, seeds))}]'"
        found.append(
            {
                "profile": profile, "command": f"hcl run {name} --profile {profile}{extra}", "runs": len(study.specs),
                "cost": cost.words(len(study.specs)), "source": cost.source, "basis": cost.basis,
            }
        )  # fmt: skip
    return found


def _each(runs: Sequence[Run], key: str) -> list[str]:
    return sorted({str(run.provenance[key]) for run in runs if run.provenance.get(key) is not None})


def _of(run: Run, key: str) -> str:
    return str(run.provenance.get(key, ""))
