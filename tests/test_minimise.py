"""What minimises a loss: descent, its proof of stationarity, shapes, and the least HUCL loss, against what is known."""

from itertools import permutations
from math import cos, exp, factorial, log, pi

import pytest
import torch

from hcl import hucl
from hcl.bounds import scl_lower_bound, ucl_lower_bound
from hcl.companion.representations import random_representations
from hcl.descent import descend, value_and_gradient
from hcl.exact import exact_loss, identical, independent, mixed
from hcl.explore import Problem, explore
from hcl.geometry import simplex_etf
from hcl.hardening import Exponential, Polynomial
from hcl.losses import contrastive_loss
from hcl.psi import HardestTriplet, InfoNCE, LogSumExp, MeanExp, mean_log1p_of_sum
from hcl.shapes import distinct, shape_of, symmetries

NEVER = -1e-11


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def found(restarts=6, **asked):
    return explore(Problem(**asked), restarts=restarts, generator=seeded())


def rotation(d, seed=0):
    return torch.linalg.qr(torch.randn(d, d, generator=seeded(seed), dtype=torch.float64))[0]


# Descent


def test_each_start_descends_as_if_it_were_alone():
    def f(x):
        return (1 - x[:, 0]) ** 2 + 100 * (x[:, 1] - x[:, 0] ** 2) ** 2

    starts = torch.tensor([[-1.2, 1.0], [3.0, -2.0], [0.0, 0.0]], dtype=torch.float64)
    together = descend(f, starts, steps=200, tolerance=1e-8)
    torch.testing.assert_close(together, torch.ones_like(starts), atol=1e-7, rtol=0)
    for start, end in zip(starts, together, strict=True):
        assert torch.equal(descend(f, start[None], steps=200, tolerance=1e-8)[0], end)
    assert value_and_gradient(f, together)[1].norm(dim=1).max() <= 1e-8


def test_descent_of_a_quadratic_function_needs_few_steps_and_a_start_at_a_minimum_stays():
    curvature = torch.tensor([1.0, 10.0, 1000.0], dtype=torch.float64)
    starts = torch.cat([torch.zeros(1, 3), torch.ones(1, 3)]).double()
    calls = []

    def f(x):
        calls.append(len(x))
        return (curvature * x.square()).sum(1)

    ends = descend(f, starts, steps=30, tolerance=1e-6)
    assert torch.equal(ends[0], starts[0]) and ends[1].norm() < 1e-6
    assert calls[0] == 2 and set(calls[2:]) == {1} and len(calls) < 60


def test_descent_along_a_kink_comes_near_and_never_goes_up():
    def f(x):
        return 3 * x[:, 0].abs() + x[:, 1].square()

    starts = torch.tensor([[1.0, 2.0], [-0.3, -5.0]], dtype=torch.float64)
    assert f(descend(f, starts, steps=100, tolerance=1e-9)).max() < 1e-4
    one = descend(f, starts, steps=1, tolerance=1e-9)
    assert (f(one) <= f(starts)).all()


# Means over many draws


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("psi", [InfoNCE(), LogSumExp(1.0), LogSumExp(7.0), MeanExp()], ids=repr)
def test_the_integral_is_the_mean_over_all_tuples_in_value_and_gradient(psi, k):
    v = 3 * torch.randn(5, 3, generator=seeded(), dtype=torch.float64)
    log_p = torch.randn(5, 3, generator=seeded(1), dtype=torch.float64).log_softmax(-1)
    index = torch.cartesian_prod(*[torch.arange(3)] * k).view(-1, k)

    def enumerated(v):
        return (log_p[:, index].sum(-1).exp() * psi(v[:, index])).sum(-1)

    for ours, other in zip(
        value_and_gradient(lambda v: psi.mean_of_draws(v, log_p, k), v), value_and_gradient(enumerated, v), strict=True
    ):
        torch.testing.assert_close(ours, other, atol=1e-11, rtol=1e-11)


def test_the_integral_tends_to_the_limit_and_bears_impossible_and_huge_values():
    v = torch.tensor([[0.0, -2.0, 1.0]], dtype=torch.float64)
    log_p = torch.tensor([[log(0.3), log(0.7), -torch.inf]], dtype=torch.float64)
    gaps = [float(InfoNCE().expectation(v, log_p) - InfoNCE().mean_of_draws(v, log_p, k)) for k in (10, 100, 1000)]
    assert 0 < gaps[2] < gaps[1] < gaps[0] and gaps[0] / gaps[1] == pytest.approx(10, rel=0.1)
    large = torch.tensor([[50.0]], dtype=torch.float64)
    assert float(mean_log1p_of_sum(large, torch.zeros_like(large), 3, 3.0)) == pytest.approx(50, abs=1e-9)


