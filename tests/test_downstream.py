"""The downstream loss with its proof, and the two bounds of it: loops, closed forms, and random representations."""

from math import comb, cos, exp, log, pi, sin, sinh

import pytest
import torch
from torch.nn import functional as F

from hcl import downstream
from hcl.exact import exact_loss, independent
from hcl.geometry import simplex_etf
from hcl.psi import LogSumExp

LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


def points(seed, n=6, d=3):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(n, d, generator=generator, dtype=torch.float64), dim=-1)


def by_loops(z, labels, w, items):
    total = 0.0
    for x, c, p in zip(z, labels.tolist(), items, strict=True):
        others = sum(exp(float(x @ (w[o] - w[c]))) for o in range(len(w)) if o != c)
        total += float(p) * log(1 + others)
    return total


def test_the_loss_of_a_classifier_is_that_of_the_formula():
    z, w = points(0), points(1, n=3)
    items = torch.tensor([0.3, 0.2, 0.1, 0.1, 0.2, 0.1], dtype=torch.float64)
    assert float(downstream.classifier_loss(z, LABELS, w, items)) == pytest.approx(by_loops(z, LABELS, w, items))
    even = float(downstream.classifier_loss(z, LABELS, w))
    assert even == pytest.approx(by_loops(z, LABELS, w, [1 / 6] * 6))
    several = downstream.classifier_loss(z, LABELS, torch.stack([w, -w]))
    assert several.shape == (2,) and float(several[0]) == pytest.approx(even)


def test_the_mean_classifier_has_the_means_of_the_items_by_their_probabilities():
    z = points(2)
    items = torch.tensor([0.4, 0.1, 0.1, 0.1, 0.2, 0.1], dtype=torch.float64)
    w = torch.stack([(0.4 * z[0] + 0.1 * z[1]) / 0.5, (z[2] + z[3]) / 2, (0.2 * z[4] + 0.1 * z[5]) / 0.3])
    assert downstream.mean_classifier_loss(z, LABELS, items) == pytest.approx(by_loops(z, LABELS, w, items))
    w = torch.stack([z[:2].mean(0), z[2:4].mean(0), z[4:].mean(0)])
    assert downstream.mean_classifier_loss(z, LABELS) == pytest.approx(by_loops(z, LABELS, w, [1 / 6] * 6))


@pytest.mark.parametrize("count", [2, 3, 10])
def test_an_etf_has_the_least_downstream_loss_there_is(count):
    etf = simplex_etf(count, count - 1)
    found = downstream.downstream_loss(etf, torch.arange(count))
    assert found.certain and found.loss == pytest.approx(downstream.etf_downstream_loss(count), abs=1e-9)
    assert found.loss == pytest.approx(log(1 + (count - 1) * exp(-count / (count - 1))), abs=1e-9)
    for seed in range(20):
        z = points(seed, n=count, d=count)
        assert downstream.downstream_loss(z, torch.arange(count)).loss > found.loss


def test_two_classes_in_the_plane_are_as_a_grid_of_angles_says():
    z, labels = torch.tensor([[1.0, 0.0], [cos(1.0), sin(1.0)]], dtype=torch.float64), torch.arange(2)
    items = torch.tensor([0.8, 0.2], dtype=torch.float64)
    found = downstream.downstream_loss(z, labels, items)
    at = [2 * pi * i / 180 for i in range(180)]
    w = torch.tensor([[[cos(a), sin(a)], [cos(b), sin(b)]] for a in at for b in at], dtype=torch.float64)
    least = float(downstream.classifier_loss(z, labels, w, items).min())
    assert found.loss <= least < found.loss + 1e-3
    assert torch.allclose(found.weights.norm(dim=1), torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("seed", range(5))
def test_no_weights_in_the_ball_are_below_the_bound_that_proves_it(seed):
    z = points(seed)
    items = torch.softmax(points(seed + 50, n=1, d=6)[0], 0)
    found = downstream.downstream_loss(z, LABELS, items)
    assert found.bound <= found.loss + 1e-12
    w = torch.randn(2000, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    w = w / w.norm(dim=-1, keepdim=True).clamp_min(1)
    near = found.weights + 0.05 * w
    near = near / near.norm(dim=-1, keepdim=True).clamp_min(1)
    for tried in (w, near, F.normalize(near, dim=-1)):
        assert float(downstream.classifier_loss(z, LABELS, tried, items).min()) >= found.bound
    assert float(downstream.classifier_loss(z, LABELS, F.normalize(near, dim=-1), items).min()) >= found.loss - 1e-9


def test_a_loss_that_is_not_proved_least_says_so():
    assert not downstream.Downstream(1.0, torch.eye(2), 0.9).certain


# Bounds


def test_the_gap_of_jensen_is_that_of_the_worst_two_values():
    shares = torch.linspace(0, 1, 100_001, dtype=torch.float64)
    gaps = ((1 - shares) * exp(-1) + shares * exp(1)).log() - (2 * shares - 1)
    assert pytest.approx(float(gaps.max()), abs=1e-9) == downstream.JENSEN_GAP
    p = (sinh(1) - exp(-1)) / (2 * sinh(1))
    assert pytest.approx(log(sinh(1)) + 1 - 2 * p) == downstream.JENSEN_GAP


def test_what_collisions_cost_in_any_case_is_a_mean_over_their_number():
    rho, k = (0.5, 0.3, 0.2), 6
    by_hand = sum(r * sum(comb(k, b) * r**b * (1 - r) ** (k - b) * log(1 + b) for b in range(k + 1)) for r in rho)
    assert downstream.collision_floor((5, 3, 2), k) == pytest.approx(by_hand)


def test_the_factor_of_two_classes_doubles_with_every_negative():
    for k in (1, 2, 10):
        assert downstream.growth((1, 1), k) == pytest.approx(2**k)
    assert downstream.growth((3, 1), 4) == pytest.approx(4**4)  # the frequent class collides most
    assert downstream.growth([1] * 10, 1) == pytest.approx(10 / 9 * 9 * sum(1 / i for i in range(1, 10)))
    assert downstream.growth((99, 1), 5000) == float("inf")


@pytest.mark.parametrize("weights", [(1, 1, 1), (6, 2, 1)])
@pytest.mark.parametrize("k", [1, 2, 5, 64])
def test_both_bounds_hold_for_random_and_for_merged_representations(weights, k):
    population = independent(LABELS, weights)
    alpha, tau = downstream.growth(weights, k), downstream.collision_floor(weights, k)
    low, high = downstream.interval(weights, k)
    one = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64)
    special = [simplex_etf(3, 3)[LABELS], one.expand(6, 3), one * torch.tensor([[1.0], [-1.0]] * 3)]
    for z in [*special, *(points(seed) for seed in range(30))]:
        loss = float(exact_loss(z, population, supervised=False, k=k, psi=LogSumExp(1.0)))
        mean = downstream.mean_classifier_loss(z, LABELS, population.items)
        assert mean <= alpha * (loss - tau) + 1e-9
        assert low - 1e-9 <= mean - loss <= high + 1e-9
        if (z[::2] == z[1::2]).all():  # a point each: unit weights can be the class means
            assert downstream.downstream_loss(z, LABELS, population.items).loss <= mean + 1e-9


def test_of_equal_classes_the_interval_narrows_to_twice_the_gap():
    widths = [high - low for low, high in (downstream.interval([1] * 10, k) for k in (1, 4, 64, 10_000))]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] == pytest.approx(2 * downstream.JENSEN_GAP, abs=1e-3)
    with pytest.raises(ValueError, match="num_classes must be >= 2"):
        downstream.etf_downstream_loss(1)
