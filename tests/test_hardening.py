"""Hardening functions eta."""

from math import exp, inf, log

import pytest
import torch

from hcl.hardening import Exponential, Polynomial, Threshold, Uniform, make, matching_beta

T = torch.linspace(-2, 2, 41, dtype=torch.float64)


def test_exponential_is_exp_of_beta_t():
    expected = torch.tensor([exp(3 * t) for t in T.tolist()], dtype=torch.float64)
    torch.testing.assert_close(Exponential(3.0).log_weight(T).exp(), expected)


def test_polynomial_is_the_clipped_power():
    """eta(t) = max(t + 1, 0)^epsilon (Sec. B.4)."""
    expected = torch.tensor([max(t + 1, 0.0) ** 2.5 for t in T.tolist()], dtype=torch.float64)
    torch.testing.assert_close(Polynomial(2.5).log_weight(T).exp(), expected)


def test_polynomial_is_minus_infinity_with_zero_gradient_at_and_below_minus_one():
    t = torch.tensor([-3.0, -1.0, 0.5], requires_grad=True)
    weight = Polynomial(3).log_weight(t)
    assert weight[:2].tolist() == [-inf, -inf]
    weight[2].backward(retain_graph=True)
    weight.exp().sum().backward()
    assert t.grad.isfinite().all() and t.grad[:2].tolist() == [0, 0]


def test_threshold_keeps_what_reaches_tau_and_only_that():
    t = torch.tensor([-1.0, -0.5, -0.4999, 0.0, 1.0], dtype=torch.float64)
    assert Threshold(exp(-0.49999)).log_weight(t).tolist() == [-inf, -inf, 0, 0, 0]
    assert Threshold(exp(-0.5)).log_weight(t[2:]).tolist() == [0, 0, 0]
    assert Threshold(1.0).log_weight(t).tolist() == [-inf, -inf, -inf, 0, 0]  # exp(0) >= 1


def test_threshold_zero_keeps_all():
    assert Threshold(0).log_weight(T).eq(0).all()


@pytest.mark.parametrize("hardening", [Uniform(), Exponential(0), Polynomial(0), Threshold(0)])
def test_hardness_zero_weighs_all_alike(hardening):
    assert hardening.log_weight(T).eq(0).all()


@pytest.mark.parametrize("hardening", [Uniform(), Exponential(5), Polynomial(4), Threshold(1.2)])
def test_weights_never_decrease(hardening):
    """Definition 2: argument-wise non-decreasing."""
    assert hardening.log_weight(T).exp().diff().ge(0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("hardening", [Uniform(), Exponential(5), Polynomial(4), Threshold(1.2)])
def test_dtype_and_shape_are_kept(hardening, dtype):
    t = torch.zeros(2, 3, dtype=dtype)
    assert hardening.log_weight(t).dtype == dtype and hardening.log_weight(t).shape == (2, 3)


@pytest.mark.parametrize(("epsilon", "beta"), [(3, 2.1), (5, 3.5), (10, 7.0), (20, 13.9)])
def test_polynomial_matches_exponential_at_neural_collapse_of_100_classes(epsilon, beta):
    """D12: the same ratio of the weights of a same-class and another-class negative."""
    products = torch.tensor([1, -1 / 99], dtype=torch.float64)
    log_ratio = -Polynomial(epsilon).log_weight(products).diff()
    assert round(float(log_ratio) / (100 / 99), 1) == beta


@pytest.mark.parametrize("value", [-1.0, inf, -inf, float("nan")])
@pytest.mark.parametrize("family", [Exponential, Polynomial, Threshold])
def test_negative_or_infinite_hardness_is_refused(family, value):
    with pytest.raises(ValueError, match="finite number >= 0"):
        family(value)


def test_make_builds_each_family_by_name():
    assert make("exponential", 5.0) == Exponential(5.0)
    assert make("polynomial", 3.0) == Polynomial(3.0)
    assert make("threshold", exp(-0.1)) == Threshold(exp(-0.1))


@pytest.mark.parametrize("family", ["exponential", "polynomial", "threshold"])
def test_make_with_hardness_zero_is_uniform(family):
    assert make(family, 0.0) == Uniform()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("hardness", [0.0, 0.3, 1.0, 2.5, 30.0])
@pytest.mark.parametrize("family", ["exponential", "polynomial", "threshold"])
def test_a_hardness_in_a_tensor_gives_the_weights_of_the_number(family, hardness, dtype):
    """Also where t <= -1, where hardness 0 is no hardening for every family."""
    t = torch.tensor([-2.5, -1.0, log(0.3), -0.2, 0.0, log(2.5), 1.0], dtype=dtype)
    expected = make(family, hardness).log_weight(t)
    ours = make(family, torch.tensor(hardness, dtype=torch.float64)).log_weight(t)
    assert ours.dtype == dtype and ours.equal(expected)
    if hardness == 0:
        assert expected.eq(0).all()
    single = make(family, torch.tensor(hardness)).log_weight(T)
    torch.testing.assert_close(single, make(family, hardness).log_weight(T), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("hardness", [0.0, 3.0])
@pytest.mark.parametrize("family", ["exponential", "polynomial", "threshold"])
def test_a_hardness_in_a_tensor_gives_the_gradient_of_the_number(family, hardness):
    def gradient(of):
        t = torch.tensor([-3.0, -1.0, 0.5], requires_grad=True)
        (make(family, of).log_weight(t).exp() + 0 * t).sum().backward()
        return t.grad

    assert gradient(torch.tensor(hardness)).equal(gradient(hardness))


def test_a_hardness_in_a_tensor_is_not_looked_at():
    """It may be on a device: a tensor without data stands for one."""
    for family in ("exponential", "polynomial", "threshold"):
        weight = make(family, torch.empty((), device="meta")).log_weight(torch.zeros(2, 3, device="meta"))
        assert weight.shape == (2, 3) and weight.dtype == torch.float32


def test_make_refuses_unknown_names_and_bad_hardness():
    with pytest.raises(ValueError, match=r"Unknown hardening 'cosine'.*exponential, polynomial, threshold"):
        make("cosine", 1.0)
    with pytest.raises(ValueError, match="hardness must be"):
        make("exponential", -2.0)


def test_log_of_a_huge_threshold_is_harmless():
    assert Threshold(1e300).log_weight(torch.tensor([1.0, log(1e300) + 1])).tolist() == [-inf, 0]


@pytest.mark.parametrize(("epsilon", "beta"), [(3, 2.1), (5, 3.5), (10, 7.0), (20, 13.9)])
def test_epsilon_matches_beta_at_neural_collapse(epsilon, beta):
    """D12 for C = 100, and by weighing an ETF's two inner products with both families."""
    found = matching_beta(epsilon, 100)
    assert found == pytest.approx(beta, abs=0.05)
    t = torch.tensor([1.0, -1 / 99], dtype=torch.float64)
    ours, other = make("polynomial", epsilon).log_weight(t), make("exponential", found).log_weight(t)
    torch.testing.assert_close(ours[0] - ours[1], other[0] - other[1])
    with pytest.raises(ValueError, match="at least 3"):
        matching_beta(3, 2)