@pytest.mark.parametrize("num_classes", [3, 10, 100])
def test_the_ucl_loss_of_an_etf_at_k_256_is_theorem_3(num_classes):
    z, labels = simplex_etf(num_classes, num_classes - 1), torch.arange(num_classes)
    value = float(exact_loss(z, independent(labels), supervised=False, k=256))
    assert value == pytest.approx(ucl_lower_bound(num_classes, 256), abs=1e-11)


def test_finite_k_is_enumerated_or_integrated_alike_with_hardening(monkeypatch):
    z, population = random_representations(3, torch.tensor([0, 0, 1, 2]), 2, 0), independent(torch.tensor([0, 0, 1, 2]))
    for options in ({}, {"hardening": Exponential(4)}, {"psi": LogSumExp(1.0)}, {"collisions": 0.4}):
        whole = exact_loss(z, population, supervised=False, k=3, **options)
        monkeypatch.setattr("hcl.exact._ENUMERATED", 10)
        torch.testing.assert_close(exact_loss(z, population, supervised=False, k=3, **options), whole)
        monkeypatch.undo()


def test_what_is_too_much_to_enumerate_and_has_no_integral_is_refused():
    z, population = simplex_etf(4, 3), independent(torch.arange(4))
    with pytest.raises(ValueError, match=r"HardestTriplet.*no form for so many negatives"):
        exact_loss(z, population, supervised=False, k=256, psi=HardestTriplet(1.0))
    with pytest.raises(ValueError, match=r"4\^256 tuples"):
        exact_loss(z, population, supervised=False, k=256, eta=lambda t: t.amax(-1).exp())


# Class weights and collisions


def looped(z, labels, weights, share, collisions):
    """HUCL at beta = 2 for k -> infinity, written out item by item."""
    counts = [labels.count(y) for y in range(len(weights))]
    items = [weights[y] / counts[y] / sum(weights) for y in labels]
    total = 0.0
    for i, z_i in enumerate(z):
        laws = []
        for m in range(len(z)):
            own = labels[m] == labels[i]
            part = sum(p for p, y in zip(items, labels, strict=True) if (y == labels[i]) == own)
            laws.append(items[m] if collisions is None else (collisions if own else 1 - collisions) * items[m] / part)
        hard = [law * exp(2 * float(z_i @ z[m])) for m, law in enumerate(laws)]
        mean = sum(w * exp(float(z_i @ z[m])) for m, w in enumerate(hard)) / sum(hard)
        for j, z_j in enumerate(z):
            if labels[i] == labels[j]:
                p = items[i] * ((1 - share) / counts[labels[i]] + share * (i == j))
                total += p * log(1 + mean * exp(-float(z_i @ z_j)))
    return total


@pytest.mark.parametrize("collisions", [None, 0.05, 0.6])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_class_weights_positives_and_collisions_are_those_of_the_loop(share, collisions):
    labels, weights = [0, 0, 0, 1, 2, 2], (5.0, 1.0, 2.0)
    z = random_representations(1, torch.tensor(labels), 3, 0)[0]
    population = mixed(torch.tensor(labels), share, weights)
    ours = exact_loss(z, population, supervised=False, hardening=Exponential(2), collisions=collisions)
    assert float(ours) == pytest.approx(looped(z, labels, weights, share, collisions), abs=1e-13)


def test_equal_weights_are_none_and_a_collision_is_as_likely_as_its_class():
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    for kind in (independent, identical):
        assert torch.equal(kind(labels).pairs, kind(labels, (2.0, 2.0, 2.0)).pairs)
    z = random_representations(4, labels, 2, 0)
    ucl, scl = (exact_loss(z, independent(labels), supervised=s) for s in (False, True))
    torch.testing.assert_close(exact_loss(z, independent(labels), supervised=False, collisions=1 / 3), ucl)
    torch.testing.assert_close(exact_loss(z, independent(labels), supervised=False, collisions=0.0), scl)
    for weights in ((1.0, 2.0), (1.0, 0.0, 1.0)):
        with pytest.raises(ValueError, match="class_weights must be 3 positive numbers"):
            independent(labels, weights)
    for options in ({"supervised": True, "collisions": 0.1}, {"supervised": False, "collisions": 1.0}):
        with pytest.raises(ValueError, match="collisions must be in"):
            exact_loss(z, independent(labels), **options)


