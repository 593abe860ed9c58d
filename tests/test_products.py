"""Convolutions as products of matrices against PyTorch's own, in the small ResNet and in whole runs."""

from copy import deepcopy
from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hcl.models import small_resnet
from hcl.training import products, train
from hcl.training.engine import Engine, Techniques
from hcl.training.fold import Folded
from hcl.training.spec import RunSpec

CPU = torch.device("cpu")
SPEC = RunSpec(
    dataset="digits", supervised=True, num_train=200, num_test=100, encoder="small_resnet", stem="patch", k=None,
    hardness=5, epochs=2, batch_size=50, lr=1e-4,
)  # fmt: skip


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def small(stem="patch", widths=(4, 6, 8), dtype=torch.float64, layout=torch.channels_last):
    """An encoder whose statistics and normalisations are not the identity."""
    torch.manual_seed(0)
    model = small_resnet(5, stem=stem, widths=widths).to(dtype=dtype, memory_format=layout)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                tensor.data.uniform_(0.5, 1.5)
    return model


def step(model, forward, x):
    """Representations, gradients of a function of them, statistics."""
    z = forward(model, x)
    z.mul(normal(*z.shape, seed=1, dtype=z.dtype)).sum().backward()
    return z, [parameter.grad for parameter in model.parameters()], dict(model.named_buffers())


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (1, 2), (3, 1), (3, 2), (5, 2), (5, 3)])
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (4, 4), (5, 3), (1, 6)], ids=str)
def test_products_are_the_convolution(kernel, stride, shape):
    """Value and gradients, two convolutions of one input at once, on maps of any form, in any layout of the weights."""
    h, w = shape
    layers = [nn.Conv2d(3, o, k, stride, k // 2, bias=False).double() for o, k in ((4, kernel), (2, 1))]
    layers[0].to(memory_format=torch.channels_last)
    x = normal(2, 3, h, w).requires_grad_()
    expected = [layer(x) for layer in layers]
    pixels = x.permute(2, 0, 3, 1).reshape(1, 1, -1, 3).permute(0, 3, 1, 2)
    found = [
        y.permute(0, 2, 3, 1).reshape(like.shape[2], 2, like.shape[3], -1).permute(1, 3, 0, 2)
        for y, like in zip(products.convolve(pixels, (h, 2, w), *layers), expected, strict=True)
    ]
    torch.testing.assert_close(found, expected)
    inputs = [x, *(layer.weight for layer in layers)]
    grads = [normal(*y.shape, seed=i) for i, y in enumerate(expected)]
    torch.testing.assert_close(*(torch.autograd.grad(outputs, inputs, grads) for outputs in (found, expected)))


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(
    ("size", "stem", "widths", "batch"),
    [
        (32, "patch", (32, 64, 128), 2), (32, "patch", (4, 6, 8), 7), (8, "patch", (4, 6, 8), 5),
        ((16, 24), "patch", (4, 6), 2), (64, "patch", (4, 6, 8), 3), (32, "cifar", (4, 6, 8), 3),
        (8, "cifar", (5,), 2), (32, "torchvision", (4, 6, 8, 8), 3),
    ],
)  # fmt: skip
def test_the_encoder_is_that_of_the_modules(size, stem, widths, batch, training):
    """Representations, gradients and running statistics, in double precision."""
    plain = small(stem, widths).train(training)
    fast = deepcopy(plain)
    x = normal(batch, 3, *(size if isinstance(size, tuple) else (size, size)))
    ours, theirs = step(fast, products.forward, x), step(plain, lambda model, x: model(x), x)
    torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-9)
    moved = [
        not value.equal(before) for value, before in zip(fast.buffers(), small(stem, widths).buffers(), strict=True)
    ]
    assert all(moved) if training else not any(moved)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format], ids=str)
def test_in_single_precision_the_encoder_differs_by_rounding(layout):
    plain = small(widths=(32, 64, 128), dtype=torch.float32, layout=layout)
    fast = deepcopy(plain)
    x = normal(32, 3, 32, 32, dtype=torch.float32)
    (z, grads, statistics), theirs = step(fast, products.forward, x), step(plain, lambda model, x: model(x), x)
    torch.testing.assert_close(z, theirs[0], rtol=1e-5, atol=1e-5)
    for grad, expected in zip(grads, theirs[1], strict=True):
        assert (grad - expected).norm() <= 1e-4 * expected.norm() + 1e-5
    torch.testing.assert_close(statistics, theirs[2], rtol=1e-5, atol=1e-5)


