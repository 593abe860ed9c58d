"""The drawings of "The idea in pictures" that are of recorded runs: hardened draws, spectra, classes that merge."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import torch
from IPython.display import HTML
from matplotlib.image import imsave

from hcl.companion.labels import label
from hcl.companion.numbers import number
from hcl.companion.svg import BETAS, INK, MUTED, RULE, element, figure, line, panel, path, text
from hcl.geometry import cluster_count, covariance_spectrum, effective_rank
from hcl.training.runs import Run

BETA = (0.0, 2.0, 5.0, 10.0, 30.0)
NEAR = 0.9  # a similarity above this is called near


# Axes of the plots


def _ticks_x(values: Sequence[float], to_x: Sequence[float], y: float, words: str, middle: float) -> str:
    drawn = "".join(
        line((x, y), (x, y + 4), MUTED, 1) + text(x, y + 17, f"{value:g}".replace("-", "−"), anchor="middle", size=12)
        for value, x in zip(values, to_x, strict=True)
    )
    return drawn + text(middle, y + 34, words, anchor="middle", size=12, fill=MUTED)


# What hardening does


def tilted(counts: np.ndarray, beta: float) -> np.ndarray:
    """Return the distribution of similarities after hardening: each weighted by exp(beta t), Sec. 3.2.

    Args:
        counts: (bins,) of similarities t in [-1, 1], bins of equal width, as `hcl.geometry.similarity_histogram` has.
        beta: hardness, >= 0.

    Returns:
        (bins,) shares, which sum to 1.
    """
    centres = similarity_centres(len(counts))
    weights = counts * np.exp(beta * (centres - 1))  # of the largest similarity 1: nothing overflows
    return np.asarray(weights / weights.sum())


def similarity_centres(bins: int) -> np.ndarray:
    """Return the middles of the bins of a histogram over [-1, 1]: (bins,)."""
    return (np.arange(bins) + 0.5) * 2 / bins - 1


def near_share(shares: np.ndarray) -> float:
    """Return the share of a distribution of similarities that lies above `NEAR`."""
    return float(shares[similarity_centres(len(shares)) > NEAR].sum())


def own_share(similarities: np.ndarray, beta: float) -> float:
    """Return the share of hardened draws that are of the anchor's own class, where labels do not keep these out.

    Args:
        similarities: (2, bins) counts, of one class and of two, as `hcl.geometry.similarity_histogram` has them.
        beta: hardness, >= 0.
    """
    together = similarities.sum(0)
    drawn = tilted(together.astype(float), beta)
    return float((drawn * similarities[0] / np.maximum(together, 1)).sum())


def hardening(run: Run) -> HTML:
    """Draw what hardening does to recorded similarities, a row a hardness, with labels and without.

    Args:
        run: that has recorded ``similarities``.
    """
    counts = run.arrays["similarities"][-1]
    other, together = counts[1].astype(float), counts.sum(0).astype(float)
    near = [f"{near_share(tilted(other, beta)):.0%} above {NEAR:g}" for beta in BETA]
    own = [f"{own_share(counts, beta):.0%} own class" for beta in BETA]
    panels = [
        _rows("With labels: other classes only", other, near), _rows("Without labels: any picture", together, own)
    ]  # fmt: skip
    spec = run.spec
    caption = (
        "How similar negatives are to their anchor, as they come (β = 0) and as hard negatives are drawn. Recorded "
        f"similarities of images ({label(spec)} on {spec.dataset}, epoch {spec.epochs:,}), each weighted by "
        "e<sup>βt</sup>; every row is drawn to its own height."
    )
    return HTML(figure(panels, caption, "idea-hardening"))


def _rows(title: str, counts: np.ndarray, notes: Sequence[str]) -> str:
    """Return a panel of the distribution of similarities at every hardness, with a note in each row."""
    left, width, height, top, step = 58, 250, 44, 82, 58
    edges = left + width * np.arange(len(counts) + 1) / len(counts)
    drawn = text(left + width / 2, 18, title, anchor="middle", size=14)
    for row, (beta, colour, note) in enumerate(zip(BETA, BETAS, notes, strict=True)):
        shares, base = tilted(counts, beta), top + step * row
        tops = base - height * shares / shares.max()
        steps = [point for i, y in enumerate(tops) for point in ((edges[i], y), (edges[i + 1], y))]
        outline = [(left, base), *steps, (left + width, base)]
        drawn += path(outline, closed=True, fill=colour, fill_opacity=0.25, stroke=colour, stroke_width=1.2)
        drawn += text(left - 8, base, f"β = {beta:g}", anchor="end", fill=colour)
        drawn += text(left + width - 12, base - 8, note, anchor="end", size=12)
    bottom = top + step * (len(BETA) - 1)
    places = [left, left + width / 2, left + width]
    drawn += _ticks_x((-1, 0, 1), places, bottom, "similarity of a negative to its anchor", left + width / 2)
    what = f"{title}: distributions of similarities, a row for each hardness, further right as it grows."
    return panel(330, bottom + 42, what, drawn)


# Flat or a cliff


def spectra(runs: Sequence[Run]) -> HTML:
    """Draw the spectra of the class means of runs, each named at its end.

    Args:
        runs: two or so, of one data set.
    """
    curves = [covariance_spectrum(torch.from_numpy(run.arrays["means"])).numpy() for run in runs]
    count = min(runs[0].spec.num_classes - 1, *(len(curve) for curve in curves))
    low = -20.0
    left, top, width, height = 50, 16, 290, 220
    xs = left + width * np.arange(count) / max(count - 1, 1)
    drawn = ""
    for level in (0, -5, -10, -15, -20):
        y = top + height * level / low
        drawn += line((left, y), (left + width, y), RULE, 1)
        drawn += text(left - 7, y + 4, f"{level}".replace("-", "−"), anchor="end", size=12)
    for run, curve in zip(runs, curves, strict=True):
        colour = BETAS[BETA.index(run.spec.hardness)] if run.spec.hardness in BETA else INK
        ys = top + height * np.clip(curve[:count], low, 0) / low
        drawn += path(zip(xs, ys, strict=True), stroke=colour, stroke_width=2.2)
        rank = float(effective_rank(torch.from_numpy(run.arrays["means"]).double()))
        place = (left + width * 0.62, ys[int(0.62 * (count - 1))] + 20)
        words = f"{label(run.spec)}: {number(rank, '.0f')} of {count}"
        drawn += text(
            min(place[0], left + width - 4), min(place[1], top + height - 8), words, anchor="middle", fill=colour
        )
    at = [left, left + width]
    drawn += _ticks_x((1, count), at, top + height, "direction, from the most to the least used", left + width / 2)
    shown = panel(360, top + height + 42, "A flat spectrum with hard negatives, a cliff without.", drawn)
    caption = (
        "How much of the class means lies in each direction (natural logarithm, against the first). Flat: all "
        "directions are used alike, which is Neural-Collapse. A cliff: a few are used and the rest is empty, "
        "Dimensional-Collapse. The numbers are effective ranks, how many directions are in use."
    )
    return HTML(figure([shown], caption, "idea-spectra"))


# Classes that merge

_NEGATIVE, _POSITIVE = (38, 124, 214), (222, 110, 10)  # of one lightness: seen on white and on black


def by_cluster(means: np.ndarray) -> np.ndarray:
    """Return an order of the classes in which those close to each other are neighbours: (C,) indices.

    Args:
        means: (C, d) class means.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage

    return np.asarray(leaves_list(linkage(means, "average", optimal_ordering=True)))


