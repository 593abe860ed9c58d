"""Figure 2: representations in two dimensions."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from hcl.companion import style
from hcl.companion.labels import label
from hcl.companion.pictures import Layout, Picture, new_figure, picture
from hcl.geometry import simplex_etf
from hcl.training.runs import Run


def point_panels(runs: Sequence[Run]) -> Picture:
    """Draw two-dimensional representations, as a row of Figure 2: initial, then one panel a run with its loss.

    A dotted triangle with rings shows the ETF, turned to the class means.

    Args:
        runs: with d = 2, on the same data and initial weights.
    """
    first, wide_columns = runs[0], 1 + (len(runs) + 1) // 2

    def draw(layout: Layout) -> Figure:
        columns = 2 if layout.narrow else wide_columns
        beside = (len(runs) + 1) // 2
        rows = -(-(len(runs) + (2 if len(runs) % 2 == 0 else 1)) // 2) if layout.narrow else 2
        figure = new_figure(layout, rows * (1.05 + layout.width / columns - 0.6))
        axes = figure.subplots(rows, columns, squeeze=False)
        start, key = (axes[0, 0], axes[0, 1]) if layout.narrow else (axes[0, 0], axes[1, 0])
        if layout.narrow:  # supervised left, unsupervised right
            left, right = list(axes[1:, 0]), list(axes[1:, 1])
            spots = [*left[:beside], *right[: len(runs) - beside]]
        else:
            spots = [*axes[0, 1:], *axes[1, 1:]][: len(runs)]
        draw_points(start, first.arrays["initial"], first.arrays["labels"])
        start.set_title("Before training", loc="center", fontweight="bold")
        _key(key, int(first.arrays["labels"].max()) + 1)
        for axis, run in zip(spots, runs, strict=True):
            draw_etf(axis, run.arrays["means"])
            draw_points(axis, run.arrays["final"], run.arrays["labels"])
            axis.set_title(f"{label(run.spec)}\nloss {run.final['loss']:.4f}", loc="center")
        for axis in axes.flat:
            if axis not in (start, *spots):
                axis.axis("off")
        return figure

    return picture(draw, "Representations in the unit disc before and after training, a panel for each method.")


def draw_points(axis: Axes, points: np.ndarray, labels: np.ndarray) -> None:
    """Draw points in the unit disc, a colour and a marker for each class.

    Args:
        axis: a panel.
        points: shape (n, 2).
        labels: shape (n,), from 0 on.
    """
    axis.add_patch(Circle((0, 0), 1, fill=False, color=style.BOUND.light, linewidth=0.8))
    for at in range(int(labels.max()) + 1):
        its = points[labels == at]
        axis.plot(
            its[:, 0], its[:, 1], style.CLASS_MARKERS[at % len(style.CLASSES)], linestyle="none", markersize=4,
            color=style.CLASSES[at % len(style.CLASSES)].light, alpha=0.55, markeredgewidth=0, rasterized=False,
        )  # fmt: skip
    axis.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), xticks=[], yticks=[], aspect="equal")
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def draw_etf(axis: Axes, means: np.ndarray) -> None:
    """Draw the ETF that is nearest to class means, as a dotted triangle with rings at its corners.

    Args:
        axis: a panel.
        means: shape (C, 2).
    """
    etf = simplex_etf(len(means), means.shape[1]).numpy()
    u, _, vt = np.linalg.svd(etf.T @ means)  # orthogonal Procrustes: the turn that brings the ETF closest
    turned = etf @ (u @ vt)
    axis.fill(turned[:, 0], turned[:, 1], fill=False, edgecolor=style.BOUND.light, linewidth=0.9, linestyle=":")
    axis.plot(
        turned[:, 0], turned[:, 1], "o", color=style.BOUND.light, markersize=11, markerfacecolor="none",
        markeredgewidth=1,
    )  # fmt: skip


def _key(axis: Axes, classes: int) -> None:
    """Write into an empty panel what the signs are."""
    axis.axis("off")
    axis.set(xlim=(0, 1), ylim=(0, 1))
    signs = [
        (style.CLASS_MARKERS[at], style.CLASSES[at].light, style.CLASSES[at].light, f"class {at + 1}", 5)
        for at in range(classes)
    ]
    signs.append(("o", style.BOUND.light, "none", "corner of the ETF", 9))
    for row, (marker, edge, face, text, size) in enumerate(signs):
        y = 0.78 - 0.14 * row
        axis.plot(0.06, y, marker, markersize=size, markeredgecolor=edge, markerfacecolor=face, clip_on=False)
        axis.text(0.16, y, text, va="center", fontsize=8)