def test_gradients_have_the_layout_of_the_weights():
    """The optimiser would copy them otherwise."""
    model = small(dtype=torch.float32)
    step(model, products.forward, normal(4, 3, 32, 32, dtype=torch.float32))
    for name, parameter in model.named_parameters():
        layout = torch.channels_last if parameter.ndim == 4 else torch.contiguous_format
        assert parameter.grad.is_contiguous(memory_format=layout), name


@pytest.mark.parametrize(("size", "called"), [(32, 1), (64, 4)])
def test_maps_too_large_for_products_are_left_to_the_modules(size, called, monkeypatch):
    """Of 64 x 64 images the first block sees 16 x 16: its three convolutions stay, as the stem's does always."""
    calls = []
    convolution = nn.Conv2d.forward
    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, x: calls.append(self) or convolution(self, x))
    products.forward(small(), normal(2, 3, size, size))
    assert len(calls) == called


def test_what_is_evaluated_is_the_encoder_that_was_trained():
    model = small(dtype=torch.float64)
    x = normal(6, 3, 32, 32)
    step(model, products.forward, x)
    torch.testing.assert_close(Folded(model).refresh()(x), products.forward(model.eval(), x))


def test_products_of_a_convolution_cover_every_tap_within_the_map_once():
    found = products._products((5, 1, 4), 1, 1, 3, 2)
    taps = sum(m * k for (m, k), *_ in (product.seen for product in found))
    assert taps == int(F.conv2d(torch.ones(1, 1, 5, 4), torch.ones(1, 1, 3, 3), stride=2, padding=1).sum())


# In runs


def run(spec, techniques=None):
    return train.train(spec, data=train.load_data(spec), device="cpu", techniques=techniques, progress=False)


@pytest.mark.parametrize(
    "changes", [{}, {"k": 8, "negatives": "per_anchor"}, {"positives": "augmentation", "stem": "cifar"}], ids=str
)
def test_a_run_with_products_is_the_plain_run(changes):
    """Draws included, which are the same numbers; small steps, as Adam makes whole ones of a gradient's rounding."""
    spec = replace(SPEC, **changes)
    plain, fast = run(spec, Techniques()), run(spec, Techniques(products=True))
    assert fast.provenance["techniques"] == "products"
    shares = [column for column in plain.history if column.endswith("accuracy")]
    pd.testing.assert_frame_equal(fast.history[shares], plain.history[shares], rtol=0, atol=0.021, check_exact=False)
    others = [history.drop(columns=shares) for history in (fast.history, plain.history)]
    pd.testing.assert_frame_equal(*others, rtol=2e-3, atol=2e-4, check_exact=False)


def test_a_run_gone_on_with_is_bitwise_the_uninterrupted_one():
    data = train.load_data(SPEC)
    straight, first = (train.Training(SPEC, data, device=CPU) for _ in range(2))
    assert "products" in str(straight.engine.techniques)
    for training in (straight, straight, first):
        training.launch()
        training.settle()
    second = train.Training(SPEC, data, device=CPU, state=first.state())
    second.launch()
    second.settle()
    weights, expected = second.engine.state()["model"], straight.engine.state()["model"]
    assert all(weights[name].equal(value) for name, value in expected.items())
    pd.testing.assert_frame_equal(second.result().history, straight.result().history, check_exact=True)


def test_products_are_chosen_where_they_pay():
    assert str(Techniques.best(CPU, spec=SPEC)) == "channels_last fused_adam fold products"
    for other in (
        replace(SPEC, encoder="mlp"),
        replace(SPEC, precision="bf16"),
        RunSpec(dataset="cifar10", supervised=True),
    ):
        assert not Techniques.best(CPU, spec=other).products
    assert not Techniques.best(CPU).products
    assert not Techniques.best(torch.device("cuda"), spec=SPEC).products


@pytest.mark.parametrize(
    ("changes", "techniques"),
    [
        ({"encoder": "mlp"}, Techniques(products=True)),
        ({"precision": "bf16"}, Techniques(products=True)),
        ({}, Techniques(products=True, compile=True)),
    ],
    ids=str,
)
def test_products_are_refused_where_there_are_none(changes, techniques):
    spec = replace(SPEC, **changes)
    with pytest.raises(ValueError, match=r"small ResNet in fp32.*Techniques.products"):
        Engine(spec, train.load_data(spec), device=CPU, techniques=techniques)