def diverging(values: np.ndarray) -> np.ndarray:
    """Return colours of numbers in [-1, 1]: one hue for each sign, seen through to the page at 0.

    Args:
        values: any shape; beyond [-1, 1] the colour of the end.

    Returns:
        (..., 4) uint8, red, green, blue and opacity.
    """
    clipped = np.clip(values, -1, 1)
    hue = np.where(clipped[..., None] < 0, _NEGATIVE, _POSITIVE)
    opacity = np.round(np.abs(clipped) ** 0.8 * 32) / 32 * 255  # few levels: a small file
    return np.concatenate([hue, opacity[..., None]], axis=-1).round().astype(np.uint8)


def _image(pixels: np.ndarray) -> str:
    """Return the address of an image that holds the image itself."""
    buffer = io.BytesIO()
    imsave(buffer, pixels, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def merging(runs: Sequence[Run]) -> HTML:
    """Draw the inner products of all pairs of class means, a matrix a run, classes ordered by their clusters.

    Args:
        runs: two or so, of one data set.
    """
    panels, said = [], []
    for run in runs:
        means = run.arrays["means"].astype(float)
        means, count = means[by_cluster(means)], len(means)
        clusters = cluster_count(torch.from_numpy(means))
        drawn = text(160, 18, label(run.spec), anchor="middle", size=14)
        drawn += element(
            "image", href=_image(diverging(means @ means.T)), x=20, y=30, width=280, height=280,
            preserveAspectRatio="none", style="image-rendering:pixelated",
        )  # fmt: skip
        drawn += element("rect", x=20, y=30, width=280, height=280, fill="none", stroke=RULE)
        what = f"{count} × {count} inner products of the class means of {label(run.spec)}: {clusters} blocks."
        panels.append(panel(320, 316, what, drawn))
        said.append(f"{label(run.spec)} has {clusters} cluster{'s' * (clusters > 1)} of class means")
    scale = _image(diverging(np.linspace(-1, 1, 65)[None]))
    key = element("image", href=scale, x=60, y=4, width=200, height=12, preserveAspectRatio="none")
    key += element("rect", x=60, y=4, width=200, height=12, fill="none", stroke=RULE)
    key += "".join(text(x, 32, words, anchor="middle", size=12) for x, words in ((60, "−1"), (160, "0"), (260, "1")))
    key += text(52, 14, "opposite", anchor="end", size=12) + text(268, 14, "equal", size=12)
    panels.append(panel(320, 38, "Scale: blue is −1, no colour 0, orange 1.", key))
    classes = runs[0].spec.num_classes
    caption = (
        f"Each small square is the inner product of the means of two of the {classes} classes, orange where the two "
        f"are one. At Neural-Collapse only the diagonal is: {classes} classes, each by itself. Blocks are classes that "
        f"have merged: {', '.join(said)}."
    )
    return HTML(figure(panels, caption, "idea-merging"))
