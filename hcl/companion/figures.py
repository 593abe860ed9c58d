"""The panels of the paper's figures, drawn from run records."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from hcl.companion.labels import hardness_label, label
from hcl.companion.registry import row_of
from hcl.companion.report import SUPERVISION, history_frame
from hcl.companion.verdicts import STATUSES
from hcl.geometry import cluster_count, covariance_spectrum, simplex_etf
from hcl.training.runs import Run

Colours = dict[str, tuple[float, float, float]]

# Of verdicts, as text on white and as areas.
VERDICT_TEXT = {
    "reproduced": "#029e73", "partly": "#b8860b", "not reproduced": "#d55e00", "undecided": "#7b6fd0",
    "not judged": "#808080", "waiting": "#808080",
}  # fmt: skip
VERDICT_AREA = {
    "reproduced": "#029e73", "partly": "#ece133", "not reproduced": "#d55e00", "undecided": "#9a8fd8",
    "not judged": "#a8a8a8", "waiting": "#dedede",
}  # fmt: skip

METRICS = {
    "test_accuracy": "test accuracy",
    "zero_sum": "zero-sum  $\\|\\overline{\\mu}\\|$",
    "unit_norm": "unit-norm",
    "equal_inner_product": "equal inner product",
    "loss": "loss (own, eval mode)",
    "train_loss": "loss (own, train mode)",
    "plain_loss": "loss without hardening",
    "within_class": "within-class distance",
    "rank": "rank above ln = −10",
    "effective_rank": "effective rank",
    "clusters": "clusters of class means",
}
FLOAT32_FLOOR = 2 * float(np.log(np.finfo(np.float32).eps))  # squared singular values of float32 means (D40)


def set_theme() -> None:
    """Use one look for all figures: white ground, light grid, colours that colour-blind readers can tell apart."""
    sns.set_theme(style="whitegrid", context="notebook", palette="colorblind", font_scale=0.9)
    plt.rcParams.update({"figure.dpi": 110, "savefig.bbox": "tight", "axes.titlesize": "medium"})


def finish(figure: Figure) -> Figure:
    """Return a figure laid out and closed, so that a notebook shows it once, as the value of its cell."""
    figure.tight_layout()
    plt.close(figure)
    return figure


def _colours(runs: Sequence[Run]) -> Colours:
    names = list(dict.fromkeys(hardness_label(run.spec) for run in sorted(runs, key=lambda r: r.spec.hardness)))
    return dict(zip(names, sns.color_palette("colorblind", len(names)), strict=True))


def _draw_metric(axis: Axes, frame: pd.DataFrame, metric: str, colours: Colours, *, legend: bool) -> None:
    sns.lineplot(
        frame, x="epoch", y=metric, hue="hardness", hue_order=list(colours), palette=colours, errorbar="sd", ax=axis,
        legend=legend,
    )  # fmt: skip


def _draw_spectrum(axis: Axes, run: Run, colour: tuple[float, float, float], name: str | None = None) -> None:
    spectrum = covariance_spectrum(torch.from_numpy(run.arrays["means"])).numpy()
    axis.plot(np.arange(1, len(spectrum) + 1), spectrum, marker="o", markersize=4, color=colour, label=name)


def _kinds(runs: Sequence[Run]) -> list[str]:
    """Return which of `hcl.companion.report.SUPERVISION` the runs are of."""
    return [name for name, supervised in zip(SUPERVISION, (True, False), strict=True) if _of(runs, supervised)]


def _of(runs: Sequence[Run], supervised: bool) -> list[Run]:
    return [run for run in runs if run.spec.supervised == supervised]


def recorded(runs: Sequence[Run], metrics: Sequence[str]) -> list[str]:
    """Return those of the metrics that some run has by epoch: older records have fewer."""
    return [name for name in metrics if any(name in run.history for run in runs)]


def metric_panels(runs: Sequence[Run], metrics: Sequence[str], levels: Mapping[str, float] | None = None) -> Figure:
    """Draw metrics against epochs, a row a metric, supervised left and unsupervised right, as in Figures 3 and 5.

    Several seeds of a setting give a line at the mean with a band of one standard deviation.

    Args:
        runs: of a study.
        metrics: columns of the history that some run has, keys of `METRICS`.
        levels: values, such as bounds, to draw a dashed line at, by metric.
    """
    frame, colours, kinds = history_frame(runs), _colours(runs), _kinds(runs)
    figure, axes = plt.subplots(
        len(metrics), len(kinds), figsize=(5 * len(kinds), 2.6 * len(metrics)), sharex=True, sharey="row",
        squeeze=False,
    )  # fmt: skip
    for row, metric in zip(axes, metrics, strict=True):
        for axis, kind in zip(row, kinds, strict=True):
            shown = frame[frame["supervision"] == kind].dropna(subset=[metric])
            _draw_metric(axis, shown, metric, colours, legend=metric == metrics[0])
            axis.set_ylabel(METRICS[metric])
            if levels and metric in levels:
                axis.axhline(levels[metric], color="grey", linestyle="--", linewidth=1)
        if not levels or metric not in levels:
            row[0].set_ylim(bottom=0)  # after both panels are drawn: it ends autoscaling of the row
    for axis, kind in zip(axes[0], kinds, strict=True):
        axis.set_title(kind)
        axis.legend(title=None, fontsize="small")
    figure.align_ylabels()
    return finish(figure)


def spectrum_panels(runs: Sequence[Run], titles: Mapping[str, str] | None = None) -> Figure:
    """Draw ln of the normalised singular values of the covariance of class means, as in Figures 4 and 6 (D40).

    Supervised left, unsupervised right, a row of panels for each of the rows of those figures that there are runs of.
    The dashed line is the level of float32 rounding: what lies below it is noise.

    Args:
        runs: of a study or several.
        titles: what to write above the rows, by their names.
    """
    colours, kinds = _colours(runs), _kinds(runs)
    rows = list(dict.fromkeys(row_of(run.spec) for run in runs))
    figure, axes = plt.subplots(
        len(rows), len(kinds), figsize=(5 * len(kinds), 0.4 + 3 * len(rows)), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    for panels, name in zip(axes, rows, strict=True):
        of_row = [run for run in runs if row_of(run.spec) == name]
        for axis, kind in zip(panels, kinds, strict=True):
            seen: set[str] = set()
            for run in _of(of_row, kind == SUPERVISION[0]):
                hardness = hardness_label(run.spec)
                _draw_spectrum(axis, run, colours[hardness], None if hardness in seen else hardness)
                seen.add(hardness)
            axis.axhline(FLOAT32_FLOOR, color="grey", linestyle="--", linewidth=1)
            axis.title.set_fontsize("small" if titles else "medium")
            title = (titles or {}).get(name, name)
            axis.set_title(f"{title}, {kind.split()[0]}" if len(rows) > 1 else kind)
        panels[0].set_ylabel("$\\ln(\\sigma_i / \\sigma_1)$")
    for axis in axes[0]:
        if axis.get_legend_handles_labels()[0]:
            axis.legend(fontsize="small")
    for axis in axes[-1]:
        axis.set_xlabel("index $i$")
    return finish(figure)


def cluster_panel(runs: Sequence[Run]) -> Figure:
    """Draw into how many clusters the class means have merged, by hardness: as many as classes at an ETF (D46)."""
    frame = pd.DataFrame(
        {
            "hardness": hardness_label(run.spec),
            "supervision": SUPERVISION[0 if run.spec.supervised else 1],
            "clusters": cluster_count(torch.from_numpy(run.arrays["means"])),
        }
        for run in sorted(runs, key=lambda run: run.spec.hardness)
    )
    figure, axis = plt.subplots(figsize=(7, 3))
    sns.barplot(frame, x="hardness", y="clusters", hue="supervision", hue_order=_kinds(runs), errorbar="sd", ax=axis)
    classes = runs[0].spec.num_classes
    axis.axhline(classes, color="grey", linestyle="--", linewidth=1)
    axis.set(xlabel="", ylabel="clusters of class means", ylim=(0, 1.08 * classes))
    axis.legend(title=None, fontsize="small")
    return finish(figure)


def point_panels(runs: Sequence[Run]) -> Figure:
    """Draw two-dimensional representations, as a row of Figure 2: initial, then one panel a run with its loss.

    Grey triangles show the ETF, turned to the class means.

    Args:
        runs: with d = 2, on the same data and initial weights.
    """
    columns = 1 + (len(runs) + 1) // 2
    figure, axes = plt.subplots(2, columns, figsize=(2.3 * columns, 5.8))
    first = runs[0]
    _draw_points(axes[0, 0], first.arrays["initial"], first.arrays["labels"])
    axes[0, 0].set_title("initial")
    axes[1, 0].axis("off")
    panels = [*axes[0, 1:], *axes[1, 1:]]
    for axis, run in zip(panels, runs, strict=False):
        _draw_etf(axis, run.arrays["means"])
        _draw_points(axis, run.arrays["final"], run.arrays["labels"])
        axis.set_title(f"{label(run.spec)}\n{run.final['loss']:.4f}", fontsize="small")
    for axis in panels[len(runs) :]:
        axis.axis("off")
    return finish(figure)


def _draw_points(axis: Axes, points: np.ndarray, labels: np.ndarray) -> None:
    axis.add_patch(Circle((0, 0), 1, fill=False, color="grey", linewidth=0.8))
    palette = sns.color_palette("colorblind", int(labels.max()) + 1)
    axis.scatter(points[:, 0], points[:, 1], c=[palette[c] for c in labels], s=18, alpha=0.6, linewidths=0)
    axis.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), xticks=[], yticks=[], aspect="equal")
    axis.grid(False)


def _draw_etf(axis: Axes, means: np.ndarray) -> None:
    etf = simplex_etf(len(means), means.shape[1]).numpy()
    u, _, vt = np.linalg.svd(etf.T @ means)  # orthogonal Procrustes: the turn that brings the ETF closest
    turned = etf @ (u @ vt)
    axis.fill(turned[:, 0], turned[:, 1], fill=False, edgecolor="grey", linewidth=0.8, linestyle=":")
    axis.plot(turned[:, 0], turned[:, 1], "^", color="grey", markersize=9, markerfacecolor="none")


def headline(runs: Sequence[Run]) -> Figure:
    """Draw the paper's main result in one row: distance from Neural-Collapse by epoch, and the final spectra.

    Args:
        runs: of a figure with supervised and unsupervised settings.
    """
    frame, colours = history_frame(runs), _colours(runs)
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.3))
    for axis, kind in zip(axes, SUPERVISION, strict=False):
        shown = frame[frame["supervision"] == kind]
        if not shown.empty:
            _draw_metric(axis, shown, "equal_inner_product", colours, legend=axis is axes[0])
        axis.set(title=kind, ylabel="distance from an ETF\n(equal inner-product metric)", ylim=(0, None))
    axes[0].legend(title=None, fontsize="small")
    axes[1].set_ylabel("")
    for run in (run for run in runs if run.spec.supervised):
        _draw_spectrum(axes[2], run, colours[hardness_label(run.spec)])
    axes[2].set(
        title="supervised: spectrum of the class means", xlabel="index $i$", ylabel="$\\ln(\\sigma_i/\\sigma_1)$"
    )
    return finish(figure)


def verdict_bars(board: pd.DataFrame) -> Figure:
    """Draw how many claims of each figure have which verdict.

    Args:
        board: of `hcl.companion.scoreboard.scoreboard`.
    """
    counts = board.groupby(["figure", "verdict"], sort=False).size().unstack(fill_value=0)
    counts = counts.reindex(columns=STATUSES, fill_value=0).iloc[::-1]
    figure, axis = plt.subplots(figsize=(8, 0.6 + 0.32 * len(counts)))
    left = np.zeros(len(counts))
    for verdict in STATUSES:
        colour = VERDICT_AREA.get(verdict, "#c8c8c8")
        axis.barh(counts.index, counts[verdict], left=left, color=colour, edgecolor="white", label=verdict)
        left += counts[verdict].to_numpy()
    axis.set_xlabel("claims")
    axis.grid(axis="y")
    axis.legend(fontsize="small", ncols=len(STATUSES), loc="lower center", bbox_to_anchor=(0.45, 1))
    return finish(figure)
