import pytest
import torch
from torch import nn

from hcl.models import build
from hcl.training.fold import Folded


def encoder(name, stem="cifar", shape=(3, 32, 32), normalization="unit_ball"):
    """An encoder whose normalisations are not the identity."""
    model = build(name, 9, image_shape=shape, stem=stem, normalization=normalization, seed=0).double()
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor, low in ((module.weight, 0.5), (module.bias, -0.5), (module.running_mean, -0.5),
                                (module.running_var, 0.5)):  # fmt: skip
                tensor.data.uniform_(low, low + 1, generator=generator)
    return model


@pytest.mark.parametrize(
    ("name", "stem", "norms"),
    [
        ("mlp", "cifar", 1),
        ("small_resnet", "cifar", 11),
        ("small_resnet", "torchvision", 11),
        ("small_resnet", "patch", 11),
        ("resnet50", "cifar", 54),
        ("resnet50", "torchvision", 54),
    ],
)
def test_the_folded_encoder_is_the_encoder_in_eval_mode(name, stem, norms):
    model = encoder(name, stem)
    x = torch.randn(4, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    count = sum(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in model.modules())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    folded = Folded(model).refresh()
    assert count == norms
    assert not any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in folded.modules())
    torch.testing.assert_close(folded(x), model.eval()(x), rtol=1e-9, atol=1e-9)
    assert all(value.equal(before[key]) for key, value in model.state_dict().items())


def test_it_follows_the_encoder_when_asked_to_and_keeps_its_tensors():
    """A compiled or captured copy stays valid."""
    model = encoder("small_resnet")
    x = torch.randn(8, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    copy = Folded(model)
    first = copy.refresh()(x)
    places = [p.data_ptr() for p in copy.model.parameters()]
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    model.train()(x).square().mean().backward()
    optimizer.step()
    assert copy.model(x).equal(first)
    torch.testing.assert_close(copy.refresh()(x), model.eval()(x), rtol=1e-9, atol=1e-9)
    assert not copy.model(x).allclose(first)
    assert [p.data_ptr() for p in copy.model.parameters()] == places
    assert not any(p.requires_grad for p in copy.model.parameters())


class Odd(nn.Module):
    """Normalisations that no single layer can carry."""

    def __init__(self):
        super().__init__()
        self.first, self.shared = nn.BatchNorm1d(4), nn.Linear(4, 4)
        self.second, self.third = nn.BatchNorm1d(4), nn.BatchNorm1d(4)

    def forward(self, x):
        y = self.shared(self.first(x))
        return self.second(y) + self.third(torch.relu(self.shared(y))) + y


def test_what_cannot_be_folded_stays():
    model = Odd().double()
    for norm in (model.first, model.second, model.third):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    folded = Folded(model).refresh()
    x = torch.randn(5, 4, dtype=torch.float64)
    torch.testing.assert_close(folded(x), model.eval()(x))
    assert sum(isinstance(m, nn.BatchNorm1d) for m in folded.modules()) == 3
