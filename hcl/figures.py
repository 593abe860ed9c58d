"""The panels of the paper's figures, drawn from run records."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from hcl.geometry import covariance_spectrum, simplex_etf
from hcl.report import SETTINGS, hardness_label, history_frame, label
from hcl.runs import Run

Colours = dict[str, tuple[float, float, float]]

METRICS = {
    "test_accuracy": "test accuracy",
    "zero_sum": "zero-sum  $\\|\\overline{\\mu}\\|$",
    "unit_norm": "unit-norm",
    "equal_inner_product": "equal inner product",
    "loss": "loss (own, eval mode)",
    "within_class": "within-class distance",
    "rank": "rank above ln = −10",
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


def metric_panels(runs: Sequence[Run], metrics: Sequence[str]) -> Figure:
    """Draw metrics against epochs, a row a metric, supervised left and unsupervised right, as in Figures 3 and 5.

    Several seeds of a setting give a line at the mean with a band of one standard deviation.

    Args:
        runs: of a study.
        metrics: columns of the history, keys of `METRICS`.
    """
    frame, colours = history_frame(runs), _colours(runs)
    figure, axes = plt.subplots(
        len(metrics), 2, figsize=(10, 2.6 * len(metrics)), sharex=True, sharey="row", squeeze=False
    )
    for row, metric in zip(axes, metrics, strict=True):
        for axis, setting in zip(row, SETTINGS, strict=True):
            _draw_metric(axis, frame[frame["setting"] == setting], metric, colours, legend=metric == metrics[0])
            axis.set_ylabel(METRICS[metric])
        row[0].set_ylim(bottom=0)  # after both panels are drawn: it ends autoscaling of the row
    for axis, setting in zip(axes[0], SETTINGS, strict=True):
        axis.set_title(setting)
        axis.legend(title=None, fontsize="small")
    figure.align_ylabels()
    return finish(figure)


def spectrum_panels(runs: Sequence[Run]) -> Figure:
    """Draw ln of the normalised singular values of the covariance of class means, as in Figures 4 and 6 (D40).

    The dashed line is the level of float32 rounding: what lies below it is noise.
    """
    colours = _colours(runs)
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
    for axis, setting, supervised in zip(axes, SETTINGS, (True, False), strict=True):
        seen: set[str] = set()
        for run in (run for run in runs if run.spec.supervised == supervised):
            name = hardness_label(run.spec)
            _draw_spectrum(axis, run, colours[name], None if name in seen else name)
            seen.add(name)
        axis.axhline(FLOAT32_FLOOR, color="grey", linestyle="--", linewidth=1)
        axis.set(title=setting, xlabel="index $i$")
        axis.legend(fontsize="small")
    axes[0].set_ylabel("$\\ln(\\sigma_i / \\sigma_1)$")
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
    for axis, setting in zip(axes, SETTINGS, strict=False):
        _draw_metric(axis, frame[frame["setting"] == setting], "equal_inner_product", colours, legend=axis is axes[0])
        axis.set(title=setting, ylabel="distance from an ETF\n(equal inner-product metric)", ylim=(0, None))
    axes[0].legend(title=None, fontsize="small")
    axes[1].set_ylabel("")
    for run in (run for run in runs if run.spec.supervised):
        _draw_spectrum(axes[2], run, colours[hardness_label(run.spec)])
    axes[2].set(
        title="supervised: spectrum of the class means", xlabel="index $i$", ylabel="$\\ln(\\sigma_i/\\sigma_1)$"
    )
    return finish(figure)