# The minima that are known


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        ({"num_classes": 3, "dim": 2, "supervised": True}, 0.201413),
        ({"num_classes": 10, "dim": 9, "supervised": True}, 0.284572),
        ({"num_classes": 3, "dim": 2, "k": 256, "per_class": 1}, 0.393332),
        ({"num_classes": 10, "dim": 9, "k": 256, "per_class": 1}, 0.333767),
        ({"num_classes": 4, "dim": 3, "supervised": True, "hardening": Exponential(5)}, None),
        ({"num_classes": 4, "dim": 3, "supervised": True, "hardening": Polynomial(5)}, None),
        ({"num_classes": 4, "dim": 5, "supervised": True, "own_positives": 1.0}, None),
        ({"num_classes": 4, "dim": 3, "space": "unit_sphere", "k": 1}, None),
        ({"num_classes": 4, "dim": 3, "psi": MeanExp()}, None),
    ],
)
def test_scl_hscl_and_ucl_reach_their_bounds_at_an_etf(asked, least):
    answer = found(**asked)
    bound = scl_lower_bound if answer.problem.supervised else ucl_lower_bound
    expected = bound(answer.problem.num_classes, answer.problem.k, answer.problem.psi)
    assert abs(answer.least - expected) < 1e-8 and (answer.losses - expected).min() > NEVER
    assert least is None or expected == pytest.approx(least, abs=5e-7)
    assert answer.converged.all() and answer.gradient < 1e-6 and answer.reached() == 6
    assert answer.shape.from_etf < 1e-5 and answer.shape.within_class < 1e-5
    assert answer.shape.symmetry == factorial(answer.problem.num_classes)


@pytest.mark.parametrize("supervised", [True, False])
def test_the_loss_is_that_of_a_batch_of_the_same_points(supervised):
    asked = Problem(num_classes=3, dim=2, supervised=supervised, hardening=Exponential(3), per_class=3)
    z = random_representations(2, asked.labels, 2, 0)
    batch = [contrastive_loss(one, asked.labels, supervised=supervised, hardening=Exponential(3), k=None) for one in z]
    torch.testing.assert_close(asked.loss(z), torch.stack(batch))


@pytest.mark.parametrize(
    "options",
    [
        {"hardening": Exponential(3), "class_weights": (3.0, 1.0, 2.0), "own_positives": 0.4},
        {"hardening": Polynomial(4), "k": 40, "collisions": 0.2},
        {"supervised": True, "psi": LogSumExp(1.0), "k": 30},
    ],
)
def test_the_gradient_goes_through_the_weights(options):
    """By finite differences; with detached weights (D6) it would be another."""
    asked = Problem(num_classes=3, dim=2, **options)
    z = random_representations(1, asked.labels, 2, 1).requires_grad_()
    assert torch.autograd.gradcheck(asked.loss, (z,), atol=1e-7)


def test_losses_do_not_change_with_rotation_and_renumbering():
    asked = Problem(num_classes=3, dim=3, hardening=Exponential(2), k=20, own_positives=0.3)
    z = random_representations(4, asked.labels, 3, 0)
    loss = asked.loss(z)
    torch.testing.assert_close(asked.loss(z @ rotation(3)), loss)
    torch.testing.assert_close(asked.loss(z[:, [4, 5, 0, 1, 3, 2]]), loss)
    uneven = Problem(num_classes=3, dim=3, class_weights=(4.0, 1.0, 1.0))
    assert (uneven.loss(z) - uneven.loss(z[:, [4, 5, 0, 1, 2, 3]])).abs().min() > 1e-6
    torch.testing.assert_close(uneven.loss(z), uneven.loss(z[:, [0, 1, 4, 5, 2, 3]]))


