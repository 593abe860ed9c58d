"""Pictures: two layouts, light and dark, the same bytes at every call, and what pages make of them."""

import base64
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from test_paper import made_up

from hcl.companion import ambiguities, benchmarks_report, drawing, figures, pictures, published, style
from hcl.companion import study as studies
from hcl.companion.extensions import pictures as pages_of_sphinx
from hcl.geometry import simplex_etf


def sample(layout):
    figure, axes = drawing.panels(layout, 1, 2, 1.5)
    for axis in axes[0]:
        axis.plot([0, 1, 2], [1, 2, 1.5], **drawing.look_at(2).line)
        axis.set_title("One")
    drawing.lay_out(axes[0], ["β = 5"])
    drawing.end_labels(axes[0][0], [drawing.End(1.5, "β = 5", drawing.look_at(2).colour)])
    drawing.reference(axes[0][0], 1.2, "least")
    return figure


@pytest.fixture(scope="module")
def picture():
    return pictures.picture(sample, "Two panels.")


def test_a_picture_has_a_wide_and_a_narrow_layout_whose_panels_are_stacked(picture):
    wide, parts = pictures.parts_of(picture.svg)
    assert pictures.pixels(wide)[0] == 768 and pictures.pixels(parts["narrow"])[0] < 343 + 1 < 420
    places = [axis.get_position() for axis in picture.wide.axes]
    assert places[0].y0 == pytest.approx(places[1].y0) and places[0].x1 < places[1].x0
    places = [axis.get_position() for axis in picture.narrow.axes]
    assert places[0].y0 > places[1].y1 and places[0].x0 == pytest.approx(places[1].x0)
    assert parts["alt"] == "Two panels."


def test_the_dark_variant_has_no_colour_of_the_light_one(picture):
    only_light = set(style.dark_of()) - set(style.dark_of().values())
    for svg in (pictures.parts_of(picture.svg)[0], pictures.parts_of(picture.svg)[1]["narrow"]):
        assert pictures.colours(svg) <= set(style.dark_of()), "a colour that is not of the palette"
        assert not pictures.colours(pictures.dark(svg)) & only_light
        assert pictures.colours(pictures.dark(svg)) <= set(style.dark_of().values())


def test_the_same_drawing_gives_the_same_bytes_without_date_or_text(picture):
    again = pictures.picture(sample, "Two panels.")
    assert again.svg == picture.svg and pictures.to_pdf(again.wide) == pictures.to_pdf(picture.wide)
    assert "<text" not in picture.svg and "<dc:date>" not in picture.svg and "<!--" not in picture.svg


def test_what_an_svg_carries_comes_out_again_and_one_of_others_is_left_alone():
    svg = '<svg height="10pt" width="72pt">\n</svg>\n'
    carried = pictures.carrying(svg, {"narrow": "<svg/>", "alt": "β"})
    assert pictures.parts_of(carried) == (svg, {"narrow": "<svg/>", "alt": "β"})
    assert pictures.parts_of(svg) == (svg, {}) and pictures.pixels(svg) == (96, 13)
    assert pictures.pixels('<svg width="72pt" height="36pt">') == (96, 48) and pictures.pixels("<svg>") == (0, 0)


def test_a_notebook_shows_svg_and_paper_takes_pdf(picture):
    bundle = picture._repr_mimebundle_()
    assert bundle["image/svg+xml"] == picture.svg and base64.b64decode(bundle["application/pdf"])[:5] == b"%PDF-"
    assert bundle["text/plain"] == "Two panels."


@pytest.mark.parametrize(
    ("at", "placed"),
    [
        ([], []),
        ([50], [50]),
        ([-5], [0]),
        ([0, 0, 0], [0, 10, 20]),
        ([100, 100], [90, 100]),
        ([50, 50], [45, 55]),
        ([10, 90], [10, 90]),
        ([0] * 21, list(np.linspace(0, 100, 21))),
    ],
)
def test_labels_are_apart_and_near_their_lines(at, placed):
    assert drawing.spread(at, 10, 0, 100) == pytest.approx(placed)


def grid(name, **fixed):
    """Made-up runs of a figure, at Neural-Collapse."""
    runs = [
        made_up(
            replace(spec, **fixed),
            zero_sum=spec.hardness / 100,
            equal_inner_product=0.1,
            rank=9.0,
            loss=0.3,
            test_accuracy=0.5,
        )
        for spec in studies.study(name, "laptop", seeds=(0, 1)).specs
    ]
    etf = simplex_etf(runs[0].spec.num_classes, runs[0].spec.representation_dim).numpy()
    return [replace(run, arrays={"means": etf}) for run in runs]


def synthetic():
    points, labels = np.random.default_rng(0).normal(size=(12, 2)) / 3, np.repeat(np.arange(3), 4)
    arrays = {"initial": points, "final": points, "labels": labels, "means": simplex_etf(3, 2).numpy()}
    runs = studies.study("fig02", "laptop", seeds=(0,)).specs
    return [replace(made_up(spec, loss=0.3), arrays=arrays) for spec in runs if spec.positives == "label"]


