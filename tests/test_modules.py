"""The loss as a module: the function's numbers, in a training loop, compiled, under autocast."""

import copy

import oracle
import pytest
import torch
from torch import nn

import hcl
from hcl.hardening import Exponential, Uniform
from hcl.losses import contrastive_loss
from hcl.models import unit_ball, unit_sphere
from hcl.modules import ContrastiveLoss
from hcl.psi import Triplet
from hcl.sampling import Drawn, Exact

LABELS = torch.tensor([0, 1, 0, 2, 0, 1])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def raw(seed=0, dtype=torch.float64):
    return 2 * torch.randn(6, 3, generator=generator(seed), dtype=dtype)


@pytest.mark.parametrize(("name", "normalise"), [("unit_ball", unit_ball), ("unit_sphere", unit_sphere), (None, None)])
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("supervised", [True, False])
def test_it_is_the_function_of_normalised_features(supervised, given, name, normalise):
    """In loops, value and gradient with respect to the raw features; every option arrives."""
    normalise = normalise or (lambda f: f)
    module = ContrastiveLoss(
        supervised=supervised, hardening=Exponential(2), sampling=Exact(detach=False), normalization=name,
        temperature=0.5, reduction="pair", exclude_self=not supervised,
    )  # fmt: skip
    positives = raw(5) if given else None
    ours = oracle.value_and_gradient(lambda f: module(f, LABELS, positives), raw())
    theirs = oracle.value_and_gradient(
        lambda f: oracle.contrastive_loss(
            normalise(f), LABELS, supervised=supervised, eta=oracle.exponential(2), detach=False, temperature=0.5,
            reduction="pair", exclude_self=not supervised, z_pos=normalise(positives) if given else None,
        ),
        raw(),
    )  # fmt: skip
    torch.testing.assert_close(ours, theirs)


def test_draws_and_psi_arrive():
    module = ContrastiveLoss(supervised=True, sampling=Drawn(1, generator=generator(3)), psi=Triplet(1.0))
    expected = contrastive_loss(
        unit_ball(raw()), LABELS, supervised=True, sampling=Drawn(1, generator=generator(3)), psi=Triplet(1.0)
    )
    assert module(raw(), LABELS) == expected


def test_the_defaults_are_the_papers():
    module = hcl.ContrastiveLoss(supervised=True)
    assert module.hardening == Uniform() and module.sampling == Drawn(256, "pair")
    assert (module.normalization, module.temperature, module.reduction) == ("unit_ball", 1.0, "anchor")


def test_unsupervised_with_positives_needs_no_labels():
    module = ContrastiveLoss(supervised=False, sampling=Exact())
    assert module(raw(), positives=raw(5)) == module(raw(), LABELS, raw(5))
    with pytest.raises(ValueError, match="labels may be None only"):
        module(raw())


def test_it_is_shown_with_what_differs_from_the_usual():
    module = ContrastiveLoss(supervised=True, hardening=Exponential(5.0), sampling=Exact())
    assert repr(module) == (
        "ContrastiveLoss(supervised=True, hardening=Exponential(beta=5.0), sampling=Exact(detach=True), "
        "normalization='unit_ball')"
    )
    other = ContrastiveLoss(
        supervised=False, temperature=0.5, reduction="pair", exclude_self=True, psi=Triplet(1.0), gather=True
    )
    assert repr(other).endswith(
        "temperature=0.5, reduction='pair', exclude_self=True, psi=Triplet(margin=1.0), gather=True)"
    )


def test_a_model_that_holds_it_has_the_state_of_one_without():
    class Model(nn.Module):
        def __init__(self, loss):
            super().__init__()
            self.encoder, self.loss = nn.Linear(3, 3), loss

    model = Model(ContrastiveLoss(supervised=True, sampling=Exact()))
    assert list(model.state_dict()) == ["encoder.weight", "encoder.bias"]
    twin = copy.deepcopy(model)
    twin.load_state_dict(model.state_dict())
    assert repr(twin.loss) == repr(model.loss) and twin.loss(raw(), LABELS) == model.loss(raw(), LABELS)


@pytest.mark.parametrize("sampling", [Exact(), Drawn(5, "anchor")])
@pytest.mark.parametrize("normalization", ["unit_ball", "unit_sphere", None])
def test_it_compiles_to_one_graph(sampling, normalization):
    torch.compiler.reset()
    module = ContrastiveLoss(
        supervised=True, hardening=Exponential(3), sampling=sampling, normalization=normalization, temperature=0.5
    )
    compiled = torch.compile(module, fullgraph=True, dynamic=False, backend="aot_eager")
    with torch.random.fork_rng(devices=[]):
        results = []
        for of in (module, compiled):
            torch.manual_seed(0)
            results.append(oracle.value_and_gradient(lambda f, of=of: of(f, LABELS), raw()))
    torch.testing.assert_close(*results)


def test_a_model_in_bfloat16_autocast_has_a_float32_loss_and_trains():
    model, module = nn.Linear(3, 3), ContrastiveLoss(supervised=True, sampling=Exact())
    with torch.autocast("cpu", torch.bfloat16):
        features = model(raw(dtype=torch.float32))
        loss = module(features, LABELS)
    assert features.dtype == torch.bfloat16 and loss.dtype == torch.float32
    assert loss == module(features.float(), LABELS)
    loss.backward()
    assert model.weight.grad.isfinite().all() and model.weight.grad.abs().max() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalization": "unit_bal"}, "Unknown normalization 'unit_bal' .did you mean 'unit_ball'"),
        ({"normalization": "none"}, "Unknown normalization 'none'"),
        ({"temperature": 0}, "temperature must be a finite number > 0, got 0"),
        ({"reduction": "mean"}, "Unknown reduction 'mean'"),
        ({"sampling": Drawn}, "sampling must be Drawn"),
    ],
)
def test_bad_options_are_refused_where_they_are_given(options, message):
    with pytest.raises(ValueError, match=message):
        ContrastiveLoss(supervised=True, **options)


def test_where_no_processes_were_set_up_gather_changes_nothing():
    """Labels may be a list there too."""
    apart, together = (ContrastiveLoss(supervised=True, sampling=Exact(), gather=g) for g in (False, True))
    assert together(raw(), LABELS.tolist(), raw(5)) == apart(raw(), LABELS, raw(5))