def test_the_projected_gradient_tells_stationary_points_from_others():
    asked = Problem(num_classes=3, dim=2, supervised=True, per_class=1)
    etf = simplex_etf(3, 2)
    moved = torch.nn.functional.normalize(etf + torch.tensor([[0.3, 0.0], [0.0, 0.0], [0.0, 0.0]]), dim=-1)
    points = torch.stack([etf, 0.9 * etf, moved, etf @ rotation(2)])
    inside = value_and_gradient(asked.loss, points)[1].flatten(1).norm(dim=1)
    measured = asked.projected_gradient(points)
    assert measured[0] < 1e-12 and measured[3] < 1e-12
    assert float(measured[1]) == pytest.approx(min(float(inside[1]), 0.1 * 3**0.5), rel=1e-6) and measured[2] > 0.02
    sphere = Problem(num_classes=3, dim=2, supervised=True, per_class=1, space="unit_sphere")
    angles = torch.atan2(points[::2, :, 1], points[::2, :, 0])  # on the circle: the gradient by the angles
    by_angle = value_and_gradient(lambda a: sphere.loss(torch.stack([a.cos(), a.sin()], -1)), angles)[1].norm(dim=1)
    torch.testing.assert_close(sphere.projected_gradient(points[::2]), by_angle, atol=1e-12, rtol=1e-9)
    assert by_angle[1] > 0.02


def test_an_answer_is_decided_by_its_generator_and_counts_what_converged_only():
    asked = Problem(num_classes=3, dim=2, hardening=Exponential(3), per_class=1)
    one, two, other = (explore(asked, restarts=2, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.z, two.z) and not torch.equal(one.z, other.z)
    rough = explore(asked, restarts=3, generator=seeded(), steps=2)
    assert not rough.converged.any() and rough.least == float(rough.losses.min())
    with pytest.raises(ValueError, match="restarts must be >= 1"):
        explore(asked, restarts=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_classes": 1}, "num_classes must be >= 2"), ({"dim": 0}, "dim must be >= 1"),
        ({"per_class": 0}, "per_class must be >= 1"), ({"own_positives": 1.2}, r"own_positives must be in \[0, 1\]"),
        ({"space": "cube"}, "Unknown space 'cube'"), ({"class_weights": (1.0,)}, "class_weights must be 3"),
    ],
)  # fmt: skip
def test_problems_that_are_none_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Problem(**{"num_classes": 3, "dim": 2} | options)


# Too few dimensions


def polygon(count):
    """Inner products of a regular polygon."""
    angle = 2 * pi * torch.arange(count, dtype=torch.float64) / count
    return (angle[:, None] - angle).cos()


@pytest.mark.parametrize("half", [2, 3, 4])
def test_at_half_the_dimensions_of_the_classes_scl_and_ucl_end_at_a_cross_polytope(half):
    for supervised in (True, False):
        answer = found(num_classes=2 * half, dim=half, supervised=supervised, per_class=1)
        assert answer.shape.symmetry == 2**half * factorial(half) and answer.converged.all()
        assert [round(t, 5) for t, _ in answer.shape.inner_products] == [-1, 0]
        mean = (
            (exp(-1) + (2 * half - 2)) / (2 * half - 1) if supervised else (exp(1) + exp(-1) + 2 * half - 2) / 2 / half
        )
        assert answer.least == pytest.approx(log(1 + mean / exp(1)), abs=1e-10)


def test_five_classes_in_the_plane_end_at_a_pentagon():
    answer = found(num_classes=5, dim=2, supervised=True, per_class=1)
    assert answer.shape.symmetry == 10
    assert [t for t, _ in answer.shape.inner_products] == pytest.approx([cos(4 * pi / 5), cos(2 * pi / 5)], abs=1e-6)


# Shapes


def test_distinct_values_and_their_numbers():
    assert distinct([1.0, 0.5, 1.00001, 0.5], 1e-4) == ((0.5, 2), (pytest.approx(1.000005), 2))
    assert distinct([], 1e-4) == ()


@pytest.mark.parametrize("seed", range(6))
def test_symmetries_are_counted_as_by_trying_all_permutations(seed):
    colours = torch.randint(2, (5, 5), generator=seeded(seed))
    colours = (colours + colours.T).tolist()
    tried = sum(
        all(colours[p[i]][p[j]] == colours[i][j] for i in range(5) for j in range(5)) for p in permutations(range(5))
    )
    assert symmetries(colours) == tried