def losses():
    return (
        pd.DataFrame(
            {"supervision": s, "hardening": h, "plain": np.linspace(0.3, 1, 5), "hardened": np.linspace(0.4, 1.2, 5)}
            for s in ("SCL, HSCL", "UCL, HUCL")
            for h in ("a", "b")
        )
        .explode(["plain", "hardened"], ignore_index=True)
        .astype({"plain": float, "hardened": float})
    )


def timings():
    return pd.DataFrame(
        {"kind": kind, "batch": batch, "classes": 100, "k": 256, "form": form, "ms": batch / 100.0, "encoder": "small"}
        for kind in ("cpu", "gpu") for batch in (256, 512, 1024) for form in ("per_pair", "per_anchor")
    )  # fmt: skip


def changed():
    return pd.DataFrame(
        {"change": change, "method": method, "metric": metric, "difference": 0.1}
        for change in ("k: 256 → 32 (D32)", "stem: patch → cifar (D21)")
        for method in ("SCL", "HUCL, β = 5") for metric in ("test_accuracy", "rank")
    )  # fmt: skip


DRAWN = {
    "metrics": lambda: figures.metric_panels(
        grid("fig05"), ["zero_sum", "rank", "loss", "test_accuracy"], published=published.FIGURE_3
    ),
    "epsilon": lambda: figures.metric_panels(grid("fig11"), ["zero_sum"]),
    "levels": lambda: figures.metric_panels(grid("fig05"), ["loss"], levels={"loss": 0.2}),
    "spectra": lambda: figures.spectrum_panels(grid("fig05")),
    "headline": lambda: figures.headline(grid("fig05"), published.FIGURE_3),
    "clusters": lambda: figures.cluster_panel(grid("fig05")),
    "points": lambda: figures.point_panels(synthetic()),
    "theorem 1": lambda: figures.above_the_diagonal(losses()),
    "radius": lambda: figures.loss_by_radius([0, 1], {0: [1, 0.7], 5: [1, 1.1]}, {0: (1, 0.7), 5: (0.5, 0.9)}),
    "bars": lambda: benchmarks_report.bars(timings(), ["kind", "encoder"], "form", "ms", "milliseconds", log=True),
    "scaling": lambda: benchmarks_report.scaling(timings()),
    "effects": lambda: ambiguities.effects_figure(changed()),
}  # fmt: skip


TWICE = ("metrics", "spectra", "points", "theorem 1", "bars", "effects")  # one of each module that draws


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_has_both_layouts_in_colours_of_the_palette(name):
    made = DRAWN[name]()
    wide, parts = pictures.parts_of(made.svg)
    assert pictures.pixels(parts["narrow"])[0] < 420 < pictures.pixels(wide)[0] and made.alt
    for svg in (wide, parts["narrow"]):
        assert pictures.colours(svg) <= set(style.dark_of())
    if name in TWICE:
        assert DRAWN[name]().svg == made.svg
    assert not pyplot.get_fignums()
    if len(made.wide.axes) > 1 and name != "points":
        left = [axis.get_position().x0 for axis in made.narrow.axes if axis.axison]
        assert max(left) - min(left) < 0.2, "panels are not below each other"


def test_labels_of_a_panel_do_not_overlap():
    made = figures.metric_panels(grid("fig05"), ["zero_sum"])
    for figure in (made.wide, made.narrow):
        figure.canvas.draw()
        for axis in figure.axes:
            texts = [text for text in axis.texts if re.match("β", text.get_text())]
            boxes = [text.get_window_extent() for text in texts]
            assert len(boxes) == 5
            middles = sorted((box.y0 + box.y1) / 2 for box in boxes)
            assert min(np.diff(middles)) * 72 / figure.dpi > 9


def test_a_page_offers_four_files_and_hides_those_of_the_other_theme(picture, tmp_path):
    app = SimpleNamespace(builder=SimpleNamespace(outdir=tmp_path, imagedir="_images"))
    node = pages_of_sphinx._variants(app, picture.svg)
    files = sorted(path.name for path in (tmp_path / "_images").iterdir())
    assert files == sorted(node["files"].values()) and len(files) == 4
    assert all("hcl-picture" not in (tmp_path / "_images" / name).read_text() for name in files)
    translator = SimpleNamespace(builder=SimpleNamespace(imgpath="../_images"), body=[])
    pages_of_sphinx.visit_picture(translator, node)
    html = "".join(translator.body)
    for theme in ("light", "dark"):
        assert f'<img class="only-{theme}" src="../_images/{node["files"][f"wide-{theme}"]}" alt="Two panels."' in html
        assert f'srcset="../_images/{node["files"][f"narrow-{theme}"]}"' in html
    assert html.count('media="(max-width: 600px)"') == 2
    assert html.count('<picture class="hcl-picture">') == 2, "the theme hides captions after .only-light"
    assert pages_of_sphinx._variants(app, "<svg></svg>") is None, "an image of others stays what it is"
