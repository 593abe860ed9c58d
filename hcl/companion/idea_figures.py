"""The drawings of "The idea in pictures": what is embedded and where, the best arrangements, and how training ends."""

import base64
import io
import math
from collections.abc import Sequence

import numpy as np
import torch
from IPython.display import HTML
from matplotlib.image import imsave

from hcl.companion.labels import label
from hcl.companion.numbers import number
from hcl.companion.svg import BETAS, CLASSES, GROUND, INK, MUTED, RULE, element, figure, line, panel, path, text
from hcl.geometry import cluster_count, covariance_spectrum, effective_rank
from hcl.training.runs import Run

BETA = (0.0, 2.0, 5.0, 10.0, 30.0)
NEAR = 0.9  # a similarity above this is called near


# What is embedded


def _shape(x: float, y: float, kind: str, size: float = 11) -> str:
    """Return a picture of a class: circles are one class, squares and triangles two others."""
    colour = CLASSES[("circle", "square", "triangle").index("square" if kind == "rounded" else kind)]
    if kind == "circle":
        return element("circle", cx=x, cy=y, r=size, fill=colour)
    if kind == "triangle":
        top = [(x, y - size), (x + size, y + 0.8 * size), (x - size, y + 0.8 * size)]
        return path(top, closed=True, fill=colour)
    corner = 0.62 * size if kind == "rounded" else 1
    return element("rect", x=x - size, y=y - size, width=2 * size, height=2 * size, rx=corner, fill=colour)


_ITEMS = (
    # what it is called, its picture, and the angle of its embedding in degrees
    ("anchor", "circle", 60), ("positive", "circle", 92), ("hard negative", "rounded", 28),
    ("negative", "square", 300), ("negative", "triangle", 200),
)  # fmt: skip


def samples() -> HTML:
    """Draw five pictures, called by their parts in the loss, and where a network puts them on the unit circle."""
    rows = ""
    for number_, (name, kind, _) in enumerate(_ITEMS):
        y = 46 + 46 * number_
        rows += element("rect", x=8, y=y - 19, width=38, height=38, rx=4, fill=GROUND, stroke=RULE)
        rows += _shape(27, y, kind) + text(56, y + 5, name) + line((158, y), (214, 138), MUTED, 1)
    rows += element("rect", x=214, y=108, width=86, height=60, rx=8, fill="none", stroke=INK)
    rows += text(257, 134, "network", anchor="middle") + text(257, 153, "f", anchor="middle", font_style="italic")
    rows += _arrow((300, 138), (336, 138), MUTED)
    left = panel(340, 276, "Five pictures enter a network: an anchor and a positive of one class, three negatives.", rows)

    cx, cy, r = 150, 140, 86
    ball = element("circle", cx=cx, cy=cy, r=r, fill="none", stroke=RULE, stroke_width=1.5)
    ball += element("circle", cx=cx, cy=cy, r=2, fill=MUTED)
    for name, kind, degrees in _ITEMS:
        x, y = cx + r * math.cos(math.radians(degrees)), cy - r * math.sin(math.radians(degrees))
        ball += line((cx, cy), (x, y), MUTED, 1) + _shape(x, y, kind, 9)
        where = "start" if x > cx + 30 else "end" if x < cx - 30 else "middle"
        ball += text(cx + 1.17 * (x - cx), cy + 1.17 * (y - cy) + 4, name, anchor=where)
    ball += _arc(cx, cy, 0.72 * r, 88, 64, CLASSES[0]) + text(cx - 8, cy - 50, "pull", anchor="end", fill=CLASSES[0])
    ball += _arc(cx, cy, 0.78 * r, 22, -16, CLASSES[1]) + text(cx + 58, cy + 5, "push", anchor="end", fill=CLASSES[1])
    right = panel(340, 276, "Their embeddings on the unit circle: the hard negative lies close to the anchor.", ball)
    caption = (
        "Shapes are classes. The network turns each picture into a point, its <em>embedding</em>. Training pulls the "
        "positive to the anchor and pushes the negatives away. The rounded square is easily taken for a circle: its "
        "embedding is close to the anchor's, which makes it a <em>hard</em> negative."
    )
    return HTML(figure([left, right], caption, "idea-samples"))