def test_the_shape_of_known_bodies():
    labels = torch.arange(4).repeat_interleave(2)
    etf = shape_of(0.5 * simplex_etf(4, 6)[labels] @ rotation(6), labels)
    assert etf.norms == ((pytest.approx(0.5), 4),) and etf.inner_products == ((pytest.approx(-1 / 12), 6),)
    assert etf.symmetry == 24 and etf.rank == 3 and etf.clusters == 4 and etf.radius == pytest.approx(0.5)
    assert etf.from_shrunken_etf < 1e-12 and etf.from_etf == pytest.approx(0.75) and etf.within_class < 1e-12
    assert etf.spectrum == pytest.approx((1 / 3,) * 3 + (0, 0, 0)[:1], abs=1e-12) and etf.centre < 1e-12
    six = polygon(6)
    points = torch.linalg.eigh(six)[1][:, -2:] * 3**0.5
    assert shape_of(points, torch.arange(6)).symmetry == 12
    merged = shape_of(simplex_etf(3, 2)[[0, 0, 1, 2]], torch.arange(4))
    assert merged.clusters == 3 and merged.symmetry == 4 and merged.inner_products[-1] == (pytest.approx(1), 1)
    spread = torch.tensor([[1.0, 0.0], [0.6, 0.0], [-1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    assert shape_of(spread, torch.tensor([0, 0, 1, 1])).within_class == pytest.approx(0.1)


# The least HUCL loss


def by_radius(num_classes, beta, collisions=None):
    """Loss and radius of the best of many shrunken ETFs."""
    square = torch.linspace(0, 1, 4001, dtype=torch.float64)
    t = torch.stack([square, -square / (num_classes - 1)], -1)
    p = 1 / num_classes if collisions is None else collisions
    log_p = (torch.tensor([p, 1 - p], dtype=torch.float64).log() + beta * t).log_softmax(-1)
    losses = InfoNCE().expectation(t - square[:, None], log_p)
    return float(losses.min()), float(square[losses.argmin()]) ** 0.5


@pytest.mark.parametrize("collisions", [None, 0.02, 0.5])
@pytest.mark.parametrize("beta", [0, 0.2, 0.8, 1, 2, 5, 30])
@pytest.mark.parametrize("num_classes", [2, 4, 10, 100])
def test_the_bound_is_the_least_loss_of_a_shrunken_etf(num_classes, beta, collisions):
    least, radius = by_radius(num_classes, beta, collisions)
    assert hucl.hucl_lower_bound(num_classes, beta, collisions) == pytest.approx(least, abs=1e-6)
    assert hucl.best_radius(num_classes, beta, collisions) == pytest.approx(radius, abs=0.01)


def test_the_bound_joins_what_is_known():
    for c in (2, 3, 10, 100):
        assert hucl.hucl_lower_bound(c, 0) == pytest.approx(ucl_lower_bound(c, None), abs=1e-14)
        assert hucl.hucl_lower_bound(c, 1e4) == pytest.approx(log(2), abs=1e-2)
        rising = [hucl.hucl_lower_bound(c, beta) for beta in (0, 0.1, 0.5, 1, 2, 4, 8, 16, 32)]
        assert rising == sorted(rising) and rising[-1] < log(2)
    assert hucl.hucl_lower_bound(3, 1) == pytest.approx(log(3) / 2, abs=1e-14)
    assert hucl.hucl_lower_bound(4, 1) == pytest.approx(log(5 / 3), abs=1e-14)
    assert [round(hucl.critical_beta(c), 2) for c in (4, 10, 100)] == [0.75, 1.41, 3.09]
    for c in (3, 10):
        beta = hucl.critical_beta(c)
        assert hucl.best_radius(c, 0.999 * beta) == 1 > hucl.best_radius(c, 1.001 * beta) > 0.99


@pytest.mark.parametrize("collisions", [None, 0.1])
@pytest.mark.parametrize(("num_classes", "per_class", "d"), [(2, 3, 2), (3, 2, 2), (4, 2, 6), (6, 1, 5)])
def test_no_random_representation_is_below_the_bound(num_classes, per_class, d, collisions):
    """Of any norm: beyond the critical hardness the bound asks for no ball."""
    for beta in (0.2, 1.0, 4.0, 15.0):
        asked = Problem(
            num_classes=num_classes, dim=d, per_class=per_class, hardening=Exponential(beta), collisions=collisions
        )
        z = random_representations(400, asked.labels, d, 0)
        bound = hucl.hucl_lower_bound(num_classes, beta, collisions)
        assert (asked.loss(z) - bound).min() > NEVER
        if hucl.critical_beta(num_classes, collisions) < beta:
            assert (asked.loss(3 * z) - bound).min() > NEVER


@pytest.mark.parametrize(("num_classes", "beta", "per_class"), [(2, 2, 2), (4, 5, 2), (4, 0.5, 2), (6, 10, 1)])
def test_descent_ends_at_the_bound_at_a_shrunken_etf(num_classes, beta, per_class):
    answer = found(num_classes=num_classes, dim=num_classes - 1, per_class=per_class, hardening=Exponential(beta))
    assert abs(answer.least - hucl.hucl_lower_bound(num_classes, beta)) < 1e-10
    assert answer.shape.radius == pytest.approx(hucl.best_radius(num_classes, beta), abs=1e-5)
    assert answer.shape.from_shrunken_etf < 1e-5 and answer.shape.symmetry == factorial(num_classes)
    assert (answer.losses - hucl.hucl_lower_bound(num_classes, beta)).min() > NEVER


def test_on_the_sphere_one_dimension_more_attains_the_bound_off_the_centre():
    flat, more = (found(num_classes=4, dim=d, hardening=Exponential(5), space="unit_sphere") for d in (3, 4))
    bound = hucl.hucl_lower_bound(4, 5)
    assert abs(more.least - bound) < 1e-10 and flat.least > bound + 1e-3
    assert more.shape.symmetry == 24 and more.shape.centre > 0.8
    assert more.shape.inner_products[0][0] == pytest.approx(1 - hucl.separation(5, 0.25), abs=1e-5)


FAMILIES = {
    "exponential": (Exponential, hucl.separation, hucl.loss_at),
    "polynomial": (Polynomial, hucl.polynomial_separation, hucl.polynomial_loss_at),
}


def least_of_an_anchor(by, family, hardness, p):
    """Phi of the proof: the least loss of an anchor whose mean inner product with its own class is larger by ``by``."""
    _, separation, loss_at = FAMILIES[family]
    return loss_at(min(by, separation(hardness, p)), hardness, p) if by >= 0 else log(1 + exp(-(1 - p) * by))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("hardness", [1.0, 1.3, 3.0, 10.0, 30.0])
@pytest.mark.parametrize("p", [0.5, 0.25, 0.1, 0.01, 0.001])
def test_the_least_loss_of_an_anchor_is_convex_and_never_rises(family, hardness, p):
    """The step of the proof that carries the bound from anchors to their mean, at the places of a grid."""
    values = [least_of_an_anchor(by, family, hardness, p) for by in torch.linspace(-2, 2, 401).tolist()]
    slopes = torch.tensor(values, dtype=torch.float64).diff()
    assert slopes.diff().min() > -1e-13 and slopes.max() < 1e-14
    at = [least_of_an_anchor(by, family, hardness, p) for by in (-1e-6, 0, 1e-6)]
    assert at[1] == pytest.approx(log(2), abs=1e-15)
    assert [(at[1] - at[0]) / 1e-6, (at[2] - at[1]) / 1e-6] == pytest.approx(2 * [-(1 - p) / 2], abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("hardness", [1.0, 2.5, 10.0])
@pytest.mark.parametrize("p", [0.4, 0.05])
def test_no_anchor_has_less_than_the_least_loss_of_an_anchor(family, hardness, p):
    """Inner products of all kinds in the ball, with the own class and with others."""
    generator = seeded(3)
    own, other = (torch.rand(4000, n, generator=generator, dtype=torch.float64) * 2 - 1 for n in (2, 3))
    pull = torch.rand(2, 4000, 1, generator=generator, dtype=torch.float64)
    own, other = own * pull[0] + 1 - pull[0], other * pull[1] + (pull[1] - 1) * pull[0]  # some sharp, some far apart
    log_w = FAMILIES[family][0](hardness).log_weight(torch.cat([own, other], 1))
    log_w = log_w + torch.tensor([p / 2] * 2 + [(1 - p) / 3] * 3, dtype=torch.float64).log()
    log_a = (log_w.log_softmax(1) + torch.cat([own, other], 1)).logsumexp(1)
    losses = (1 + (log_a - own.mean(1)).exp()).log()
    by = (own.mean(1) - other.mean(1)).tolist()
    least = torch.tensor([least_of_an_anchor(each, family, hardness, p) for each in by], dtype=torch.float64)
    assert (losses - least).min() > -1e-12 and min(by) < 0 < max(by) and (losses - least).min() < 0.02


@pytest.mark.parametrize("collisions", [None, 0.1])
@pytest.mark.parametrize(("num_classes", "per_class", "d"), [(2, 3, 2), (3, 2, 3), (4, 2, 6), (10, 1, 10)])
def test_no_random_representation_is_below_the_bound_of_polynomial_hardening(num_classes, per_class, d, collisions):
    for epsilon in (1.0, 1.5, 4.0, 20.0):
        asked = Problem(
            num_classes=num_classes, dim=d, per_class=per_class, hardening=Polynomial(epsilon), collisions=collisions
        )
        z = random_representations(400, asked.labels, d, 0)
        bound = hucl.polynomial_lower_bound(num_classes, epsilon, collisions)
        assert (asked.loss(z) - bound).min() > NEVER
        centre = z.mean(1, keepdim=True)
        assert (asked.loss(z * 0.2 + 0.8 * centre / centre.norm(dim=-1, keepdim=True)) - bound).min() > NEVER


def test_with_polynomial_hardening_the_bound_takes_one_dimension_more_off_the_centre():
    for epsilon in (1.0, 5.0):
        flat, more = (found(num_classes=4, dim=d, per_class=1, hardening=Polynomial(epsilon)) for d in (3, 4))
        bound = hucl.polynomial_lower_bound(4, epsilon)
        assert abs(more.least - bound) < 1e-10 and flat.least > bound + 1e-3
        assert more.shape.symmetry == 24 and min(r for r, _ in more.shape.norms) > 1 - 1e-6
        product = 1 - hucl.polynomial_separation(epsilon, 0.25)
        assert more.shape.inner_products == ((pytest.approx(product, abs=1e-4), 6),)


def test_up_to_the_critical_epsilon_the_etf_is_the_minimum():
    assert [round(hucl.critical_epsilon(c), 2) for c in (3, 4, 10, 100)] == [0.33, 0.61, 1.55, 3.98]
    for epsilon, is_least in ((1.5, True), (1.6, False)):
        asked = Problem(num_classes=10, dim=9, per_class=1, hardening=Polynomial(epsilon))
        above = float(asked.loss(simplex_etf(10, 9))) - hucl.polynomial_lower_bound(10, epsilon)
        assert (abs(above) < 1e-13) == is_least and above > NEVER
    edge = hucl.critical_epsilon(10)
    assert hucl.polynomial_separation(edge, 0.1) == pytest.approx(10 / 9, abs=1e-12)


@pytest.mark.parametrize(("epsilon", "collisions"), [(0.5, 0.5), (float("inf"), 0.5), (2, 0.0), (2, 1.0)])
def test_bounds_of_polynomial_hardening_are_refused_where_they_are_not_proved(epsilon, collisions):
    with pytest.raises(ValueError, match="epsilon must be a finite number >= 1"):
        hucl.polynomial_separation(epsilon, collisions)
    with pytest.raises(ValueError, match="num_classes must be >= 3"):
        hucl.critical_epsilon(2)
    with pytest.raises(ValueError, match="num_classes must be >= 2"):
        hucl.polynomial_lower_bound(1, 2)


def test_rarer_classes_lie_farther_out():
    """Each class has a separation of its own, by which its squared norm exceeds the inner products of two classes."""
    weights, beta = (4.0, 2.0, 1.0), 6
    answer = found(num_classes=3, dim=2, class_weights=weights, hardening=Exponential(beta), restarts=10)
    apart = [hucl.separation(beta, w / sum(weights)) for w in weights]
    least = sum(w / sum(weights) * hucl.loss_at(c, beta, w / sum(weights)) for w, c in zip(weights, apart, strict=True))
    shared = -1 / sum(1 / c for c in apart)
    assert abs(answer.least - least) < 1e-9 and (answer.losses - least).min() > NEVER
    assert answer.shape.inner_products == ((pytest.approx(shared, abs=1e-4), 3),)
    assert [r**2 for r, _ in answer.shape.norms] == pytest.approx(
        sorted((c + shared for c in apart), reverse=True), abs=1e-4
    )


@pytest.mark.parametrize(("beta", "collisions"), [(-1, 0.5), (float("inf"), 0.5), (1, 0.0), (1, 1.0)])
def test_bounds_of_nothing_are_refused(beta, collisions):
    with pytest.raises(ValueError, match="beta must be a finite number"):
        hucl.separation(beta, collisions)
    with pytest.raises(ValueError, match="num_classes must be >= 2"):
        hucl.hucl_lower_bound(1, 1)
