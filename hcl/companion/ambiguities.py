"""What the ambiguities between paper and official code change, from run records: the Fidelity page."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.special import stdtrit
from torch.nn import functional as F

from hcl import geometry
from hcl.companion import style
from hcl.companion.drawing import SMALL, halo, panels
from hcl.companion.figures import METRICS
from hcl.companion.headings import heading
from hcl.companion.labels import label
from hcl.companion.numbers import decimals, number, raised
from hcl.companion.pictures import Layout, Picture, picture
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

NUMBERS: Mapping[str, str] = {
    "reduction": "D1", "negatives": "D2", "exclude_self": "D4", "detach_weights": "D6", "weight_decay": "D18",
    "stem": "D21", "k": "D32",
}  # fmt: skip
COMPARED = ("test_accuracy", "equal_inner_product", "zero_sum", "rank")

_METHOD = ("supervised", "hardening", "hardness", "seed")  # what may differ without being an ambiguity
_DIGITS = 1e-6  # records are written to seven


def base_values(runs: Sequence[Run]) -> dict[str, object]:
    """Return the spec values that most runs have, on a tie the first one's: a study changes one field at a time."""
    names = [field.name for field in fields(RunSpec) if field.name not in _METHOD]
    return {name: Counter(getattr(run.spec, name) for run in runs).most_common(1)[0][0] for name in names}


def changes(run: Run, base: Mapping[str, object]) -> dict[str, object]:
    """Return the spec values in which a run differs from `base_values`."""
    return {name: getattr(run.spec, name) for name in base if getattr(run.spec, name) != base[name]}


