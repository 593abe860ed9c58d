"""The SimCLR loss, eq. (42)."""

from math import exp, log

import oracle
import pytest
import torch
from helpers import assert_compiled_as_plain

from hcl.geometry import simplex_etf
from hcl.hardening import Exponential, Polynomial, Uniform, make
from hcl.losses import simclr_loss
from hcl.models import unit_ball

LABELS = torch.tensor([0, 1, 0, 2, 1])


def views(n=5, d=3, dtype=torch.float64):
    source = torch.Generator().manual_seed(0)
    return tuple(unit_ball(torch.randn(n, d, generator=source, dtype=dtype)) for _ in range(2))


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("weight", [None, 0, 1, 3.5])
@pytest.mark.parametrize(
    ("hardening", "eta"),
    [(None, oracle.uniform), (Exponential(4), oracle.exponential(4)), (Polynomial(3), oracle.polynomial(3))],
    ids=["none", "exponential", "polynomial"],
)
@pytest.mark.parametrize("labels", [None, LABELS], ids=["unsupervised", "supervised"])
def test_value_and_gradient_equal_equation_42_in_loops(labels, hardening, eta, weight, detach):
    z, z_pos = views()
    both = torch.cat([z, z_pos])
    options = {"hardening": hardening, "weight": weight, "detach_weights": detach}
    ours = oracle.value_and_gradient(lambda x: simclr_loss(*x.chunk(2), labels, **options), both)
    theirs = oracle.value_and_gradient(
        lambda x: oracle.simclr_loss(*x.chunk(2), labels, eta=eta, weight=weight, detach=detach), both
    )
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("temperature", [0.5, 3.0])
@pytest.mark.parametrize("labels", [None, LABELS], ids=["unsupervised", "supervised"])
def test_a_temperature_divides_every_inner_product(labels, temperature):
    """D11, in loops; a temperature of 1 changes no bit."""
    both = torch.cat(views())
    options = {"weight": 3.5, "temperature": temperature}
    ours = oracle.value_and_gradient(
        lambda x: simclr_loss(*x.chunk(2), labels, hardening=Exponential(4), **options), both
    )
    theirs = oracle.value_and_gradient(
        lambda x: oracle.simclr_loss(*x.chunk(2), labels, eta=oracle.exponential(4), **options), both
    )
    torch.testing.assert_close(ours, theirs)
    assert simclr_loss(*views(), labels, temperature=1.0).equal(simclr_loss(*views(), labels))


def test_labels_may_be_a_list_or_an_array():
    expected = simclr_loss(*views(), LABELS)
    for labels in (LABELS.tolist(), LABELS.numpy(), LABELS.int()):
        assert simclr_loss(*views(), labels) == expected
    with pytest.raises(ValueError, match="whole numbers"):
        simclr_loss(*views(), LABELS.float())


@pytest.mark.parametrize("labels", [None, LABELS, torch.zeros_like(LABELS)], ids=["none", "some", "one class"])
@pytest.mark.parametrize("weight", [None, 0])
def test_nan_gives_nan(labels, weight):
    z, z_pos = views()
    z[1, 0] = float("nan")
    assert simclr_loss(z, z_pos, labels, weight=weight).isnan()


@pytest.mark.parametrize(("weight", "value"), [(1022, 5.922), (510, 5.230), (1, 0.3106)])
@pytest.mark.parametrize("hardening", [Uniform(), Exponential(10)])
def test_value_at_neural_collapse_of_100_classes(weight, value, hardening):
    """D13: log(1 + Q exp(-100/99)), supervised, for every hardening function."""
    z = simplex_etf(100, 99)
    loss = float(simclr_loss(z, z, torch.arange(100), weight=weight, hardening=hardening))
    assert loss == pytest.approx(log(1 + weight * exp(-100 / 99)), abs=1e-12)
    assert loss == pytest.approx(value, abs=5e-4)


def test_default_weight_is_the_number_of_views_minus_two():
    """D13."""
    z, z_pos = views()
    assert simclr_loss(z, z_pos) == simclr_loss(z, z_pos, weight=8)


def test_the_two_views_are_alike():
    z, z_pos = views()
    torch.testing.assert_close(simclr_loss(z, z_pos, LABELS), simclr_loss(z_pos, z, LABELS))


def test_theorem_1_holds_for_it_as_well():
    z, z_pos = views(20)
    plain = simclr_loss(z, z_pos)
    assert plain < simclr_loss(z, z_pos, hardening=Exponential(2)) < simclr_loss(z, z_pos, hardening=Exponential(9))


@pytest.mark.parametrize("labels", [None, torch.zeros(3, dtype=torch.int64)])
@pytest.mark.parametrize("hardening", [None, Polynomial(2)])
def test_without_negatives_it_is_zero_with_zero_gradient(labels, hardening):
    """One image, or images of a single class with labels."""
    z = torch.cat(views(1 if labels is None else 3))
    loss, gradient = oracle.value_and_gradient(
        lambda x: simclr_loss(*x.chunk(2), labels, hardening=hardening, weight=4), z
    )
    assert loss == 0 and gradient.eq(0).all()


def test_large_features_do_not_overflow():
    z = torch.cat(views(dtype=torch.float32)) * 1e6
    loss, gradient = oracle.value_and_gradient(lambda x: simclr_loss(*x.chunk(2), hardening=Exponential(30)), z)
    assert loss.isfinite() and gradient.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    z, z_pos = (v.to(dtype) for v in views())
    loss = simclr_loss(z, z_pos)
    assert loss.dtype == torch.float32 and loss == simclr_loss(z.float(), z_pos.float())


@pytest.mark.parametrize(
    ("family", "options"),
    [("exponential", {"labels": LABELS}), ("polynomial", {"detach_weights": False}), ("threshold", {"weight": 3.0})],
)
def test_it_compiles_to_one_graph_for_every_hardness(family, options):
    """Value and gradient of the compiled loss are those of the plain one, with one compilation for all hardnesses."""

    def loss(x, hardness):
        return simclr_loss(*x.chunk(2), hardening=make(family, hardness), **options)

    z = torch.cat(views(dtype=torch.float32))
    assert_compiled_as_plain(loss, z)


def test_bad_arguments_are_refused():
    z, z_pos = views()
    with pytest.raises(ValueError, match=r"both be \(n, d\), got \(5, 3\) and \(4, 3\)"):
        simclr_loss(z, z_pos[:4])
    with pytest.raises(ValueError, match=r"both be \(n, d\)"):
        simclr_loss(z[0], z_pos[0])
    with pytest.raises(ValueError, match=r"labels must be \(5,\), one for an item"):
        simclr_loss(z, z_pos, LABELS.repeat(2))
    with pytest.raises(ValueError, match="temperature must be a finite number > 0, got -1"):
        simclr_loss(z, z_pos, temperature=-1)
    for weight in (-1, float("nan")):
        with pytest.raises(ValueError, match="must be >= 0"):
            simclr_loss(z, z_pos, weight=weight)