def _arrow(a: tuple[float, float], b: tuple[float, float], colour: str) -> str:
    angle = math.atan2(b[1] - a[1], b[0] - a[0])
    wings = [(b[0] - 7 * math.cos(angle + turn), b[1] - 7 * math.sin(angle + turn)) for turn in (0.45, -0.45)]
    return line(a, b, colour, 1.5) + path([wings[0], b, wings[1]], stroke=colour, stroke_width=1.5)


def _arc(cx: float, cy: float, r: float, start: float, end: float, colour: str) -> str:
    angles = np.radians(np.linspace(start, end, 9))
    points = [(cx + r * math.cos(angle), cy - r * math.sin(angle)) for angle in angles]
    return path(points[:-1], stroke=colour, stroke_width=1.5) + _arrow(points[-2], points[-1], colour)


# The best arrangements


def angle(classes: int) -> float:
    """Return the angle between any two class means at Neural-Collapse, in degrees: its cosine is -1/(C - 1)."""
    return math.degrees(math.acos(-1 / (classes - 1)))


def simplices() -> HTML:
    """Draw the best arrangement of two, three and four classes: a segment, a triangle, a tetrahedron."""
    # The tetrahedron turned a little, so that no two corners fall together.
    corners = np.array([[0, 1, 0], [-0.82, -0.33, 0.47], [0.94, -0.33, 0.1], [-0.12, -0.33, -0.94]])
    tilt = math.radians(14)
    flat = [(x, y * math.cos(tilt) - z * math.sin(tilt)) for x, y, z in corners]
    shown = (
        ("a segment", [(-1.0, 0.0), (1.0, 0.0)], ()),
        ("a triangle", [(math.cos(a), math.sin(a)) for a in (math.pi / 2, math.pi * 7 / 6, math.pi * 11 / 6)], ()),
        ("a tetrahedron", flat, ((1, 2),)),
    )
    colours = (*CLASSES, "var(--hcl-class-3, #982f93)")
    panels = []
    for name, points, hidden in shown:
        count = len(points)
        at = [(110 + 78 * x, 112 - 78 * y) for x, y in points]
        drawn = element("circle", cx=110, cy=112, r=78, fill="none", stroke=RULE, stroke_dasharray="2 4")
        for i in range(count):
            for j in range(i):
                dash = {"stroke_dasharray": "5 4"} if (j, i) in hidden else {}
                drawn += line(at[i], at[j], MUTED, 1.2, **dash)
        drawn += "".join(line((110, 112), point, INK, 1.6) for point in at)
        drawn += "".join(
            element("circle", cx=x, cy=y, r=7, fill=colour) for (x, y), colour in zip(at, colours, strict=False)
        )
        drawn += text(110, 18, f"{count} classes: {name}", anchor="middle", size=14)
        drawn += text(110, 218, f"{angle(count):.4g}° apart, inner product {_share(count)}", anchor="middle", size=12)
        panels.append(panel(220, 228, f"{count} class means at the corners of {name} around the origin.", drawn))
    caption = (
        "An Equiangular Tight Frame of two, three and four classes: all means have length 1, sum to zero, and any two "
        f"are the same angle apart. A hundred classes need 99 dimensions, and are {angle(100):.1f}° apart."
    )
    return HTML(figure(panels, caption, "idea-simplices"))


def _share(classes: int) -> str:
    return "−1" if classes == 2 else f"−1/{classes - 1}"


# Axes of the plots


def _ticks_x(values: Sequence[float], to_x: "list[float]", y: float, words: str, middle: float) -> str:
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
    own = [f"{own_share(counts, beta):.0%} of its own class" for beta in BETA]
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
        drawn += text(min(place[0], left + width - 4), min(place[1], top + height - 8), words, anchor="middle", fill=colour)
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
