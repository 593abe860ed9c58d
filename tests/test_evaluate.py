"""Representations of any encoder, with and without a run's specification."""

import pytest
import torch
from torch import nn

from hcl.training.evaluate import represent
from hcl.training.spec import RunSpec


def inputs(n=7, seed=0):
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))


def encoder():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


def test_without_a_spec_it_is_the_encoder_in_eval_mode():
    model, x = encoder(), inputs()
    expected = torch.cat([model.eval()(row[None]) for row in x])
    model.train()
    for z in (represent(model, x), represent(model, x, precision="fp32"), represent(model, x, batch_size=2)):
        torch.testing.assert_close(z, expected)
        assert not z.requires_grad and z.dtype == torch.float32


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_precision_is_what_a_spec_of_it_says(precision):
    model, x = encoder(), inputs()
    z, spec = represent(model, x, precision=precision), RunSpec(dataset="digits", supervised=True, precision=precision)
    assert z.equal(represent(model, x, spec)) and z.equal(represent(model, x, spec, 100)) and z.dtype == torch.float32
    assert z.equal(represent(model, x)) == (precision == "fp32")


def test_float64_is_kept():
    assert represent(encoder().double(), inputs().double()).dtype == torch.float64


def test_images_are_normalised_as_in_training():
    images = torch.randint(256, (3, 3, 2, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    seen = []

    class Sees(nn.Module):
        def forward(self, x):
            seen.append(x)
            return x.flatten(1)

    represent(Sees(), images)
    assert seen[0].dtype == torch.float32 and seen[0].unique().numel() > 2


def test_each_module_is_left_in_its_own_mode_even_after_an_error():
    model = encoder().train()
    model[1].eval()
    before = [module.training for module in model.modules()]
    represent(model, inputs())
    assert [module.training for module in model.modules()] == before
    with pytest.raises(RuntimeError):
        represent(model, torch.zeros(2, 5))
    assert [module.training for module in model.modules()] == before


def test_two_precisions_or_an_unknown_one_are_refused():
    with pytest.raises(ValueError, match="pass one of them"):
        represent(encoder(), inputs(), RunSpec(dataset="digits", supervised=True), precision="fp32")
    with pytest.raises(ValueError, match=r"Unknown precision 'fp16'.*expected one of fp32, bf16"):
        represent(encoder(), inputs(), precision="fp16")
