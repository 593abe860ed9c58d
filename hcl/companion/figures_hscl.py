"""Figures of H-SCL's pages: two schematics of our own, and its Figures 1, 4 and 5 from runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from hcl.companion import hscl, style
from hcl.companion.claims.hscl import MEASURES
from hcl.companion.drawing import WAITING, End, end_labels, heading, lay_out, note, panels, waiting
from hcl.companion.entries_hscl import TAU
from hcl.companion.labels import label
from hcl.companion.pictures import Layout, Picture, picture
from hcl.training.hscl import CASES
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

_WORDS: Mapping[str, str] = dict(zip(CASES, hscl.HARDENINGS, strict=True))
_OWN, _OTHER, _ANCHOR, _RING = style.CLASSES[2], style.CLASSES[0], style.CLASSES[1], style.VERDICTS["not reproduced"]
_RADIUS = 0.45  # of what counts as hard, in the schematics
_DASHES: Mapping[str, tuple[float, ...]] = {"UCL": (1, 1.2), "HUCL": (6, 1.6), "SCL": (3, 1.4), "HSCL": ()}


def _scene() -> tuple[torch.Tensor, torch.Tensor]:
    """Return points of a schematic around an anchor at 0, and whether each is of the anchor's class."""
    generator = torch.Generator().manual_seed(32)
    own = torch.rand(60, generator=generator) < 0.25
    points = torch.rand(60, 2, generator=generator) * 1.9 - 0.95
    points[own] *= 0.55
    apart = torch.cdist(points, points) + 9 * torch.eye(60)
    kept = [i for i in range(60) if float(points[i].norm()) > 0.16 and float(apart[i, :i].min() if i else 9) > 0.15]
    return points[kept], own[kept]


def _draw_scene(axis: Axes, points: torch.Tensor, own: torch.Tensor) -> None:
    for of, marker, colour in ((own, "^", _OWN), (~own, "o", _OTHER)):
        axis.plot(*points[of].T.numpy(), marker, linestyle="none", color=colour.light, markersize=5, markeredgewidth=0)
    axis.plot(0, 0, "*", color=_ANCHOR.light, markersize=12, markeredgewidth=0)
    axis.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xticks=[], yticks=[], aspect="equal")
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)


def sampling() -> Picture:
    """Draw which negatives SCL, H-UCL and H-SCL prefer, as that work's Figure 2 does: a schematic, not its picture."""
    points, own = _scene()
    near = points.norm(dim=1) < _RADIUS
    shown = {
        "SCL: of other classes": ~own,
        "H-UCL: near, of any class": near,
        "H-SCL: near, of other classes": near & ~own,
    }

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 3, 2.6, top=0.1)
        generator = torch.Generator().manual_seed(3)  # of both layouts
        for axis, (title, of) in zip(axes[0], shown.items(), strict=True):
            _draw_scene(axis, points, own)
            places = of.nonzero().flatten()
            some = places[torch.randperm(len(places), generator=generator)[:6]]
            for x, y in points[some].tolist():
                axis.plot(
                    x, y, "o", markersize=11, markerfacecolor="none", markeredgecolor=_RING.colour.light,
                    markeredgewidth=1.4,
                )  # fmt: skip
            axis.set_title(title, loc="center")
        return figure

    return picture(draw, "Three times the same points around an anchor; rings mark the negatives of each method.")


def sets() -> Picture:
    """Draw the sets of that work's Figure 3: hard negatives within a circle, by class; a schematic."""
    points, own = _scene()

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 1, 1, 3.2, top=0.1)
        axis = axes[0][0]
        _draw_scene(axis, points, own)
        axis.add_patch(Circle((0, 0), _RADIUS, fill=False, edgecolor=style.BOUND.light, linewidth=1.2))
        signs = [
            ("*", _ANCHOR, "the anchor"), ("o", _OTHER, "another class: SCL; within the circle H-SCL"),
            ("^", _OWN, "the anchor's class; within the circle Hcol"),
        ]  # fmt: skip
        for marker, colour, text in signs:
            axis.plot([], [], marker, linestyle="none", color=colour.light, markersize=6, label=text)
        axis.plot([], [], "-", color=style.BOUND.light, label="e^g = τ; all within: H-UCL")
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=1 if layout.narrow else 2, handletextpad=0.6)
        return figure

    return picture(draw, "Points around an anchor, a circle around the near ones, told apart by class.")


def assumption(by_data: Mapping[str, Sequence[Run]]) -> Picture:
    """Draw the share of anchors that satisfy Assumption 1 by epoch, a panel a hardening function (Figure 4).

    Args:
        by_data: H-UCL runs by the name of their data; where there are none yet the panels say so.
    """
    if not any(by_data.values()):
        return waiting("Share of anchors that satisfy Assumption 1 by epoch.")

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 2, 2, 1.7)
        every = [axis for row in axes for axis in row]
        ends: list[list[End]] = []
        for axis, case in zip(every, CASES, strict=True):
            ends.append([
                End(_line(axis, runs, f"assumption_{case}", style.CLASSES[at].light, _dashes(at)), name,
                    style.CLASSES[at].light)
                for at, (name, runs) in enumerate(by_data.items()) if runs
            ])  # fmt: skip
            axis.set(ylim=(0, 1.05))
            axis.axhline(0.5, color=style.BOUND.light, linewidth=0.9, zorder=1.5)
            axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
            _finish(axis, f"Anchors that satisfy Assumption 1, {_WORDS[case]}", bool(ends[-1]))
        lay_out(every, [end.text for of in ends for end in of])
        for axis, of in zip(every, ends, strict=True):
            end_labels(axis, of)
        return figure

    return picture(draw, "Share of anchors that satisfy Assumption 1 by epoch, a panel for each hardening function.")


