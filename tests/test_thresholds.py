"""Every constant that verdicts rest on, from both sides: a claim just inside it and just outside, by nothing else."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
from test_claims import BY_NAME, agreeing, evidence, same
from test_verdicts import run, seeds, setting, spec

from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.companion.compare import compare
from hcl.companion.evidence import Setting
from hcl.companion.limits import LIMITS, REASONS, Limits
from hcl.companion.registry import ROWS, row_of

_, NEAR, SPHERE, _ = ROWS
SCL = scl_lower_bound(100)


@dataclass(frozen=True)
class Edge:
    """A claim whose verdict one constant decides; `metrics(spec, x)` change it by the number x alone.

    Attributes:
        limit: name of the constant.
        claim: name of the claim.
        metrics: of a run.
        inside: the number with which the claim is reproduced, as near to the edge as a hundredth of the constant.
        outside: the same, not reproduced.
        otherwise: the verdict outside.
    """

    limit: str
    claim: str
    metrics: Any
    inside: float
    outside: float
    otherwise: str = "not reproduced"


def synthetic_loss(s, above):
    return {"loss": (scl_lower_bound if s.supervised else ucl_lower_bound)(3) + above}


def trend(s, back):
    return same({0: 0.2, 2: 0.1, 10: back}.get(s.hardness, 0))


EDGES = [
    Edge("near_zero", "fig03-unit-norm", lambda s, x: {"unit_norm": x}, 0.0498, 0.0502),
    Edge("near_zero", "fig03-hscl", lambda s, x: {"zero_sum": x}, 0.0498, 0.0502),
    Edge("near_zero", "fig12-zero-sum", lambda s, x: {"zero_sum": x}, 0.0502, 0.0498),
    Edge("near_zero", "fig02-no-gain", lambda s, x: same(0.3 - x * (s.hardness > 0)), 0.0498, 0.0502),
    Edge("nearly_zero", "fig08-hscl", lambda s, x: same(x), 0.0995, 0.1005),
    Edge("nearly_zero", "fig03-hucl30", lambda s, x: same(x if s.hardness == 30 else 0.01), 0.1005, 0.0995, "partly"),
    Edge("nearly_zero", "fig13-like-fig12", lambda s, x: same(0.3 + x) | {"unit_norm": 0.3}, 0.0995, 0.1005, "partly"),
    Edge("missing_rank", "fig04-hscl", lambda s, x: {"effective_rank": 99 * (1 - x)}, 0.199, 0.201),
    Edge("missing_rank", "fig03-hscl", lambda s, x: {"effective_rank": 99 * (1 - x)}, 0.199, 0.201),
    Edge("nearer", "fig03-hscl", lambda s, x: {"least_distance": np.sqrt(200 / 99) * (1 - x)}, 0.499, 0.501),
    Edge("within_class", "fig03-hscl", lambda s, x: {"within_class": x}, 0.199, 0.201, "not judged"),
    Edge("loss_reached", "fig02-label-loss-supervised", synthetic_loss, 0.000995, 0.001005),
    Edge("loss_reached", "fig02-label-loss-ucl", synthetic_loss, 0.000995, 0.001005),
    Edge("loss_reached", "fig02-epoch-200", synthetic_loss, 0.000995, 0.001005),
    Edge("loss_close", "table1-hscl", lambda s, x: {"loss": SCL + x}, 0.00498, 0.00502),
    Edge("loss_off", "table1-scl", lambda s, x: {"loss": SCL + x}, 0.01005, 0.00995),
    Edge("stays", "table2-supervised", lambda s, x: same(0.03 + x * (row_of(s) == NEAR)), 0.0199, 0.0201),
    Edge("stays", "table2-supervised", lambda s, x: same(0.03 - x * (row_of(s) == NEAR)), 0.0199, 0.0201),
    Edge("much_larger", "table2-hucl", lambda s, x: same(0.01 * (x if row_of(s) == NEAR else 1)), 5.02, 4.98),
    Edge("much_larger", "table2-unit-norm", lambda s, x: same(0.01 * (x if row_of(s) == NEAR else 1)), 5.02, 4.98),
    Edge("far", "fig03-hucl30", lambda s, x: same(0.2 * (x if s.hardness == 30 else 1)), 2.01, 1.99, "partly"),
    Edge("alike", "fig04-row3-like-ball", lambda s, x: {"effective_rank": 85 + 99 * x * (row_of(s) == SPHERE)},
         0.0995, 0.1005),
    Edge("alike", "fig04-row3-like-ball", lambda s, x: {"effective_rank": 85 - 99 * x * (row_of(s) == SPHERE)},
         0.0995, 0.1005),
    Edge("step_back", "fig03-trend-supervised", trend, 0.0199, 0.0201, "partly"),
    Edge("slight_geometry", "fidelity-k-geometry", lambda s, x: same(0.1 + x * (s.k != 256)), 0.0498, 0.0502),
    Edge("slight_accuracy", "fidelity-k-accuracy", lambda s, x: {"test_accuracy": 0.5 - x * (s.k != 256)},
         0.0299, 0.0301),
    Edge("off_sphere", "fig12-inside", lambda s, x: {"squared_norm": 1 - x}, 0.0502, 0.0498, "partly"),
]  # fmt: skip
ELSEWHERE = ("still", "longer", "noise")  # what moves and what seeds do, below


def evidence_of(edge, x):
    return evidence(BY_NAME[edge.claim], lambda claim, spec: agreeing(claim, spec) | edge.metrics(spec, x))


def beside(edge, e):
    """For a claim that compares two figures, the other one has what is left of the change at 0."""
    if e.beside is None:
        return e
    claim = replace(BY_NAME[edge.claim], figure=BY_NAME[edge.claim].beside, beside="")
    return replace(e, beside=evidence(claim, lambda claim, spec: agreeing(claim, spec) | edge.metrics(spec, 0.0)))


@pytest.mark.parametrize("edge", EDGES, ids=lambda e: f"{e.limit} of {e.claim}")
def test_a_claim_just_inside_and_just_outside_of_a_constant(edge):
    claim = BY_NAME[edge.claim]
    for x, status in ((edge.inside, "reproduced"), (edge.outside, edge.otherwise)):
        assert claim.check(beside(edge, evidence_of(edge, x))).status == status, x


@pytest.mark.parametrize("edge", EDGES, ids=lambda e: f"{e.limit} of {e.claim}")
def test_it_is_that_constant_which_decides(edge):
    """Moved by a fiftieth it lets in what was just outside."""
    claim, outside = BY_NAME[edge.claim], beside(edge, evidence_of(edge, edge.outside))
    factor = 1.02 if edge.outside > edge.inside else 0.98
    moved = replace(LIMITS, **{edge.limit: factor * getattr(LIMITS, edge.limit)})
    assert claim.check(outside.under(moved)).status == "reproduced"


def test_every_constant_has_an_edge():
    assert {edge.limit for edge in EDGES} | set(ELSEWHERE) == {f.name for f in fields(Limits)} == set(REASONS)


# What moves


@pytest.mark.parametrize(("share", "state"), [(0.049, "fails"), (0.051, "unsettled")])
@pytest.mark.parametrize("value", [0.3, 0.04])
def test_a_metric_has_settled_below_a_twentieth(value, share, state):
    """Of its value, or of the limit that it is compared with where that is larger: .05 of equal inner products."""
    scale = max(value, LIMITS.near_zero)
    end = np.linspace(value + share * scale, value, 4)
    moving = setting([{"equal_inner_product": np.concatenate([np.full(16, end[0]), end])}] * 2)
    assert moving.mean("equal_inner_product") == pytest.approx(np.median(end[-3:]), rel=0.1)
    moved = share * scale
    assert moving.moved("equal_inner_product") == pytest.approx(-moved)
    limit = moving.mean("equal_inner_product") - 3 * moved  # which it reaches within five fifths
    limits = replace(LIMITS, still=0.05 * scale / max(moving.mean("equal_inner_product"), LIMITS.near_zero))
    assert compare([(-1, moving)], "equal_inner_product", -limit, limits)[0] == state


@pytest.mark.parametrize(("fifths", "state"), [(4.95, "unsettled"), (5.05, "fails")])
def test_what_would_arrive_in_five_further_fifths_is_open(fifths, state):
    end = np.linspace(0.55, 0.5, 4)
    moving = setting([{"equal_inner_product": np.concatenate([np.full(16, 0.55), end])}] * 2)
    limit = moving.mean("equal_inner_product") - 0.05 * fifths
    assert compare([(-1, moving)], "equal_inner_product", -limit, LIMITS)[0] == state


def test_losses_are_still_against_their_distance_from_the_bound():
    """A loss .02 above its bound that falls by .0008 in a fifth has settled, and by .0012 not: a twentieth is .001."""
    bound = scl_lower_bound(10)
    for fall, state in ((0.0008, "holds"), (0.0012, "unsettled")):
        end = np.linspace(0.02 + fall, 0.02, 4)
        moving = setting([{"loss": bound + np.concatenate([np.full(16, end[0]), end])}] * 2)
        assert compare([(1, moving)], "loss", moving.mean("loss") - 2 * fall, LIMITS)[0] == state, fall


# What seeds do


def test_an_interval_of_student_is_the_noise_of_seeds():
    """Of 4, 5 and 6 it is 4.3027 / sqrt(3) = 2.4842 wide to each side."""
    three = seeds("rank", 4, 5, 6)
    for off, state in ((2.483, "undecided"), (2.4856, "holds")):
        assert compare([(1, three)], "rank", 5 - off, LIMITS)[0] == state
    for off, state in ((2.483, "undecided"), (2.4856, "fails")):
        assert compare([(1, three)], "rank", 5 + off, LIMITS)[0] == state


def test_a_single_seed_has_the_interval_of_its_neighbour():
    """Of one run, with the deviation of the neighbour's three: t is that of their two degrees of freedom."""
    three = seeds("rank", 4, 5, 6)
    one = Setting(spec(10.0), (run(spec(10.0), rank=5.0),), three)
    for off, state in ((4.30, "undecided"), (4.3055, "holds")):
        assert compare([(1, one)], "rank", 5 - off, LIMITS)[0] == state


