"""Theorems 1 to 3 and what surrounds them, as tables that could contradict them."""

from math import exp, log, log1p

import pytest
import torch

from hcl import minimise
from hcl.bounds import scl_lower_bound, simclr_lower_bound, ucl_lower_bound
from hcl.companion import batch_bounds, corollaries, loss_class, slips, theorems
from hcl.exact import exact_loss, identical, independent
from hcl.geometry import simplex_etf
from hcl.hardening import Exponential, Polynomial
from hcl.losses import contrastive_loss, simclr_loss
from hcl.psi import InfoNCE, MeanExp

NEVER = -1e-12  # rounding below a bound
STARTS = 4


def above(table):
    return table["lowest random, above"], table["lowest found, above"]


# Descent


def test_folding_maps_onto_the_ball_and_is_smooth_at_the_sphere():
    w = torch.tensor([[0.3, 0.0], [0.0, torch.pi / 2], [3.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    z = minimise.fold(w)
    torch.testing.assert_close(z.norm(dim=1), w.norm(dim=1).sin().abs())
    torch.testing.assert_close(z[1], torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert minimise.fold(10 * torch.randn(1000, 4)).norm(dim=1).max() <= 1 + 1e-6


@pytest.mark.parametrize("distance", [0.5, 3.0])
def test_descent_finds_the_nearest_point_of_the_ball(distance):
    """Inside the ball and on its surface: squared distance to a point has its least value (distance - 1)^2 or 0."""
    target = torch.tensor([distance, 0.0, 0.0], dtype=torch.float64)
    found = minimise.minimise(lambda z: (z - target).square().sum((-1, -2)), 1, 3, starts=5)
    assert found.losses.tolist() == pytest.approx([max(distance - 1, 0) ** 2] * 5, abs=1e-12)
    torch.testing.assert_close(found.best[0], target / max(distance, 1), atol=1e-5, rtol=0)
    assert len(found.within(max(distance - 1, 0) ** 2)) == 5 and len(found.within(-1)) == 0


def test_descent_is_decided_by_its_seed():
    def descend(seed):
        population = identical(torch.arange(3))
        return minimise.minimise(lambda z: exact_loss(z, population, supervised=True), 3, 2, starts=2, seed=seed).z

    assert torch.equal(descend(0), descend(0)) and not torch.equal(descend(0), descend(1))
    with pytest.raises(ValueError, match="starts must be >= 1"):
        minimise.minimise(lambda z: z.sum((-1, -2)), 3, 2, starts=0)


def test_the_best_minimum_has_the_least_loss():
    found = minimise.Minima(torch.arange(6.0).view(3, 2, 1), torch.tensor([2.0, 1.0, 1.5]))
    assert torch.equal(found.best, found.z[1]) and torch.equal(found.within(1.5), found.z[1:])


def test_metrics_are_zero_at_neural_collapse_and_the_worst_of_several():
    nc, labels = slips.neural_collapse(4, 2)
    assert max(minimise.nc_metrics(nc[None], labels).values()) < 1e-12
    both = minimise.nc_metrics(torch.stack([nc, nc / 2]), labels)
    assert both["unit_norm"] == pytest.approx(0.5) and both["equal_inner_product"] == pytest.approx(0.25)
    assert minimise.nc_metrics(torch.stack([nc + 1, nc]), labels)["zero_sum"] == pytest.approx(4 * 3**0.5)
    assert all(value != value for value in minimise.nc_metrics(nc[None][:0], labels).values())


# Theorem 1


def test_random_representations_are_in_the_ball_on_and_off_the_sphere():
    z = theorems.random_representations(300, theorems.class_labels(3, 2), 2, seed=0)
    norms = z.norm(dim=-1)
    assert norms.max() <= 1 + 1e-12 and (norms < 0.9).any() and (norms > 1 - 1e-12).any()


def test_theorem_1_in_the_limit_is_the_batch_loss():
    table = theorems.theorem_1_limit(3, 2, trials=2)
    assert len(table) == 2 * 2 * len(theorems.HARDENINGS)
    assert (table["hardened"] - table["plain"]).min() > NEVER
    z, labels = theorems.random_representations(2, theorems.class_labels(3, 2), 2, 0)[0], theorems.class_labels(3, 2)
    expected = contrastive_loss(z, labels, supervised=True, k=None, hardening=Exponential(2))
    assert table["hardened"][0] == pytest.approx(float(expected))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_theorem_1_at_finite_k_for_hardening_of_all_arguments(k):
    table = theorems.theorem_1(k=k, trials=40)
    smallest = table.filter(like="smallest")
    assert len(table) == 15 and smallest.min(axis=None) > NEVER
    assert (table.filter(like="largest") > 1e-3).all(axis=None), "hardening changes something"


def test_a_function_that_prefers_easy_negatives_lowers_the_loss():
    assert (theorems.theorem_1(trials=40, etas=theorems.EASIER).filter(like="smallest") < -0.1).all(axis=None)


@pytest.mark.parametrize("name", theorems.JOINT)
def test_the_joint_functions_are_hardening_functions_and_not_separable(name):
    """A product of functions of one argument each has eta(a, b) eta(c, d) = eta(a, d) eta(c, b)."""
    eta = theorems.JOINT[name]
    t = 2 * torch.rand(500, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    assert (eta(t) > 0).all()
    for m in range(3):
        higher = t.clone()
        higher[:, m] += 0.3
        assert (eta(higher) >= eta(t)).all()
    a, b = t[:250, :2], t[250:, :2]
    crossed = eta(torch.stack([a[:, 0], b[:, 1]], -1)) * eta(torch.stack([b[:, 0], a[:, 1]], -1))
    assert ((eta(a) * eta(b) - crossed).abs() > 1e-3 * crossed).any()


# Theorems 2 and 3


def test_theorem_2_with_and_without_independent_positives():
    table = theorems.theorem_2(((3, 2), (4, 5)), representations=100, starts=STARTS)
    assert len(table) == 8
    for column in above(table):
        assert column.min() > NEVER
    assert (table["lowest random, above"] > 1e-3).all() and (table["lowest found, above"] < 1e-9).all()
    assert table["NC metric"].max() < 1e-4
    assert table.loc[("independent", 3, 2, "∞"), "bound"] == pytest.approx(log1p(exp(-1.5)))


def test_theorem_3():
    table = theorems.theorem_3(((3, 2), (4, 5)), representations=100, starts=STARTS)
    for column in above(table):
        assert column.min() > NEVER
    assert (table["lowest found, above"] < 1e-9).all() and table["NC metric"].max() < 1e-4
    assert table.loc[(3, 2, "2"), "bound"] == pytest.approx(ucl_lower_bound(3, 2))


def test_too_few_dimensions_keep_the_loss_above_its_bound():
    table = theorems.too_few_dimensions(((4, 2),), starts=STARTS)
    assert (table > 0.01).all(axis=None)


# Property (vi), and its failure for HUCL


def test_hardening_leaves_the_minimum_of_scl():
    table = theorems.hardening_leaves_minimum(3, starts=STARTS)
    assert table["ETF, above"].abs().max() < 1e-12
    assert table["lowest found, above"].min() > NEVER and table["lowest found, above"].max() < 1e-9
    assert table["NC metric"].max() < 1e-4 and len(table) == 8


def test_hucl_has_a_lower_loss_than_at_the_etf():
    betas = (0, 2, 5)
    table = theorems.hucl_minimum_below_etf(betas, 3, starts=STARTS)
    assert table["ETF"].is_monotonic_increasing
    assert table.loc["0", "below the ETF"] == pytest.approx(0, abs=1e-9)
    assert (table.loc[["2", "5"], "below the ETF"] > 0.02).all()
    for beta in betas:
        odds = exp(beta * 1.5) / 2
        assert table.loc[f"{beta}", "ETF"] == pytest.approx(log(1 + (odds + exp(-1.5)) / (1 + odds)))
    # The lowest found is an ETF, shrunk: known in closed form.
    torch.testing.assert_close(
        torch.tensor(table["lowest found"].to_numpy()), torch.tensor(table["best shrunken ETF"].to_numpy()),
        atol=1e-8, rtol=0,
    )  # fmt: skip
    assert table["unit_norm"].to_list() == pytest.approx((1 - table["radius"]).to_list(), abs=1e-3)
    assert table[["zero_sum", "within_class"]].max(axis=None) < 1e-4
    # On the sphere it cannot shrink: the class means leave the origin instead (Table 2 of the paper, beta = 30).
    assert (table["lowest on the sphere"] > table["lowest found"] - 1e-9).all()
    assert table.loc["5", "its zero-sum, of the mean"] > 0.5


@pytest.mark.parametrize("beta", [0.0, 1.0, 10.0])
def test_the_shrunken_etf_is_the_loss_of_a_shrunken_etf(beta):
    least, radius = theorems.shrunken_etf_loss(4, beta)
    z, labels = slips.neural_collapse(4, 2)
    loss = contrastive_loss(radius * z, labels, supervised=False, k=None, hardening=Exponential(beta))
    assert least == pytest.approx(float(loss), abs=1e-12)


# The class of losses


def test_of_the_triplet_loss_some_minimisers_are_no_etf_and_of_infonce_none():
    table = loss_class.necessity(starts=STARTS)
    assert table["above the bound"].abs().max() < 1e-9
    built = table["equal inner product, smallest"].iloc[:3].to_list()
    assert built == pytest.approx(
        [0.30474, 4 / 9, 0], abs=1e-5
    )  # by hand: (1/2 + 2 |1/2 - .7071|) / 3, (4/3 + 2 2/3) / 6
    searched = table[table.index.get_level_values("representation").str.contains("found")]
    searched = searched.loc[["triplet, margin 1", "triplet, margin 2"]]
    assert (searched["largest"] > searched["equal inner product, smallest"] + 0.01).all()
    assert (table.loc["InfoNCE", "largest"] < 1e-4).all()
    assert all(name.startswith(f"{STARTS} of {STARTS}") for name in table.loc["InfoNCE"].index)


def test_bounds_hold_and_an_etf_attains_them_for_every_psi():
    table = loss_class.general_losses(3, representations=60, starts=STARTS)
    assert len(table) == 2 * len(loss_class.PSIS)
    assert table["ETF, above"].abs().max() < 1e-12
    for column in above(table):
        assert column.min() > NEVER
    strict = table.loc[list(loss_class.STRICT)]
    assert strict["NC metric"].max() < 1e-4 and strict["lowest found, above"].max() < 1e-9
    assert len(loss_class.STRICT) == 5
    assert table.loc[("hardest triplet, margin 1", "SCL"), "NC metric"] > 0.01
    assert table.loc[("mean exp", "SCL"), "bound"] == pytest.approx(exp(-1.5))
    assert table.loc[("log(10 + Σ exp)", "UCL"), "bound"] == pytest.approx(
        sum(p * log(10 + v) for p, v in ((1 / 9, 2), (4 / 9, 1 + exp(-1.5)), (4 / 9, 2 * exp(-1.5))))
    )


# Corollaries, properties, remarks, Appendix A


def test_corollary_1_and_what_independence_is_for():
    table = corollaries.corollary_1(trials=50)
    assert table.loc["independent variables", "smallest rise"] > NEVER
    assert table.loc["independent variables", "largest rise"] > 0.1
    assert table.loc["dependent variables", "smallest rise"] == pytest.approx(-0.5)  # E[g eta] = 0, E g = 1/2


def test_properties_at_the_minimum():
    table = corollaries.properties(3, starts=STARTS)
    one, *_ = [name for name in table.index if name.startswith("(iii)")]
    assert (table.loc[one] == 2).all()
    for name in table.index:
        if name.startswith(("loss", "(13)", "(i)", "(ii)", "(iv)")):
            assert (table.loc[name].abs() < 1e-4).all(), name
    apart = table.loc["(v) least distance between items of two classes"]
    assert apart.to_list() == pytest.approx([3**0.5] * 2, abs=1e-4)
    assert (table.iloc[-1] > 0.01).all()


def test_theorem_3_needs_condition_e_and_theorem_2_does_not():
    table = corollaries.dependence((0, 1), 3, starts=STARTS)
    assert table["SCL, d = C - 1"].abs().max() < 1e-9
    assert table.loc["0", ["UCL, d = C - 1", "UCL, d = items - 1"]].abs().max() < 1e-9
    assert (table.loc["1"].drop("SCL, d = C - 1") < -0.005).all()
    by_hand = log(1 + (1 + 5 * exp(-1.2)) / 6) - ucl_lower_bound(3, None)  # every item its own class, C = 6
    assert table.loc["1", "UCL, ETF of all items"] == pytest.approx(by_hand)
    assert table.loc["1", "UCL, d = items - 1"] == pytest.approx(by_hand, abs=1e-8)


def test_remarks():
    table = corollaries.remarks(3, starts=STARTS)["lowest, above"]
    fine = table[~((table.index.get_level_values(0).str.startswith("Remark 2"))
                   & (table.index.get_level_values(2) == "their anchors"))]  # fmt: skip
    assert len(fine) == 4 and fine.abs().max() < 1e-9
    below = table.drop(fine.index)
    assert len(below) == 2 and (below < -0.05).all()


@pytest.mark.parametrize("radius", [0.0, 0.5, 2.0])
def test_remark_2_fails_for_own_positives_as_its_closed_form_says(radius):
    z, labels = corollaries.remark_2_counterexample(4, radius)
    assert float(exact_loss(z, identical(labels), supervised=True)) == pytest.approx(log1p(exp(-4 / 3 - radius**2)))
    means = z.unflatten(0, (4, 2)).mean(1)
    torch.testing.assert_close(means[:, :3], simplex_etf(4, 3))
    assert means.square().sum(1).mean() == pytest.approx(1)
    torch.testing.assert_close(corollaries.mean_norm_at_most_one(z), z)
    assert float(exact_loss(z, independent(labels), supervised=True)) >= scl_lower_bound(4) - 1e-12


def test_appendix_a():
    found = corollaries.appendix_a(starts=STARTS)
    assert found.marginals_apart < 1e-12
    assert found.dependence > 0.01
    assert abs(found.scl_above) < 1e-9
    assert found.ucl_above < -1e-3


def test_views_of_one_reference_a_class_are_independent_given_the_class():
    found = corollaries.appendix_a(references=1, starts=STARTS)
    assert found.dependence < 1e-12 and abs(found.ucl_above) < 1e-9


# Batches and SimCLR


def test_batches_agree_with_the_library_and_fixed_ones_have_a_lower_loss():
    table = batch_bounds.batches(starts=STARTS)
    nc, labels = slips.neural_collapse(4, 2)
    e = torch.eye(3, dtype=torch.float64)[0]
    merged = torch.stack([e, -e, e, -e])[labels]
    fixed = [(0, 1, 2, 3), (4, 5, 6, 7)]
    for z, row in ((merged, "two merged pairs of classes"), (nc, "Neural-Collapse")):
        expected = float(slips.batched_loss(z, labels, fixed).mean())
        assert table.loc[row, "SCL, fixed batches"] == pytest.approx(expected)
        parts = [torch.tensor(batch) for batch in fixed]
        expected = sum(float(contrastive_loss(z[b], labels[b], supervised=False, k=None)) for b in parts) / 2
        assert table.loc[row, "UCL, fixed batches"] == pytest.approx(expected)
    for method in ("SCL", "UCL"):
        whole, partition = table[f"{method}, all batches"], table[f"{method}, fixed batches"]
        assert whole["lowest found"] == pytest.approx(whole["Neural-Collapse"], abs=1e-9)
        assert partition["lowest found"] <= partition.iloc[0] + 1e-9 < partition["Neural-Collapse"]
    assert table.loc["Neural-Collapse", "UCL, all batches"] > ucl_lower_bound(4, None)


def test_values_of_batches_are_above_the_bound():
    table = batch_bounds.batch_values(10, (32,), k=8)
    assert (table["mean over pairs"] > table["mean over anchors"]).all()
    assert (table["mean over anchors"] > table["bound"]).all()


def test_simclr_bounds_are_reached_and_unsupervised_ones_fall_with_own_views():
    table = batch_bounds.simclr((1, 510), 10, starts=STARTS)
    assert table["bound, C = 10"].to_list() == pytest.approx(table["ETF"].to_list(), abs=1e-12)
    assert table[["supervised, found above", "unsupervised under (e), found above"]].abs().max(axis=None) < 1e-8
    assert (table["unsupervised, own view, found above"] < -0.01).all()


def test_the_weighted_limit_is_the_simclr_loss():
    """Of one view an image and own views as positives, so that the batch has each negative twice."""
    z = theorems.random_representations(1, torch.arange(4), 3, 0)[0]
    psi = batch_bounds.WeightedLimit(6.0)
    own = exact_loss(z, identical(torch.arange(4)), supervised=True, psi=psi, hardening=Polynomial(2))
    torch.testing.assert_close(own, simclr_loss(z, z, torch.arange(4), weight=6, hardening=Polynomial(2)))
    v = torch.tensor([0.2, -1.0], dtype=torch.float64)
    even = torch.full_like(v, 0.5).log()
    torch.testing.assert_close(psi(v), psi.expectation(v, even))
    torch.testing.assert_close(batch_bounds.WeightedLimit(1.0)(v), InfoNCE()(v))
    assert float(batch_bounds.WeightedLimit(1e-9)(v)) == pytest.approx(1e-9 * float(MeanExp()(v)))
    assert simclr_lower_bound(4, 6) < float(own)