def losses(runs: Sequence[Run]) -> Picture:
    """Draw the four losses of one training by epoch, a panel a hardening function (Figure 5).

    Args:
        runs: H-UCL runs on one data set, none where they are still to be made.
    """
    if not runs:
        return waiting("UCL, SCL, H-UCL and H-SCL losses by epoch.")

    def draw(layout: Layout) -> Figure:
        figure, axes = panels(layout, 2, 2, 1.9)
        every = [axis for row in axes for axis in row]
        ends: list[list[End]] = []
        for axis, case in zip(every, CASES, strict=True):
            columns = {"HUCL": f"hucl_{case}", "HSCL": f"hscl_{case}", "UCL": "ucl", "SCL": "scl"}
            ends.append([
                End(_line(axis, runs, column, style.METHODS[name].light, _DASHES[name]), _dashed(name),
                    style.METHODS[name].light)
                for name, column in columns.items() if runs
            ])  # fmt: skip
            _finish(axis, f"Loss, {_WORDS[case]}", bool(runs))
        lay_out(every, ["H-UCL"])
        for axis, of in zip(every, ends, strict=True):
            end_labels(axis, of)
        return figure

    return picture(draw, "UCL, SCL, H-UCL and H-SCL losses by epoch, a panel for each hardening function.")


def accuracy(by_data: Mapping[str, Sequence[Run]]) -> Picture:
    """Draw the accuracy of each method by each classifier, a row of panels a data set (Figure 1).

    Args:
        by_data: runs by the name of their data, a sign a seed; where there are none yet the panels say so.
    """
    if not any(by_data.values()):
        return waiting("Test accuracy of each method by each classifier.")

    def draw(layout: Layout) -> Figure:
        height = 2.1 if layout.narrow else 2.0
        figure, axes = panels(layout, len(by_data), len(MEASURES), height)
        for row, (data, runs) in zip(axes, by_data.items(), strict=True):
            names = list(dict.fromkeys(named(run.spec) for run in sorted(runs, key=_order)))[::-1]
            for axis, (measure, (_, words)) in zip(row, MEASURES.items(), strict=True):
                for run in runs:
                    of = style.METHODS[run.spec.method]
                    value = float(run.final[measure]) if measure in run.final else float("nan")
                    axis.plot(
                        value, names.index(named(run.spec)), style.METHOD_MARKERS[run.spec.method], color=of.light,
                        markersize=5.5, clip_on=False,
                    )  # fmt: skip
                shown = layout.narrow or axis is row[0]
                axis.set(yticks=range(len(names)), ylim=(-0.6, max(len(names), 1) - 0.4))
                axis.set_yticklabels(names if shown else [""] * len(names))
                axis.grid(axis="x")
                axis.grid(visible=False, axis="y")
                axis.set_title(f"Accuracy, {words.split(' ', 1)[1]}")
                axis.margins(x=0.15)
                axis.xaxis.set_major_formatter(PercentFormatter(1))
                axis.xaxis.set_major_locator(MaxNLocator(3))
                if not runs:
                    axis.set(xticks=[])
                    note(axis, WAITING, 0.5, 0.5, ha="center")
                if shown:
                    heading(axis, data, style.INK.light)
        return figure

    return picture(draw, "Test accuracy of each method by mean classifier, linear probe and nearest neighbours.")


def _line(axis: Axes, runs: Sequence[Run], column: str, colour: str, dashes: tuple[float, ...]) -> float:
    """Draw a column by epoch, the mean over the seeds, and return where the line ends."""
    every: Any = sum(run.evaluated.set_index("epoch")[column] for run in runs) / len(runs)
    axis.plot(every.index, every, color=colour, linestyle=(0, dashes) if dashes else "-")
    return float(every.iloc[-1])


def _finish(axis: Axes, title: str, drawn: bool) -> None:
    axis.set_title(title)
    axis.margins(x=0)
    axis.yaxis.set_major_locator(MaxNLocator(4))
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axis.set_xlabel("training epoch")
    if not drawn:
        axis.set(xticks=[], yticks=[])
        note(axis, WAITING, 0.5, 0.6, ha="center")


def _dashes(at: int) -> tuple[float, ...]:
    return () if at == 0 else (3, 1.4)


def _dashed(method: str) -> str:
    """Return what that work calls a method: ``"H-SCL"``."""
    return method.replace("HSCL", "H-SCL").replace("HUCL", "H-UCL")


def named(spec: RunSpec) -> str:
    """Return what that work calls a setting: ``"H-SCL, τ = e^−0.1"``."""
    return _dashed(label(spec)).replace(f"{TAU:g}", "e^−0.1")


def _order(run: Run) -> tuple[bool, bool, str, int]:
    spec = run.spec
    return spec.supervised, bool(spec.hardness), spec.hardening, spec.seed