def test_two_settings_have_the_noise_and_the_freedom_of_both():
    """Variances 1/3 each and four degrees of freedom: 2.7764 * sqrt(2 / 3) = 2.2669."""
    a, b = seeds("rank", 4, 5, 6, hardness=0), seeds("rank", 7, 8, 9)
    for off, state in ((2.266, "undecided"), (2.268, "holds")):
        assert compare([(1, b), (-1, a)], "rank", 3 - off, LIMITS)[0] == state
    twice = ((2 * 8 - 5) - 2.7764451 * np.sqrt(4 / 3 + 1 / 3), 2 * 8 - 5)
    for limit, state in ((twice[0] + 0.001, "undecided"), (twice[0] - 0.001, "holds")):
        assert compare([(2, b), (-1, a)], "rank", limit, LIMITS)[0] == state


def test_a_single_loss_has_to_differ_by_what_is_close():
    alone = setting([{"loss": 0.4}])
    for off, state in ((0.0049, "undecided"), (0.0051, "holds")):
        assert compare([(1, alone)], "loss", 0.4 - off, LIMITS)[0] == state


def test_less_than_the_seventh_digit_is_no_difference():
    two = setting([{"rank": 5.0}] * 2)
    for off, state in ((4.9e-6, "undecided"), (5.1e-6, "holds")):
        assert compare([(1, two)], "rank", 5 - off, LIMITS)[0] == state
