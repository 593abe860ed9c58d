"""The drawings of "The idea in pictures" that are of no run: what is embedded and where, the best arrangements."""

import math

import numpy as np
from IPython.display import HTML

from hcl.companion.svg import CLASSES, GROUND, INK, MUTED, RULE, element, figure, line, panel, path, text

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
        row = 46 + 46 * number_
        rows += element("rect", x=8, y=row - 19, width=38, height=38, rx=4, fill=GROUND, stroke=RULE)
        rows += _shape(27, row, kind) + text(56, row + 5, name) + line((158, row), (214, 138), MUTED, 1)
    rows += element("rect", x=214, y=108, width=86, height=60, rx=8, fill="none", stroke=INK)
    rows += text(257, 134, "network", anchor="middle") + text(257, 153, "f", anchor="middle", font_style="italic")
    rows += _arrow((300, 138), (336, 138), MUTED)
    left = panel(
        340, 276, "Five pictures enter a network: an anchor and a positive of one class, three negatives.", rows
    )

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
