"""The recorded points of the synthetic runs on their way, a frame an epoch, under a slider that needs no library."""

import json
from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML

from hcl.companion.labels import label
from hcl.companion.svg import CLASSES, MUTED, RULE, element, figure, panel, path, text
from hcl.geometry import simplex_etf
from hcl.training.runs import Run

SIDE, MIDDLE, RADIUS = 230, 115, 94
SHOWN = 60  # points of a class, evenly taken


def with_points(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that have recorded their points on the way, which older ones have not."""
    return [run for run in runs if "points" in run.arrays]


def frames(run: Run) -> tuple[list[int], list[list[str]]]:
    """Return the epochs of the recorded points and, for each, a path of dots a class.

    Args:
        run: with ``points`` (frames, n, 2), ``point_epochs`` and ``labels``.

    Returns:
        Epochs, and as many lists of C strings: SVG path data, a line of no length for each point.
    """
    labels, epochs = run.arrays["labels"], [int(epoch) for epoch in run.arrays["point_epochs"]]
    chosen = [np.flatnonzero(labels == c) for c in range(int(labels.max()) + 1)]
    chosen = [of[:: -(-len(of) // SHOWN)] for of in chosen]
    return epochs, [[_dots(points[of]) for of in chosen] for points in run.arrays["points"]]


def _dots(points: np.ndarray) -> str:
    places = np.round(MIDDLE + RADIUS * np.clip(points, -1.15, 1.15) * [1, -1]).astype(int)
    return "".join(f"M{x} {y}h0" for x, y in places)


def triangle(means: np.ndarray) -> np.ndarray:
    """Return the ETF turned to class means in the plane: (C, 2), by orthogonal Procrustes.

    Args:
        means: (C, 2).
    """
    etf = simplex_etf(len(means), means.shape[1]).numpy()
    u, _, vt = np.linalg.svd(etf.T @ means)
    return np.asarray(etf @ (u @ vt))


def _plane(run: Run, last: Sequence[str]) -> str:
    corners = [(MIDDLE + RADIUS * x, MIDDLE - RADIUS * y + 14) for x, y in triangle(run.arrays["means"])]
    drawn = text(MIDDLE, 16, label(run.spec), anchor="middle", size=14)
    drawn += element("circle", cx=MIDDLE, cy=MIDDLE + 14, r=RADIUS, fill="none", stroke=RULE, stroke_width=1.5)
    drawn += path(corners, closed=True, stroke=MUTED, stroke_width=1.2, stroke_dasharray="3 4")
    dots = [
        element(
            "path", d=d, fill="none", stroke=CLASSES[c % len(CLASSES)], stroke_width=7, stroke_linecap="round",
            stroke_opacity=0.6,
        )
        for c, d in enumerate(last)
    ]  # fmt: skip
    drawn += element("g", "".join(dots), class_="hcl-dots", transform="translate(0 14)")
    return panel(SIDE, SIDE + 4, f"Points of three classes in the unit disc, {label(run.spec)}, after training.", drawn)


def moving(runs: Sequence[Run]) -> HTML:
    """Draw the points of runs in two dimensions, with a slider over their recorded epochs.

    The last epoch is what is seen where no script runs; ``book/_static/idea.js`` moves the points.

    Args:
        runs: on the same epochs, each with recorded points.

    Raises:
        ValueError: if they have other epochs than each other.
    """
    shown = [frames(run) for run in runs]
    epochs = shown[0][0]
    if any(of != epochs for of, _ in shown):
        raise ValueError("The runs have recorded their points after different epochs: they cannot share a slider.")
    data = json.dumps({"epochs": epochs, "panels": [paths for _, paths in shown]}, separators=(",", ":"))
    controls = (
        '<div class="hcl-controls" hidden><button type="button" class="hcl-play">Play</button>'
        f'<label>Epoch <input type="range" min="0" max="{len(epochs) - 1}" step="1" value="{len(epochs) - 1}"></label>'
        f'<output>{epochs[-1]} of {epochs[-1]}</output></div><script type="application/json">{data}</script>'
    )
    names = ", ".join(label(run.spec) for run in runs)
    caption = (
        f"Points of three classes of the synthetic data in training ({escape(names)}; seed {runs[0].spec.seed}), "
        f"recorded after {len(epochs)} of {epochs[-1]} epochs; {SHOWN} points a class are drawn. The dotted triangle "
        "is the best arrangement, turned to fit."
    )
    panels = [_plane(run, paths[-1]) for run, (_, paths) in zip(runs, shown, strict=True)]
    drawn = figure(panels, caption, "idea-moving").replace("</div><figcaption>", f"</div>{controls}<figcaption>")
    return HTML(drawn.replace('class="hcl-idea"', 'class="hcl-idea hcl-moving"'))
