"""H-SCL anchor by anchor: its laws and losses against loops, its statements on random cases, and where they end."""

import math

import oracle
import pytest
import torch
from helpers import seeded

from hcl import anchors, exact
from hcl.hardening import Exponential, Polynomial, Threshold, Uniform
from hcl.losses import simclr_loss

HARDENINGS = {
    "tau": (Threshold(math.exp(-0.1)), oracle.threshold(math.exp(-0.1))),
    "tau, high": (Threshold(math.exp(1.2)), oracle.threshold(math.exp(1.2))),  # most anchors have nothing above it
    "beta": (Exponential(2), oracle.exponential(2)),
    "none": (Uniform(), oracle.uniform),
}
EACH = pytest.mark.parametrize("name", HARDENINGS)


def batch(seed, n=9, d=3, classes=3):
    generator = seeded(seed)
    labels = torch.cat([torch.arange(classes), torch.randint(classes, (n - classes,), generator=generator)])
    z, z_pos = (torch.nn.functional.normalize(torch.randn(n, d, generator=generator).double(), dim=1) for _ in "12")
    return z, z_pos, labels


@EACH
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_laws_by_loops(name, temperature):
    hardening, eta = HARDENINGS[name]
    z, z_pos, labels = batch(1)
    of, g_pos = anchors.of_views(z, z_pos, labels, hardening=hardening, temperature=temperature)
    found = torch.stack([of.ucl.exp(), of.scl.exp(), of.hucl.exp(), of.hscl.exp(), of.hcol.exp(), of.collisions], 1)
    torch.testing.assert_close(found, oracle.hard_means(z, z_pos, labels, eta, temperature))
    torch.testing.assert_close(g_pos, (z * z_pos).sum(1).repeat(2) / temperature)


@EACH
@pytest.mark.parametrize("supervised", [True, False])
def test_the_mean_of_the_terms_is_the_simclr_loss(name, supervised):
    """Against the loss that trains, and against loops: the four losses are eq. (42) at the temperature."""
    hardening, eta = HARDENINGS[name]
    z, z_pos, labels = batch(2)
    of, g_pos = anchors.of_views(z, z_pos, labels, hardening=hardening, temperature=0.5)
    hard, plain = (of.hscl, of.scl) if supervised else (of.hucl, of.ucl)
    classes = labels if supervised else None
    for log_mean, harden, loop in ((hard, hardening, eta), (plain, Uniform(), oracle.uniform)):
        ours = anchors.term(log_mean, g_pos, 16).mean()
        torch.testing.assert_close(ours, simclr_loss(z, z_pos, classes, hardening=harden, temperature=0.5))
        torch.testing.assert_close(ours, oracle.simclr_loss(z, z_pos, classes, eta=loop, temperature=0.5))


def test_the_terms_are_those_of_the_exact_loss_for_k_to_infinity():
    """Over a population rather than a batch, Q = 1, each item its own positive."""
    z, _, labels = batch(3)
    same = labels[:, None] == labels
    of = anchors.seen(z @ z.T, same, torch.ones_like(same), Exponential(2))
    g_pos = (z * z).sum(1)
    for log_mean, supervised in ((of.hscl, True), (of.hucl, False)):
        loss = exact.exact_loss(z, exact.identical(labels), supervised=supervised, hardening=Exponential(2))
        torch.testing.assert_close(anchors.term(log_mean, g_pos, 1).mean(), loss)


def random_case(seed):
    """g of no geometry at all, classes of any size, sets of negatives of any size."""
    generator = seeded(seed)
    n = int(torch.randint(3, 12, (), generator=generator))
    g = 2 * torch.randn(6, n, generator=generator).double()
    same = torch.rand(6, n, generator=generator) < torch.rand((), generator=generator)
    allowed = torch.rand(6, n, generator=generator) < 0.8
    same[:, 0], allowed[:, 0] = False, True
    family = (Exponential, Polynomial, Threshold)[seed % 3]
    return g, same, allowed, family(float(3 * torch.rand((), generator=generator)))


def test_h_ucl_is_a_mixture_and_the_equivalences_hold_on_random_cases():
    """p_HUCL = (1 - w) p_HSCL + w p_Hcol, and both "if and only if", term by term; every side is met."""
    met = {"assumption": set(), "above_ucl": set(), "collisions": set()}
    for seed in range(600):
        g, same, allowed, hardening = random_case(seed)
        of = anchors.seen(g, same, allowed, hardening)
        w = of.collisions
        mixed = (1 - w) * of.hscl.exp() + torch.where(w > 0, w * of.hcol.exp(), 0)
        torch.testing.assert_close(of.hucl.exp(), mixed)
        apart = (of.hscl - of.hucl).abs() > 1e-12  # else rounding decides
        g_pos = torch.zeros(6, dtype=torch.float64)
        terms = [anchors.term(mean, g_pos, 3) for mean in (of.hscl, of.hucl, of.ucl)]
        assert of.assumption[apart].equal((terms[0] <= terms[1])[apart])
        assert of.assumption[w == 0].all()
        apart = (of.hscl - of.ucl).abs() > 1e-12
        assert of.above_ucl[apart].equal((terms[0] >= terms[2])[apart])
        met["assumption"] |= set(of.assumption.tolist())
        met["above_ucl"] |= set(of.above_ucl.tolist())
        met["collisions"] |= {bool(value) for value in (w == 0).tolist()}
    assert all(sides == {True, False} for sides in met.values())


