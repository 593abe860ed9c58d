"""The D-numbers and P-numbers: one source, each once, and none cited that there is not."""

import re
import tomllib
from dataclasses import replace
from math import exp, log

import pytest
from helpers import ROOT
from test_ambiguities import HUCL, SCL, run

from hcl.companion import ambiguities, differences, points
from hcl.companion.points import POINTS

CITED = re.compile(r"\b[DP]\d{1,2}\b")
CITING = sorted(
    path
    for pattern in (
        "hcl/**/*.py",
        "hcl/**/*.toml",
        "notebooks/*.py",
        "tests/*.py",
        "benchmarks/*.py",
        "book/*.md",
        "*.md",
    )
    for path in ROOT.glob(pattern)
)


def test_every_point_is_there_once_and_in_order():
    assert list(POINTS) == [f"D{n}" for n in range(1, 49)] + [f"P{n}" for n in range(1, 18)]
    assert all(number == point.number and point.kind == number[0] for number, point in POINTS.items())
    assert len({point.topic for point in POINTS.values()}) == len(POINTS)
    with pytest.raises(tomllib.TOMLDecodeError):  # the form of the file allows no number twice
        tomllib.loads("[P1]\n[P1]\n")


@pytest.mark.parametrize("number", POINTS)
def test_every_point_says_all_that_it_has_to(number):
    point = POINTS[number]
    texts = (point.topic, point.place, point.paper, point.ours)
    assert all(texts) and bool(point.code) == (point.kind == "D")
    assert not any(mark in text for text in (*texts, point.code) for mark in "<&\n")
    assert re.search(r"Sec\.|Theorem|Table|Figure|Algorithm|Definition|below \(5\)", point.place)


def test_every_number_cited_anywhere_exists():
    found = {path: set(CITED.findall(path.read_text(encoding="utf-8"))) - set(POINTS) for path in CITING}
    assert {str(path): unknown for path, unknown in found.items() if unknown} == {}
    assert len(CITING) > 100 and CITED.findall("(D4" + "9), D105, P1" + "8 and D1") == ["D4" + "9", "P1" + "8", "D1"]


def test_the_table_has_a_row_a_point_and_what_is_measured_beside_it():
    slips = points.table("P")
    assert list(slips.columns) == ["topic", "place", "paper", "ours"] and len(slips) == 17
    found = points.table("D", {"D41": "0.310555"})
    assert list(found.columns) == ["topic", "place", "paper", "ours", "code", "measured"] and len(found) == 48
    assert found.loc["D41", "measured"] == "0.310555" and found.loc["D40", "measured"] == ""


def numbers(text):
    return [float(value) for value in re.findall(r"(?<![\w.])-?\d+\.\d+(?:e-\d+)?", text)]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("D4", [0.0119, 0.0835, 0.6534, 0.9966]),
        ("D5", [5.11, 0.63, 0.31]),
        ("D10", [5.5452]),
        ("D12", [2.1, 3.5, 7.0, 13.9]),
        ("D13", [5.9221, 5.2297, 0.3106]),
        ("D32", [0.31517, 0.31520, 0.31520]),
        ("D33", [0.761, 0.585, 5.8e-5, 0.586]),
        ("D40", [-31.9]),
        ("D41", [0.310555]),
        ("D42", [0.393332, 0.393451]),
        ("D43", [0.3161, 0.3168, 0.3152]),
    ],
)
def test_what_is_computed_is_what_was_found_independently(number, expected):
    assert numbers(differences.COMPUTED[number]()) == expected


def test_averages_over_anchors_and_pairs_differ_more_in_small_batches():
    by_anchor, by_pair, small_anchor, small_pair = numbers(differences.COMPUTED["D1"]())
    assert 0 < by_pair - by_anchor < small_pair - small_anchor


def test_what_is_hardened_has_another_least_loss_without_supervision_only():
    odds = exp(5 * 100 / 99) / 99
    hucl, ucl, hscl = numbers(differences.COMPUTED["D44"]())
    assert hucl == pytest.approx(log(1 + (odds + exp(-100 / 99)) / (1 + odds)), abs=6e-5)
    assert ucl == pytest.approx(0.3152) and hscl == pytest.approx(0.3106)


def test_only_differences_are_computed_and_what_training_shows_stands_behind():
    assert set(differences.COMPUTED) <= set(points.of_kind("D"))
    runs = [run(SCL, 0.5), run(HUCL, 0.8), run(replace(SCL, reduction="pair"), 0.6, 0.4), run(replace(SCL, k=32), 0.5)]
    sentences = ambiguities.by_number(ambiguities.effects(runs))
    assert set(sentences) == {"D1", "D32"} <= set(ambiguities.NUMBERS.values())
    assert "changes most, by +0.3, for SCL with reduction: anchor → pair (D1)" in sentences["D1"]
    computed, both = differences.measured(), differences.measured(ambiguities.effects(runs))
    assert both["D1"] == f"{computed['D1']}; {sentences['D1']}" and both["D41"] == computed["D41"]
    assert set(ambiguities.NUMBERS.values()) <= set(points.of_kind("D"))
