"""Figures by epoch: the metrics of Figures 3 and 5 and their like, and the main result in one row."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from hcl.companion import style
from hcl.companion.drawing import (
    SMALL,
    End,
    Look,
    end_labels,
    heading,
    lay_out,
    looks,
    note,
    panels,
    published_marks,
    reference,
)
from hcl.companion.figures_spectra import draw_spectra
from hcl.companion.labels import bound, label
from hcl.companion.pictures import Layout, Picture, picture
from hcl.companion.report import SUPERVISION, history_frame
from hcl.training.runs import Run

METRICS = {
    "test_accuracy": "Test accuracy",
    "zero_sum": "Norm of the mean class mean (zero-sum)",
    "unit_norm": "Class means off the unit sphere (unit-norm)",
    "equal_inner_product": "Distance from an ETF (equal inner product)",
    "loss": "Loss of the run, evaluation mode",
    "train_loss": "Loss of the run, training mode",
    "plain_loss": "Loss without hardening",
    "within_class": "Spread within a class",
    "rank": "Dimensions above ln = −10 (rank)",
    "effective_rank": "Dimensions in use (effective rank)",
    "clusters": "Class means that are apart (clusters)",
}
AT_COLLAPSE = ("zero_sum", "unit_norm", "equal_inner_product", "within_class")  # zero at Neural-Collapse
_LOSSES = ("loss", "train_loss", "plain_loss")
_CEILED = ("rank", "effective_rank", "clusters")
Values = Mapping[str, Mapping[str, float]]


def kinds_of(runs: Sequence[Run]) -> list[str]:
    """Return which of `hcl.companion.report.SUPERVISION` the runs are of."""
    return [name for name, supervised in zip(SUPERVISION, (True, False), strict=True) if of_kind(runs, supervised)]


def of_kind(runs: Sequence[Run], supervised: bool) -> list[Run]:
    """Return the supervised runs, or the others."""
    return [run for run in runs if run.spec.supervised == supervised]


def kind_colour(kind: str) -> str:
    """Return the colour of one of `hcl.companion.report.SUPERVISION`."""
    return style.SUPERVISION[kind.split()[0]].light


def recorded(runs: Sequence[Run], metrics: Sequence[str]) -> list[str]:
    """Return those of the metrics that some run has by epoch: older records have fewer."""
    return [name for name in metrics if any(name in run.history for run in runs)]


def metric_panels(
    runs: Sequence[Run],
    metrics: Sequence[str],
    levels: Mapping[str, float] | None = None,
    published: Values | None = None,
) -> Picture:
    """Draw metrics against epochs, a row a metric, supervised left and unsupervised right, as in Figures 3 and 5.

    Several seeds of a setting give a line at the mean with a band of one standard deviation.

    Args:
        runs: of a study.
        metrics: columns of the history that some run has, keys of `METRICS`.
        levels: least losses or other values to draw a line at, by metric; what a metric is at Neural-Collapse is
            drawn without being asked for.
        published: what the paper reports for the end of training, by metric and method, drawn as diamonds.
    """
    frame, look, kinds = history_frame(runs), looks(runs), kinds_of(runs)
    marks = _marks(runs, published)

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, len(metrics), len(kinds), 1.75 if layout.narrow else 1.6)
        for row, metric in zip(axes, metrics, strict=True):
            for axis, kind in zip(row, kinds, strict=True):
                shown = frame[frame["supervision"] == kind].dropna(subset=[metric])
                _draw_lines(axis, shown, metric, look)
                axis.set_title(METRICS[metric])
                if layout.narrow or metric == metrics[0]:
                    heading(axis, kind[0].upper() + kind[1:], kind_colour(kind))
                if layout.narrow or metric == metrics[-1]:
                    axis.set_xlabel("training epoch")
            lines = [
                y for kind in kinds for y, _ in _references(metric, levels or {}, of_kind(runs, kind == SUPERVISION[0]))
            ]
            _scale(row, metric, runs, [*lines, *_values(marks, metric)])
        _finish(axes, metrics, kinds, frame, look, marks, levels or {}, runs)
        return figure

    return picture(draw, f"{', '.join(METRICS[name] for name in metrics)} by epoch, a line for each hardness.")


def headline(runs: Sequence[Run], published: Values | None = None) -> Picture:
    """Draw the paper's main result in one row: distance from Neural-Collapse by epoch, and the final spectra.

    Args:
        runs: of a figure with supervised and unsupervised settings.
        published: see `metric_panels`.
    """
    frame, look, metric = history_frame(runs), looks(runs), "equal_inner_product"
    marks = _marks(runs, published)

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 3, 1.95 if layout.narrow else 2.2)
        for axis, kind in zip(axes[0], SUPERVISION, strict=False):
            shown = frame[frame["supervision"] == kind]
            _draw_lines(axis, shown, metric, look)
            axis.set(xlabel="training epoch")
            axis.set_title("Distance from an ETF")
            heading(axis, kind[0].upper() + kind[1:], kind_colour(kind))
        _scale(axes[0][:2], metric, runs, _values(marks, metric))
        last = axes[0][2]
        ends = draw_spectra(last, of_kind(runs, True), look)
        last.set_title("ln of singular values $\\sigma_i/\\sigma_1$")
        last.set_ylim(top=-0.17 * last.get_ylim()[0])
        heading(last, "Supervised: dimensions", kind_colour(SUPERVISION[0]))
        lay_out(axes[0], list(look))
        for axis, kind in zip(axes[0], SUPERVISION, strict=False):
            _label(axis, frame[frame["supervision"] == kind], metric, kind, look, marks)
            reference(axis, 0, "0: Neural-Collapse")
        end_labels(last, ends)
        reference(last, 0, "flat: all dimensions in use", above=True)
        note(last, "cliff: few dimensions", 0.03, 0.05)
        return figure

    return picture(
        draw,
        "Distance of the class means from an ETF by epoch, supervised and unsupervised, a line for each hardness, and "
        "the final spectrum of the class means of the supervised runs.",
    )


def _draw_lines(axis: Axes, frame: pd.DataFrame, metric: str, look: Mapping[str, Look]) -> None:
    for name, its in look.items():
        over = frame[frame["hardness"] == name].groupby("epoch")[metric].agg(["mean", "std", "count"])
        if over.empty:
            continue
        if over["count"].max() > 1:
            spread = over["std"].fillna(0)
            axis.fill_between(
                over.index, over["mean"] - spread, over["mean"] + spread, color=its.colour, alpha=0.16, linewidth=0
            )
        axis.plot(over.index, over["mean"], **its.line)
    axis.margins(x=0)


def _scale(row: Sequence[Axes], metric: str, runs: Sequence[Run], values: Sequence[float]) -> None:
    """Give panels of one metric one scale, from zero on where zero means something, with room for what is drawn."""
    low, high = min(axis.get_ylim()[0] for axis in row), max(axis.get_ylim()[1] for axis in row)
    spec = runs[0].spec
    if metric == "test_accuracy":
        low, high = 0, min(high, 1)
    elif metric in ("rank", "effective_rank"):
        low, high = 0, max(high, 1.2 * (spec.num_classes - 1))
    elif metric == "clusters":
        low, high = 0, 1.2 * spec.num_classes
    elif "loss" in metric:
        low = min([low, *(value - 0.18 * (high - low) for value in values)])
    else:
        low = -0.17 * max([high, *values])
    for axis in row:
        axis.set_ylim(low, max([high, *(1.05 * value for value in values)]))
        axis.yaxis.set_major_locator(MaxNLocator(4))
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        if metric == "test_accuracy":
            axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _finish(
    axes: Sequence[Sequence[Axes]],
    metrics: Sequence[str],
    kinds: Sequence[str],
    frame: pd.DataFrame,
    look: Mapping[str, Look],
    marks: Values,
    levels: Mapping[str, float],
    runs: Sequence[Run],
) -> None:
    """Write the labels and draw the bounds, once all limits are set."""
    lay_out([axis for row in axes for axis in row], list(look))
    for row, metric in zip(axes, metrics, strict=True):
        for axis, kind in zip(row, kinds, strict=True):
            _label(axis, frame[frame["supervision"] == kind], metric, kind, look, marks)
            for y, text in _references(metric, levels, of_kind(runs, kind == SUPERVISION[0])):
                reference(axis, y, text, above=metric in _CEILED)


def _references(metric: str, levels: Mapping[str, float], runs: Sequence[Run]) -> list[tuple[float, str]]:
    """Return what lines to draw in the panel of some runs, and what to write on them."""
    classes = runs[0].spec.num_classes
    if metric in levels or metric in _LOSSES:
        least = levels.get(metric, _least(runs))
        return [(least, f"least: {least:.4f}")] if np.isfinite(least) else []
    if metric in AT_COLLAPSE:
        return [(0, "0: Neural-Collapse")]
    if metric in ("rank", "effective_rank"):
        return [(classes - 1, f"{classes - 1}: all dimensions")]
    return [(classes, f"{classes}: all classes apart")] if metric == "clusters" else []


def _least(runs: Sequence[Run]) -> float:
    """Return the least loss that theory has for all of some runs; NaN where it has none."""
    if any(not run.spec.supervised and run.spec.positives != "label" for run in runs):
        return float("nan")  # Theorem 3 asks that positives be independent of their anchors
    least = {bound(run.spec) for run in runs}
    return least.pop() if len(least) == 1 else float("nan")


def _label(axis: Axes, frame: pd.DataFrame, metric: str, kind: str, look: Mapping[str, Look], marks: Values) -> None:
    frame = frame.dropna(subset=[metric])
    ends = []
    for name, its in look.items():
        last = frame[frame["hardness"] == name].groupby("epoch")[metric].mean()
        if len(last):
            ends.append(End(float(last.iloc[-1]), name, its.colour))
    end_labels(axis, ends)
    methods = frame.drop_duplicates("method").set_index("method")["hardness"]
    values = {name: value for name, value in marks.get(metric, {}).items() if name in methods.index}
    if values:
        published_marks(axis, values, {str(name): look[hardness].colour for name, hardness in methods.items()})
        axis.annotate(
            "◇ paper", (1, 1), (5, 5), xycoords="axes fraction", textcoords="offset points", fontsize=SMALL,
            color=style.MUTED.light, ha="left",
        )  # fmt: skip


def _marks(runs: Sequence[Run], published: Values | None) -> Values:
    """Return what is published of the methods that runs are of."""
    methods = {label(run.spec) for run in runs}
    return {
        metric: {name: value for name, value in values.items() if name in methods and np.isfinite(value)}
        for metric, values in (published or {}).items()
    }


def _values(marks: Values, metric: str) -> list[float]:
    return list(marks.get(metric, {}).values())
