"""Exact losses of finite populations against plain loops over tuples and against the batch loss."""

import itertools
from math import exp

import oracle
import pytest
import torch

from hcl import losses
from hcl.exact import Population, augmented, exact_loss, identical, independent, mixed, separable
from hcl.hardening import Exponential, Polynomial, Threshold
from hcl.psi import InfoNCE, MeanExp, Triplet

LABELS = torch.tensor([0, 0, 1, 1, 2])


def features(n=5, d=3, seed=0, count=None):
    shape = (n, d) if count is None else (count, n, d)
    z = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return z / z.norm(dim=-1, keepdim=True).clamp_min(1)


def uneven():
    """Pairs that are neither independent nor equal, of items that are not equally likely."""
    pairs = torch.zeros(5, 5, dtype=torch.float64)
    pairs[:2, :2] = torch.tensor([[0.1, 0.05], [0.05, 0.2]], dtype=torch.float64)
    pairs[2:4, 2:4] = torch.tensor([[0.0, 0.15], [0.15, 0.1]], dtype=torch.float64)
    pairs[4, 4] = 0.2
    return Population(LABELS, pairs)


def looped(z, population, supervised, k, psi, eta):
    """Definitions 3 and 4, tuple by tuple."""
    p, labels, n = population.items, population.labels, len(z)
    total = 0.0
    for i, j in itertools.product(range(n), repeat=2):
        weights, values = [], []
        for negatives in itertools.product(range(n), repeat=k):
            if supervised and any(labels[m] == labels[i] for m in negatives):
                continue
            t = torch.stack([z[i] @ z[m] for m in negatives])
            weights.append(float(torch.stack([p[m] for m in negatives]).prod() * eta(t)))
            values.append(float(psi(t - z[i] @ z[j])))
        gamma = sum(weights)
        total += float(population.pairs[i, j]) * sum(w * v for w, v in zip(weights, values, strict=True)) / gamma
    return total


ETAS = {
    "none": lambda t: torch.ones(t.shape[:-1], dtype=t.dtype),
    "separable": lambda t: (3 * t.sum(-1)).exp(),
    "largest": lambda t: (10 * t.amax(-1)).exp(),
    "step": lambda t: 1 + (t.sum(-1) > 0).to(t.dtype),
}


@pytest.mark.parametrize("supervised", [True, False])
@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize(
    "population", [independent(LABELS), identical(LABELS), uneven()], ids=["ind", "same", "uneven"]
)
def test_it_equals_the_loop_over_all_tuples(population, supervised, eta, k):
    z = features()
    expected = looped(z, population, supervised, k, InfoNCE(), ETAS[eta])
    value = exact_loss(z, population, supervised=supervised, k=k, eta=None if eta == "none" else ETAS[eta])
    assert float(value) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("supervised", [True, False])
@pytest.mark.parametrize("hardening", [None, Exponential(4), Polynomial(3), Threshold(0.5)])
def test_the_limit_is_the_batch_loss_of_the_population(supervised, hardening):
    z = features(seed=1)
    own = exact_loss(z, independent(LABELS), supervised=supervised, hardening=hardening)
    batch = losses.contrastive_loss(z, LABELS, supervised=supervised, hardening=hardening, k=None)
    torch.testing.assert_close(own, batch)
    same = exact_loss(z, identical(LABELS), supervised=supervised, hardening=hardening)
    batch = losses.contrastive_loss(z, LABELS, supervised=supervised, hardening=hardening, k=None, z_pos=z)
    torch.testing.assert_close(same, batch)


@pytest.mark.parametrize("supervised", [True, False])
def test_separable_hardening_at_finite_k_equals_algorithm_1_enumerated(supervised):
    z, hardening = features(seed=2), Exponential(5)
    for k in (1, 2):
        rows = [
            [
                oracle.pair_loss(z, i, j, z[j], oracle.negative_distribution(
                    z, i, LABELS, supervised=supervised, eta=oracle.exponential(5)), k, None, oracle.InfoNCE())
                for j in range(5) if LABELS[i] == LABELS[j]
            ]
            for i in range(5)
        ]  # fmt: skip
        expected = sum(sum(row) / len(row) for row in rows) / 5
        for options in ({"hardening": hardening}, {"eta": separable(hardening)}):
            torch.testing.assert_close(
                exact_loss(z, independent(LABELS), supervised=supervised, k=k, **options), expected
            )


