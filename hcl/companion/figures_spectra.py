"""Figures of what the training ends with: spectra of the class means (Figures 4 and 6), and classes that merge."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hcl.companion import style
from hcl.companion.drawing import SMALL, End, Look, end_labels, heading, lay_out, looks, panels, reference
from hcl.companion.labels import hardness_label
from hcl.companion.pictures import Layout, Picture, picture
from hcl.companion.registry import row_of
from hcl.companion.report import SUPERVISION
from hcl.geometry import cluster_count, covariance_spectrum
from hcl.training.runs import Run

FLOAT32_FLOOR = 2 * float(np.log(np.finfo(np.float32).eps))  # squared singular values of float32 means (D40)


def spectrum_panels(runs: Sequence[Run], titles: Mapping[str, str] | None = None) -> Picture:
    """Draw ln of the normalised singular values of the covariance of class means, as in Figures 4 and 6 (D40).

    Supervised left, unsupervised right, a row of panels for each of the rows of those figures that there are runs of.
    The line at the level of float32 rounding: what lies below it is noise.

    Args:
        runs: of a study or several.
        titles: what to write above the rows, by their names.
    """
    look = looks(runs)
    kinds = [name for name, on in zip(SUPERVISION, (True, False), strict=True) if _of(runs, on)]
    rows = list(dict.fromkeys(row_of(run.spec) for run in runs))

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, len(rows), len(kinds), 1.9 if layout.narrow else 1.95)
        ends: dict[Axes, list[End]] = {}
        for row, name in zip(axes, rows, strict=True):
            of_row = [run for run in runs if row_of(run.spec) == name]
            for axis, kind in zip(row, kinds, strict=True):
                its = _of(of_row, kind == SUPERVISION[0])
                ends[axis] = draw_spectra(axis, its, look)
                title = (titles or {}).get(name, name)
                axis.set_title(
                    title[0].upper() + title[1:] if len(rows) > 1 else "ln of singular values $\\sigma_i/\\sigma_1$"
                )
                if layout.narrow or name == rows[0]:
                    heading(axis, kind[0].upper() + kind[1:], style.SUPERVISION[kind.split()[0]].light)
                if not (layout.narrow or name == rows[-1]):
                    axis.set_xlabel("")
                if not its:
                    axis.text(0.5, 0.5, "still to be made", transform=axis.transAxes, ha="center", fontsize=SMALL)
        every = [axis for row in axes for axis in row]
        _scale(every, runs)
        if len(rows) > 1:
            for row in axes:
                for axis in row if layout.narrow else row[:1]:
                    axis.set_ylabel("ln $(\\sigma_i/\\sigma_1)$")
        lay_out(every, list(look))
        for axis in every:
            if axis.get_ylim()[0] < FLOAT32_FLOOR:
                reference(axis, FLOAT32_FLOOR, "below: rounding noise")
            reference(axis, 0, "flat: an ETF", above=True)
            end_labels(axis, ends[axis])
        return figure

    return picture(draw, "Spectrum of the class means, a line for each hardness, supervised and unsupervised.")


def draw_spectra(axis: Axes, runs: Sequence[Run], look: Mapping[str, Look]) -> list[End]:
    """Draw the spectrum of each run, a line each, and return where the lines of each hardness end.

    Args:
        axis: a panel.
        runs: with class means.
        look: of each hardness, by its label.
    """
    last: dict[str, list[float]] = {}
    for run in runs:
        name = hardness_label(run.spec)
        spectrum = covariance_spectrum(torch.from_numpy(run.arrays["means"])).numpy()
        every = max(1, len(spectrum) // 9)
        axis.plot(
            np.arange(1, len(spectrum) + 1), spectrum, **look[name].line, marker=look[name].marker, markersize=3.6,
            markevery=(list(look).index(name) * every // len(look), every),
        )  # fmt: skip
        last.setdefault(name, []).append(float(spectrum[-1]))
    axis.set_xlabel("singular value, from the largest on")
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.margins(x=0.02)
    return [End(float(np.mean(values)), name, look[name].colour) for name, values in last.items()]


def cluster_panel(runs: Sequence[Run]) -> Picture:
    """Draw into how many clusters the class means have merged, by hardness: as many as classes at an ETF (D46)."""
    counted: dict[tuple[str, bool], list[int]] = {}
    for run in sorted(runs, key=lambda run: run.spec.hardness):
        means = torch.from_numpy(run.arrays["means"])
        counted.setdefault((hardness_label(run.spec), run.spec.supervised), []).append(int(cluster_count(means)))
    names = list(dict.fromkeys(name for name, _ in counted))
    kinds = [on for on in (True, False) if _of(runs, on)]
    classes = runs[0].spec.num_classes

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 1, 2.2)
        axis, wide = axes[0][0], 0.8 / len(kinds)
        for side, on in enumerate(kinds):
            colour = style.SUPERVISION["supervised" if on else "unsupervised"].light
            for place, name in enumerate(names):
                values = np.array(counted.get((name, on), []))
                if not len(values):
                    continue
                x = place + (side - (len(kinds) - 1) / 2) * wide
                deviation = values.std(ddof=1) if len(values) > 1 else None
                axis.bar(
                    x, values.mean(), 0.9 * wide, color=colour, hatch="" if on else "///", yerr=deviation,
                    ecolor=style.INK.light, error_kw={"elinewidth": 1},
                )  # fmt: skip
                axis.annotate(
                    f"{values.mean():.0f}", (x, values.mean() + (deviation or 0)), (0, 3), textcoords="offset points",
                    ha="center", fontsize=SMALL, color=style.INK.light,
                )  # fmt: skip
        axis.set(ylim=(0, 1.22 * classes), xticks=range(len(names)))
        axis.set_xticklabels(names)
        axis.tick_params(axis="x", length=0)
        axis.set_title("Class means that are apart")
        for at, on in enumerate(kinds):
            kind = SUPERVISION[0 if on else 1]
            axis.annotate(
                ("■ " if on else "▨ ") + kind.split()[0], (0, 1), (84 * at, 19), xycoords="axes fraction",
                textcoords="offset points", color=style.SUPERVISION[kind.split()[0]].light, fontweight="bold",
            )  # fmt: skip
        lay_out([axis])
        reference(axis, classes, f"{classes} classes", above=True)
        return figure

    return picture(draw, "Number of clusters of class means by hardness, supervised and unsupervised.")


def _scale(axes: Sequence[Axes], runs: Sequence[Run]) -> None:
    low = min([-1, *(axis.get_ylim()[0] for axis in axes if axis.lines)])
    if low < FLOAT32_FLOOR:
        low = min(low, 1.18 * FLOAT32_FLOOR)
    for axis in axes:
        axis.set_ylim(low, max(0.17 * -low, 0.17))
        axis.yaxis.set_major_locator(MaxNLocator(5))


def _of(runs: Sequence[Run], supervised: bool) -> list[Run]:
    return [run for run in runs if run.spec.supervised == supervised]