def one(g, same, hardening=None):
    return anchors.seen(
        torch.tensor([g], dtype=torch.float64), torch.tensor([same]), torch.ones(1, len(g), dtype=torch.bool), hardening
    )


def test_assumption_1_by_hand():
    """Without hardening: own classes at least as near, and not; a single own negative farther off decides."""
    nearer, farther = one([0.0, 1.0], [False, True]), one([1.0, 0.0], [False, True])
    assert nearer.assumption.all() and not farther.assumption.any()
    assert float(nearer.hscl) == 0 and float(nearer.hcol) == pytest.approx(1)
    assert float(nearer.collisions) == pytest.approx(0.5)
    assert nearer.hscl < nearer.hucl and farther.hscl > farther.hucl
    # The mean of e^g decides, not that of g: here own negatives are nearer in the mean of g only.
    skewed = one([-2.0, 1.5, 0.0, 0.0], [False, False, True, True])
    assert not skewed.assumption.any()
    # A threshold that no own negative reaches leaves none: w = 0, and it holds.
    none = one([1.0, 0.0], [False, True], Threshold(math.exp(0.5)))
    assert none.assumption.all() and float(none.collisions) == 0 and none.hscl.equal(none.hucl)


def test_anchors_without_a_negative_of_their_class_have_no_collisions():
    of = one([0.3, -0.2], [False, False], Exponential(1))
    assert float(of.hcol) == -math.inf and float(of.collisions) == 0
    assert of.assumption.all() and of.hscl.equal(of.hucl)


@pytest.mark.parametrize("seed", range(30))
def test_a_threshold_of_at_least_the_mean_puts_h_scl_above_ucl(seed):
    """tau >= E[e^g] suffices where some negative of another class reaches it, and is not needed."""
    g, same, allowed, _ = random_case(seed)
    mean = anchors.seen(g, same, allowed).ucl.exp()
    for i in range(len(g)):
        others = g[i][allowed[i] & ~same[i]]
        reached = [float(value.exp()) for value in others if value.exp() >= mean[i]]
        for tau in reached:
            of = anchors.seen(g[i : i + 1], same[i : i + 1], allowed[i : i + 1], Threshold(tau * (1 - 1e-12)))
            assert of.above_ucl.all()


def test_a_threshold_below_the_mean_may_do_either():
    enough = one([0.0, 1.0, -1.0], [False, False, True], Threshold(1.0))
    assert enough.above_ucl.all() and float(enough.ucl.exp()) > 1
    short = one([0.0, 0.1, 2.0], [False, False, True], Threshold(0.9))
    assert not short.above_ucl.any()


def test_the_losses_may_be_in_order_where_part_of_the_anchors_is_not():
    """The inequality of the losses is of means: the assumption at every anchor suffices, and is not needed."""
    g = torch.tensor([[0.0, 2.0], [0.2, 0.0]], dtype=torch.float64)
    same = torch.tensor([[False, True], [False, True]])
    of = anchors.seen(g, same, torch.ones_like(same))
    terms = [anchors.term(mean, torch.zeros(2, dtype=torch.float64), 2).mean() for mean in (of.hscl, of.hucl)]
    assert of.assumption.tolist() == [True, False] and terms[0] < terms[1]


def test_a_change_of_measure_is_a_law_and_its_means_are_those_of_proposition_1():
    generator = seeded(4)
    for _ in range(50):
        p = torch.rand(5, 7, generator=generator).double()
        p = p / p.sum(-1, keepdim=True)
        rho = torch.rand(5, 7, generator=generator).double() * (torch.rand(5, 7, generator=generator) < 0.7)
        rho[:, 0] = 0.3
        s = torch.randn(7, generator=generator).double()
        new = anchors.changed(p, rho)
        torch.testing.assert_close(new.sum(-1), torch.ones(5, dtype=torch.float64))
        for row in range(5):
            alpha = sum(float(p[row, i] * rho[row, i]) for i in range(7))
            expected = sum(float(p[row, i] * rho[row, i] * s[i]) for i in range(7)) / alpha
            assert float(new[row] @ s) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rho", [[0.0, 0.0], [1.0, -1.0], [math.inf, 1.0], [2.0, -1.0]])
def test_without_a_mean_there_is_no_law_to_change_to(rho):
    with pytest.raises(ValueError, match="rho must be at least 0 with a mean in"):
        anchors.changed(torch.tensor([0.5, 0.5]), torch.tensor(rho))


def test_a_change_of_measure_is_what_hardens():
    """rho = eta(g), of the law without hardening, gives the hardened law of the losses."""
    z, z_pos, labels = batch(5)
    of, _ = anchors.of_views(z, z_pos, labels, hardening=Exponential(3), temperature=0.5)
    views, n = torch.cat([z, z_pos]), len(z)
    g = views @ views.T / 0.5
    plain = (torch.arange(2 * n)[:, None] % n != torch.arange(2 * n) % n).double() / (2 * n - 2)
    hard = anchors.changed(plain, (3 * g).exp())
    torch.testing.assert_close((hard * g.exp()).sum(1), of.hucl.exp())


def test_a_temperature_that_is_none_is_refused():
    with pytest.raises(ValueError, match="temperature must be a finite number > 0"):
        anchors.of_views(*batch(0), temperature=0.0)