def test_finite_k_tends_to_the_limit():
    z, population = features(4, 2), independent(torch.tensor([0, 0, 1, 1]))
    limit = exact_loss(z, population, supervised=False)
    gaps = [float(limit - exact_loss(z, population, supervised=False, k=k)) for k in (1, 2, 4, 7)]
    assert gaps == sorted(gaps, reverse=True) and 0 < gaps[-1] < gaps[0] / 5


def test_many_representations_at_a_time_are_each_on_its_own():
    many = features(count=4)
    for k in (2, None):
        together = exact_loss(many, uneven(), supervised=True, k=k, hardening=Exponential(2))
        alone = [exact_loss(z, uneven(), supervised=True, k=k, hardening=Exponential(2)) for z in many]
        torch.testing.assert_close(together, torch.stack(alone))


def test_mean_exp_has_the_same_loss_for_every_k():
    z = features()
    values = [exact_loss(z, uneven(), supervised=False, k=k, psi=MeanExp()) for k in (1, 2, 3, None)]
    torch.testing.assert_close(values, [values[0]] * 4)


def test_a_share_of_own_positives_mixes_the_two_losses():
    z = features()
    ends = [exact_loss(z, mixed(LABELS, share), supervised=True, k=2) for share in (0.0, 1.0)]
    torch.testing.assert_close(ends[0], exact_loss(z, independent(LABELS), supervised=True, k=2))
    torch.testing.assert_close(ends[1], exact_loss(z, identical(LABELS), supervised=True, k=2))
    torch.testing.assert_close(exact_loss(z, mixed(LABELS, 0.3), supervised=True, k=2), 0.7 * ends[0] + 0.3 * ends[1])


def test_augmented_pairs_are_two_independent_views_of_a_reference():
    """Appendix A, summed by hand over references."""
    augment = torch.tensor([[0.5, 0.5, 0, 0], [0.2, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0.4, 0.6]], dtype=torch.float64)
    population = augmented(torch.tensor([0, 0, 1, 1]), augment)
    expected = sum(torch.outer(law, law) for law in augment) / 4
    torch.testing.assert_close(population.pairs, expected)
    torch.testing.assert_close(population.items, augment.mean(0))


def test_one_negative_by_hand():
    """Two classes of one item at 1 and -1: v = -2 always."""
    z = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    labels = torch.arange(2)
    value = exact_loss(z, independent(labels), supervised=True, k=1, psi=MeanExp())
    assert float(value) == pytest.approx(exp(-2))
    assert float(exact_loss(z, independent(labels), supervised=False, k=1, psi=MeanExp())) == pytest.approx(
        (1 + exp(-2)) / 2
    )


@pytest.mark.parametrize("k", [1, None])
def test_a_gamma_of_zero_is_refused(k):
    """A polynomial gives no weight to antipodal negatives: C = 2 at its ETF."""
    z = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match="gamma is not in"):
        exact_loss(z, independent(torch.arange(2)), supervised=True, k=k, hardening=Polynomial(3))


def test_an_infinite_gamma_is_refused():
    with pytest.raises(ValueError, match="gamma is not in"):
        exact_loss(features(), uneven(), supervised=False, k=1, eta=lambda t: torch.full_like(t[..., 0], torch.inf))


def test_bad_arguments_are_refused():
    z, population = features(), independent(LABELS)
    with pytest.raises(ValueError, match="k must be >= 1"):
        exact_loss(z, population, supervised=True, k=0)
    for options in ({"eta": ETAS["step"]}, {"eta": ETAS["step"], "k": 2, "hardening": Exponential(1)}):
        with pytest.raises(ValueError, match="eta needs a finite k and excludes hardening"):
            exact_loss(z, population, supervised=True, **options)
    with pytest.raises(ValueError, match="needs two classes"):
        exact_loss(z, independent(torch.zeros(5, dtype=torch.int64)), supervised=True)
    with pytest.raises(ValueError, match="pass k=1"):
        exact_loss(z, population, supervised=True, k=2, psi=Triplet(1.0))


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([[0.5, 0.5]], r"must be \(2, 2\) probabilities"),
        ([[0.5, 0.0], [0.0, 0.4]], "summing to 1"),
        ([[1.5, -0.5], [-0.5, 0.5]], "summing to 1"),
        ([[0.5, 0.5], [0.0, 0.0]], r"condition \(c\)"),
    ],
)
def test_what_is_no_population_is_refused(pairs, message):
    with pytest.raises(ValueError, match=message):
        Population(torch.zeros(2, dtype=torch.int64), torch.tensor(pairs, dtype=torch.float64))
    with pytest.raises(ValueError, match="share their label"):
        Population(torch.arange(2), torch.full((2, 2), 0.25, dtype=torch.float64))
