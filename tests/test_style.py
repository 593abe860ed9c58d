"""The visual system: one palette, legible, ordered, told apart by colour-blind readers, and the CSS written from it."""

import itertools
import re

import numpy as np
import pytest

from hcl.companion import style
from hcl.companion.verdicts import STATUSES

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIMULATED = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "none": np.eye(3).tolist(),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)


def linear(colour):
    values = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(first, second):
    """As WCAG 2 has it, between 1 and 21."""
    high, low = sorted((float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (first, second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(colour, sight):
    seen = np.clip(np.array(SIMULATED[sight]) @ linear(colour), 0, 1)
    x = TO_XYZ @ seen / [0.95047, 1, 1.08883]
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("name", style.inks())
def test_a_colour_of_lines_or_text_stands_out_from_its_ground(name):
    colour, least = style.inks()[name], 3 if name == "bound" else 4.5
    for ink, ground, soft in zip(colour, style.GROUND, style.soft(colour), strict=True):
        assert contrast(ink, ground) >= least
        assert contrast(ink, soft) >= least


@pytest.mark.parametrize("sight", SIMULATED)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_ramp_is_ordered_by_lightness_and_its_levels_can_be_told_apart(theme, sight):
    seen = [lab(getattr(colour, theme), sight) for colour in style.BETA]
    lightness = np.array([colour[0] for colour in seen])
    assert all(np.linalg.norm(a - b) > 10 for a, b in itertools.combinations(seen, 2))
    steps = np.diff(lightness) if theme == "dark" else -np.diff(lightness)
    assert (steps > 1.5).all(), lightness
    assert abs(lightness[-1] - lightness[0]) > 25


@pytest.mark.parametrize("sight", SIMULATED)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_three_classes_and_the_two_kinds_of_supervision_can_be_told_apart(theme, sight):
    for colours in (style.CLASSES[:3], style.SUPERVISION.values()):
        seen = [lab(getattr(colour, theme), sight) for colour in colours]
        assert all(np.linalg.norm(a - b) > 10 for a, b in itertools.combinations(seen, 2))


def test_a_hardness_has_one_place_on_the_ramp_in_every_figure():
    assert [style.level(beta) for beta in (0, 2, 5, 10, 30)] == [0, 1, 2, 3, 4]
    assert [style.level(epsilon, "polynomial") for epsilon in (0, 3, 5, 10, 20)] == [0, 1, 2, 3, 4]
    assert 4 < style.level(50) < 5 and 2 < style.level(7) < 3 and style.level(1e6) == 5
    assert style.ramp(2) == style.BETA[2] and style.ramp(0) == style.BETA[0] and style.ramp(4) == style.BETA[4]
    assert len(set(map(style.dashes, range(5)))) == 5 and len(set(map(style.marker, range(5)))) == 5
    assert style.marker(4.75) != style.marker(4) == style.marker(4.25)


@pytest.mark.parametrize("hardening", ["exponential", "polynomial", "threshold"])
def test_values_nearly_the_same_do_not_look_the_same(hardening):
    placed = style.levels([0, 0.5, 0.501, 0.502, 0.9], hardening)
    assert list(placed.values()) == sorted(set(placed.values()))
    assert style.levels([30, 0, 10], "exponential") == {0: 0, 10: 3, 30: 4}


def test_every_colour_has_one_dark_value_and_verdicts_an_icon_each():
    every = [style.GROUND, style.RULE, *style.inks().values(), *(style.ramp(step / 4) for step in range(21))]
    dark = style.dark_of()
    assert all(dark[colour.light] == colour.dark for colour in every)
    assert all(dark[style.soft(colour).light] == style.soft(colour).dark for colour in every)
    assert set(style.VERDICTS) == set(STATUSES)
    assert len({sign.icon for sign in style.VERDICTS.values()}) == len({s.shape for s in style.VERDICTS.values()}) == 6


def test_the_css_is_what_the_palette_gives_and_has_the_names_that_pages_use():
    written = style.path().read_text(encoding="utf-8")
    assert written == style.css(), "python -m hcl.companion.style"
    names = [f"beta-{at}" for at in range(5)] + ["supervised", "unsupervised"]
    for name in names + [status.replace(" ", "-") for status in STATUSES]:
        assert len(re.findall(f"--hcl-{name}: #[0-9a-f]{{6}};", written)) == 2
        assert len(re.findall(f"--hcl-{name}-soft: #[0-9a-f]{{6}};", written)) == 2
