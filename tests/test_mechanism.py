"""Why hard negatives part merged classes: forces, rates and tilts against autograd, Jacobians and closed forms."""

from itertools import product
from math import exp

import pytest
import torch
from helpers import seeded

from hcl.hardening import Exponential
from hcl.losses import Exact, contrastive_loss
from hcl.mechanism import (
    Merged,
    forces,
    leave,
    parting_rate,
    spread_pair,
    tangential,
    tilted_mean,
    tilted_to_first_order,
)

STATES = [(4, 2), (6, 3), (6, 2), (12, 4), (10, 5)]
BETAS = [0.0, 1.0, 5.0, 30.0]


def test_the_mean_of_a_tilted_gaussian_is_exact():
    """On a grid of the line: a Gaussian times e^(b z x) is one of the same variance, whose mean moved by b S z."""
    x = torch.linspace(-40, 40, 400_001, dtype=torch.float64)
    for mean, variance, z, beta in ((0.3, 0.5, 0.7, 2.0), (-1.0, 2.0, -0.4, 3.0)):
        log_density = -((x - mean) ** 2) / (2 * variance)
        tilted = (log_density + beta * z * x).softmax(0) @ x
        assert float(tilted) == pytest.approx(mean + beta * variance * z, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_of_tilted_items_is_right_to_first_order(seed):
    """Half the tilt, a quarter of the error: not the mean alone, whose error would halve."""
    x = torch.randn(40, 5, generator=seeded(seed), dtype=torch.float64) + 0.5
    z = torch.randn(5, generator=seeded(seed + 9), dtype=torch.float64)
    by_loop = sum(exp(0.7 * float(one @ z)) * one for one in x) / sum(exp(0.7 * float(one @ z)) for one in x)
    assert torch.allclose(tilted_mean(x, z, 0.7), by_loop)
    errors = [float((tilted_mean(x, z, b) - tilted_to_first_order(x, z, b)).norm()) for b in (0.02, 0.01, 0.005)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1) and errors[1] / errors[2] == pytest.approx(4, rel=0.05)
    assert torch.equal(tilted_to_first_order(x, z, 0.0), x.mean(0))


@pytest.mark.parametrize(("beta", "through_weights"), list(product(BETAS, (False, True))))
def test_forces_are_the_gradient_of_the_loss(beta, through_weights):
    z = torch.randn(12, 4, generator=seeded(), dtype=torch.float64).div(2).requires_grad_()
    labels = torch.arange(12) % 4
    loss = contrastive_loss(
        z, labels, supervised=True, hardening=Exponential(beta), sampling=Exact(detach=not through_weights)
    )
    (gradient,) = torch.autograd.grad(loss, z)
    assert torch.allclose(forces(z.detach(), labels, beta, through_weights=through_weights), -12 * gradient)


@pytest.mark.parametrize(("classes", "clusters"), STATES)
@pytest.mark.parametrize(("beta", "through_weights"), list(product(BETAS, (False, True))))
def test_the_rate_is_an_eigenvalue_of_the_linearised_forces(classes, clusters, beta, through_weights):
    """The Jacobian of the forces on the sphere at the merged state, by automatic differentiation."""
    state = Merged(classes, clusters, beta, through_weights)
    z, labels = state.points(), torch.arange(classes)

    def on_sphere(x):
        x = x.view_as(z) / x.view_as(z).norm(dim=1, keepdim=True)
        return tangential(x, forces(x, labels, beta, through_weights=through_weights)).flatten()

    at_rest = on_sphere(z.flatten())
    assert at_rest.abs().max() < 1e-12, "a merged state is at rest"
    jacobian = torch.func.jacrev(on_sphere)(z.flatten())
    growth = torch.linalg.eigvals(jacobian).real
    mates, collapsed = classes // clusters - 1, classes - clusters
    assert int(((growth - state.rate).abs() < 1e-8).sum()) >= clusters * mates * collapsed, "of collapsed directions"
    assert through_weights or float(growth.max()) == pytest.approx(state.rate, abs=1e-9)
    radial = (forces(z, labels, beta, through_weights=through_weights) * z).sum(1)
    assert radial.tolist() == pytest.approx([state.outward] * classes, abs=1e-12)


@pytest.mark.parametrize(("classes", "clusters"), STATES)
def test_the_rate_is_that_of_the_formula_and_tends_to_its_limits(classes, clusters):
    for beta in BETAS:
        state = Merged(classes, clusters, beta)
        closed = 2 * state.pull / (clusters - 1) * (state.weight / state.share - 1)
        assert state.rate == pytest.approx(closed) and state.rate > 0
    hardest = Merged(classes, clusters, 200.0)
    mates = classes // clusters - 1
    assert hardest.rate == pytest.approx(1 + 1 / mates) and hardest.pull == pytest.approx(0.5)
    one = [Merged(classes, 1, beta).rate for beta in BETAS]
    assert one == pytest.approx([classes / (classes - 1)] * 4)


@pytest.mark.parametrize(("classes", "clusters"), STATES)
def test_harder_negatives_part_points_faster(classes, clusters):
    rates = [Merged(classes, clusters, beta).rate for beta in (0, 1, 2, 5, 10)]
    assert rates == sorted(rates) and rates[-1] > 1.4 * rates[0]


def test_states_that_cannot_be_are_refused():
    for clusters in (0, 3, 10, 20):
        with pytest.raises(ValueError, match=f"clusters={clusters}: expected a divisor of 10 below it"):
            Merged(10, clusters, 0.0)


@pytest.mark.parametrize(("beta", "through_weights"), [(0.0, False), (5.0, False), (5.0, True)])
def test_a_merged_state_is_left_in_the_predicted_number_of_steps(beta, through_weights):
    state = Merged(10, 5, beta, through_weights)
    short, long = (leave(state, generator=seeded(3), start=start) for start in (1e-4, 1e-6))
    assert short.measured == pytest.approx(short.predicted, rel=0.1)
    # Of the way from 1e-6 to 1e-4 all is linear: there the two agree to the rounding of a step.
    more = long.measured - short.measured
    assert more == pytest.approx(long.predicted - short.predicted, abs=3)
    assert abs(more - 1.2 * (long.predicted - short.predicted)) > 3, "a rate that is wrong by a fifth is seen"


def test_a_state_that_is_not_left_says_so():
    with pytest.raises(RuntimeError, match="was not left in 5 steps"):
        leave(Merged(10, 5, 0.0), generator=seeded(), most=5)


def test_a_spread_pair_is_what_it_says():
    z, labels = spread_pair(Merged(10, 5, 2.0), 0.05, items=7)
    assert z.shape == (70, 5) and labels.bincount().tolist() == [7] * 10
    assert torch.allclose(z.norm(dim=1), torch.ones(70, dtype=torch.float64))
    own = z[labels == 0]
    assert torch.equal(own, z[labels == 1])
    assert float(own[:, -1].mean()) == pytest.approx(0, abs=1e-12)
    assert float(own[:, -1].square().mean()) == pytest.approx(0.05)
    assert torch.equal(z[labels == 4], z[labels == 5]) and float(z[labels > 1][:, -1].abs().max()) < 1e-9
    with pytest.raises(ValueError, match=r"variance=0.9: items would lie off the sphere"):
        spread_pair(Merged(10, 5, 2.0), 0.9)


@pytest.mark.parametrize("beta", BETAS)
def test_a_pair_without_a_spread_parts_at_the_rate_of_its_state(beta):
    state = Merged(10, 5, beta)
    assert parting_rate(*spread_pair(state, 1e-9), beta) == pytest.approx(state.rate, rel=1e-6)


def test_the_parting_rate_is_the_difference_quotient():
    z, labels = spread_pair(Merged(6, 3, 3.0), 0.1)
    side = (labels == 0).double() - (labels == 1).double()

    def apart(shift):
        moved = z.clone()
        moved[:, -1] += shift * side
        moved /= moved.norm(dim=1, keepdim=True)
        force = tangential(moved, forces(moved, labels, 3.0))
        return [float(of[labels == 0][:, -1].mean() - of[labels == 1][:, -1].mean()) for of in (moved, force)]

    moved, force = (a - b for a, b in zip(apart(1e-5), apart(-1e-5), strict=True))
    assert parting_rate(z, labels, 3.0) == pytest.approx(force / moved, rel=1e-6)


@pytest.mark.parametrize("beta", [30.0, 100.0])
def test_a_spread_slows_the_parting_as_the_tilt_of_a_gaussian_does(beta):
    """To first order in the variance, where the tilt is all there is: w = 1, large beta."""
    state = Merged(10, 5, beta)
    variance = 1e-3 / beta
    lost = (state.rate - parting_rate(*spread_pair(state, variance), beta)) / state.rate
    assert lost == pytest.approx((beta + 1) * variance, rel=0.1)
    assert state.slowed(0.0) == state.rate and state.slowed(1 / (beta + 1)) == pytest.approx(state.rate / 2)
    wide = parting_rate(*spread_pair(state, 0.02, items=61), beta)
    assert wide == pytest.approx(state.slowed(0.02), rel=0.1) and wide < 0.7 * state.rate