def base_runs(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without any change."""
    base = base_values(runs)
    return [run for run in runs if not changes(run, base)]


def effects(runs: Sequence[Run], base: Sequence[Run] | None = None, metrics: Sequence[str] = COMPARED) -> pd.DataFrame:
    """Return what each ambiguity changes, against the runs of the same method with nothing changed.

    Args:
        runs: of the study "fidelity"; one with two changes or without a base run is left out.
        base: with nothing changed, of several seeds; None takes those among the runs.
        metrics: columns of the history, compared in their settled values (D45), means over seeds.

    Returns:
        One row a change, method and metric, with the columns ``change``, ``method``, ``metric``, ``base``,
        ``variant``, ``difference`` and ``beyond_seeds``: "yes" where the variant is outside the interval in which a
        base run of another seed would be with 95 % probability (Student's t for normal values), "no", or "one seed".
    """
    unchanged = base_values(runs)
    settled = _settled(base_runs(runs) if base is None else base, metrics)
    bases = {str(method): values for method, values in settled.groupby(level="method", sort=False)}
    variants: dict[str, list[Run]] = {}
    for run in runs:
        changed = changes(run, unchanged)
        if len(changed) == 1 and label(run.spec) in bases:
            ((name, value),) = changed.items()
            variants.setdefault(_described(name, unchanged[name], value), []).append(run)
    rows = [
        (change, method, metric, before[metric].mean(), after[metric].mean(), _beyond(before[metric], after[metric]))
        for change, changed_runs in variants.items()
        for method, after in _settled(changed_runs, metrics).groupby(level="method", sort=False)
        for before in [bases[str(method)]]
        for metric in metrics
    ]
    table = pd.DataFrame(rows, columns=["change", "method", "metric", "base", "variant", "beyond_seeds"])
    return table.assign(difference=table["variant"] - table["base"])


def effects_table(effects: pd.DataFrame) -> pd.DataFrame:
    """Return `effects` for reading: a row a change and method, ``base → variant`` in a column a metric.

    The column ``beyond seeds`` names the metrics that change by more than the seed does.
    """
    rows = [
        {
            "change": change,
            "method": method,
            **{
                metric: f"{number(before, decimals(metric, 3))} → {number(after, decimals(metric, 3))}"
                for metric, before, after in zip(group["metric"], group["base"], group["variant"], strict=True)
            },
            "beyond seeds": _named(group),
        }
        for (change, method), group in effects.groupby(["change", "method"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["change", "method", *effects["metric"].unique(), "beyond seeds"]).set_index(
        ["change", "method"]
    )


def by_number(effects: pd.DataFrame) -> dict[str, str]:
    """Return what the changes of each D-number come to in training, a sentence each.

    Args:
        effects: of `effects`.
    """
    numbers = effects["change"].str.extract(r"\((D\d+)\)$")[0]
    return {
        str(number): "trained: " + "; ".join(effects_summary(group))
        for number, group in effects[effects["metric"] == "equal_inner_product"].groupby(numbers, sort=False)
    }


def effects_figure(effects: pd.DataFrame) -> Picture:
    """Draw the differences of `effects`: a row an ambiguity, a panel a metric, a sign a method."""
    metrics, order = list(effects["metric"].unique()), list(effects["change"].unique())
    methods = list(effects["method"].unique())

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, max(len(metrics), 1), 0.7 + (0.42 if layout.narrow else 0.4) * len(order), 0.5)
        for axis, metric in zip(axes[0], metrics, strict=False):
            _draw_effects(axis, effects[effects["metric"] == metric], order, methods)
            axis.set_title(METRICS[str(metric)] if layout.narrow else _NAMES.get(str(metric), str(metric)))
            for row, change in enumerate(order):
                if layout.narrow:
                    axis.text(
                        0, row - 0.28, raised(change), transform=axis.get_yaxis_transform(), fontsize=SMALL,
                        va="center", path_effects=halo(), zorder=5,
                    )  # fmt: skip
        if metrics and not layout.narrow:
            axes[0][0].set_yticks(range(len(order)), [raised(change) for change in order])
            axes[0][0].tick_params(axis="y", length=0)
        if metrics:
            figure.legend(
                *axes[0][0].get_legend_handles_labels(), loc="outside upper left", ncols=2 if layout.narrow else 4,
            )  # fmt: skip
        return figure

    return picture(draw, "By how much each metric changes when one ambiguity is decided the other way.")


_NAMES = {
    "test_accuracy": "Test accuracy", "equal_inner_product": "Distance from an ETF", "zero_sum": "Zero-sum",
    "rank": "Rank",
}  # fmt: skip


def _draw_effects(axis: Axes, effects: pd.DataFrame, order: Sequence[str], methods: Sequence[str]) -> None:
    for name in methods:
        its = effects[effects["method"] == name]
        kind = name.split(",")[0]
        axis.plot(
            its["difference"], [order.index(change) + 0.2 for change in its["change"]], style.METHOD_MARKERS[kind],
            linestyle="none", markersize=5, color=style.METHODS[kind].light, label=name, alpha=0.85,
        )  # fmt: skip
    axis.axvline(0, color=style.BOUND.light, linewidth=0.9, zorder=1)
    for row in range(1, len(order)):
        axis.axhline(row - 0.5, color=style.RULE.light, linewidth=0.6)
    axis.set(ylim=(len(order) - 0.5, -0.5), yticks=[], xlabel="variant − base")
    axis.margins(x=0.12)
    axis.xaxis.set_major_locator(MaxNLocator(3))


def effects_summary(effects: pd.DataFrame) -> list[str]:
    """Return a sentence a metric of `effects`: its largest change, and how many changes are more than the seed's."""
    sentences = []
    for metric, group in effects.groupby("metric", sort=False):
        top = group.sort_values("difference", key=abs).iloc[-1]
        judged = group[group["beyond_seeds"] != "one seed"]
        verdict = (
            f"{(judged['beyond_seeds'] == 'yes').sum()} of the {len(judged)} comparisons that several seeds can judge "
            "are beyond the spread over seeds"
            if len(judged)
            else f"none of the {len(group)} comparisons can be judged: the base was run with one seed"
        )
        sentences.append(
            f"{str(metric).replace('_', ' ').capitalize()} changes most, by {top['difference']:+.3g}, for "
            f"{top['method']} with {top['change']}; {verdict}."
        )
    return sentences


def gradient_effects(runs: Sequence[Run]) -> pd.DataFrame:
    """Return losses and distance from an ETF without and with a gradient through the negatives' weights (D6).

    Args:
        runs: of the study "fidelity_gradient": exact expectations, so that the losses hold no noise of draws.

    Returns:
        A row a method and gradient, ``"stopped"`` as in the official code or ``"through the weights"``; means of
        settled values over seeds.
    """
    columns = ["loss", "plain_loss", "equal_inner_product"]
    rows = [
        {
            "method": label(run.spec),
            "gradient": "stopped" if run.spec.detach_weights else "through the weights",
            **run.settled[columns],
        }
        for run in runs
    ]
    table = pd.DataFrame(rows).groupby(["method", "gradient"], sort=False).mean()
    return table.sort_index(level="method", sort_remaining=False, kind="stable")


def metric_definitions(runs: Sequence[Run]) -> pd.DataFrame:
    """Return zero-sum and equal inner product in each definition that text and code use (D33, D34).

    The centred cosine is between the class means less their mean, as the literature on Neural-Collapse has it.

    Args:
        runs: with recorded class means.

    Returns:
        A row a method, means over its runs, supervised ones first, by hardness.
    """
    rows = []
    for run in sorted(runs, key=lambda run: (not run.spec.supervised, run.spec.hardness)):
        means = torch.from_numpy(np.asarray(run.arrays["means"])).double()
        values = {
            "zero-sum: ‖mean‖ (code)": geometry.zero_sum(means),
            "zero-sum: ‖sum‖ (text)": geometry.zero_sum(means, of="sum"),
            "equal inner product: raw (text)": geometry.equal_inner_product(means),
            "cosine (code)": geometry.equal_inner_product(means, cosine=True),
            "centred cosine": geometry.equal_inner_product(F.normalize(means - means.mean(0))),
        }
        rows.append({"method": label(run.spec), **{name: float(value) for name, value in values.items()}})
    return pd.DataFrame(rows).groupby("method", sort=False).mean()


def _settled(runs: Sequence[Run], metrics: Sequence[str]) -> pd.DataFrame:
    index = pd.Index([label(run.spec) for run in runs], name="method")
    return pd.DataFrame([[run.settled[m] for m in metrics] for run in runs], index=index, columns=list(metrics))


def _described(name: str, before: object, after: object) -> str:
    def plain(value: object) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:g}" if isinstance(value, float) else str(value)

    number = f" ({NUMBERS[name]})" if name in NUMBERS else ""
    return f"{name.replace('_', ' ')}: {plain(before)} → {plain(after)}{number}".replace("per_", "per ")


def _beyond(base: "pd.Series[float]", variant: "pd.Series[float]") -> str:
    """Return whether means over seeds differ by more than chance does, judged by the spread of the base."""
    if len(base) < 2:
        return "one seed"
    chance = stdtrit(len(base) - 1, 0.975) * base.std() * math.sqrt(1 / len(base) + 1 / len(variant))
    return "yes" if abs(variant.mean() - base.mean()) > chance + _DIGITS else "no"


def _named(group: pd.DataFrame) -> str:
    if (group["beyond_seeds"] == "one seed").all():
        return "one seed"
    return ", ".join(heading(name)[0] for name in group.loc[group["beyond_seeds"] == "yes", "metric"]) or "none"
