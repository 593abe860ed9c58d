"""The small ResNet's convolutions on small maps as products of matrices: on a CPU its gradient costs two thirds.

A library's convolution of a few pixels spends more on getting ready than on arithmetic, most of all backwards. Here the
pixels of a batch of n maps lie in the order (row, image, column), so that what one row of a kernel sees from one
column of the output is, for all images and any number of rows, a matrix that can be multiplied where it lies. Such
batches of maps are *pixels*: tensors (1, channels, 1, h * n * w), channels innermost, which `nn.BatchNorm2d` takes.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from hcl.models import Encoder, _Block
from hcl.spec import RunSpec

LARGEST = 8  # height and width of a map; at 16 products are no faster than convolutions
Size = tuple[int, int, int]  # rows, images, columns


def suit(spec: RunSpec) -> bool:
    """Return whether `forward` can take the place of a spec's encoder."""
    return spec.encoder == "small_resnet" and spec.precision == "fp32"


def forward(model: nn.Module, images: Tensor) -> Tensor:
    """Return what a small ResNet does, with the same weights, statistics and mode, up to rounding.

    Args:
        model: of `hcl.models.small_resnet`, with any stem.
        images: (n, 3, height, width) in the precision of the model; fast if both have the channels innermost.

    Returns:
        (n, d) representations.
    """
    assert isinstance(model, Encoder) and isinstance(model.backbone, nn.Sequential)
    stem, *blocks = model.backbone[:-2]  # without pooling and flattening
    x = stem(images)
    while blocks and max(x.shape[2:]) > LARGEST:
        x = blocks.pop(0)(x)
    n, _, h, w = x.shape
    x, size = _pixels(x.permute(2, 0, 3, 1).flatten(0, 2)), (h, n, w)
    for block in blocks:
        x, size = _residual(block, x, size)
    return model.projected(_rows(x).view(*size, -1).mean((0, 2)))


def convolve(x: Tensor, size: Size, *layers: nn.Conv2d) -> tuple[Tensor, ...]:
    """Return the outputs of convolutions with one stride, without bias, zeros around the maps.

    Args:
        x: pixels.
        size: of them.
        layers: with square kernels of an odd size and a padding of half of it, rounded down.
    """
    return _Convolutions.apply(x, size, layers[0].stride[0], *(layer.weight for layer in layers))  # type: ignore[no-any-return]


def _residual(block: nn.Module, x: Tensor, size: Size) -> tuple[Tensor, Size]:
    assert isinstance(block, _Block)
    out, short = convolve(x, size, block.conv1, block.shortcut[0])  # type: ignore[arg-type]
    size = _reduced(size, block.conv1.stride[0])
    out = F.relu(block.bn1(out), inplace=True)
    (out,) = convolve(out, size, block.conv2)
    return F.relu(block.bn2(out).add_(block.shortcut[1](short)), inplace=True), size


def _reduced(size: Size, stride: int) -> Size:
    h, n, w = size
    return (h - 1) // stride + 1, n, (w - 1) // stride + 1


def _rows(pixels: Tensor) -> Tensor:
    """Return pixels as a matrix, a pixel a row."""
    return pixels.permute(0, 2, 3, 1).flatten(0, 2).contiguous()


def _pixels(rows: Tensor) -> Tensor:
    return rows.contiguous()[None, None].permute(0, 3, 1, 2)


class _Product(NamedTuple):
    """What a row of a kernel adds to a column of the output, in some rows of it, by numbers of pixels."""

    rows: int
    source: int  # the first row of the input
    target: int  # the first row of the output
    left: int  # the first column of the input
    width: int  # columns of the input
    column: int  # of the output
    tap: int  # the first of so many taps of the kernel as columns of the input


@lru_cache(maxsize=256)
def _products(h: int, w: int, kernel: int, stride: int) -> tuple[_Product, ...]:
    """Return the products that make up a convolution; taps that fall outside the map are in none."""
    (oh, _, ow), half = _reduced((h, 1, w), stride), kernel // 2
    found = []
    for i in range(kernel):
        seen = [r for r in range(oh) if 0 <= r * stride + i - half < h]
        runs = [seen] if stride == 1 and seen else [[r] for r in seen]  # only adjacent rows are one matrix
        for q in range(ow):
            first = q * stride - half
            left, right = max(first, 0), min(first + kernel, w)
            for run in runs:
                source = run[0] * stride + i - half
                found.append(_Product(len(run), source, run[0], left, right - left, q, i * kernel + left - first))
    return tuple(found)


def _operands(x: Tensor, y: Tensor, taps: Tensor, size: Size, stride: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield (m, k), (m, channels) and (channels, k) views of input, output and weights, one of each a product.

    Args:
        x: (h * n * w, c) input, a pixel a row.
        y: output, likewise.
        taps: (channels, kernel * kernel * c) weights.
        size: of the input.
        stride: of the convolution.
    """
    (h, n, w), (_, _, ow), c = size, _reduced(size, stride), x.shape[1]
    channels, columns = taps.shape
    at = x.storage_offset(), y.storage_offset(), taps.storage_offset()
    for p in _products(h, w, round((columns // c) ** 0.5), stride):
        m, k = p.rows * n, p.width * c
        # As slices these would take a fifth of the step.
        yield (
            x.as_strided((m, k), (w * c, 1), at[0] + (p.source * n * w + p.left) * c),
            y.as_strided((m, channels), (ow * channels, 1), at[1] + (p.target * n * ow + p.column) * channels),
            taps.as_strided((channels, k), (columns, 1), at[2] + p.tap * c),
        )


class _Convolutions(torch.autograd.Function):
    """`convolve`; several at once, because they add to one gradient of their input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: Size, stride: int, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.size, ctx.stride, ctx.shapes = size, stride, [weight.shape for weight in weights]
        x = _rows(x)
        every = [weight.permute(0, 2, 3, 1).flatten(1) for weight in weights]  # views if channels are innermost
        h, n, w = _reduced(size, stride)
        outputs = []
        for taps in every:
            y = x.new_zeros(h * n * w, len(taps))
            for seen, out, tap in _operands(x, y, taps, size, stride):
                out.addmm_(seen, tap.T)
            outputs.append(_pixels(y))
        ctx.save_for_backward(x, *every)
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, *every = ctx.saved_tensors
        grad_x = torch.zeros_like(x)
        of_weights = []
        for grad, taps, (channels, c, *kernel) in zip(grads, every, ctx.shapes, strict=True):
            y, grad_taps = _rows(grad), torch.zeros_like(taps)
            pairs = zip(
                _operands(x, y, taps, ctx.size, ctx.stride),
                _operands(grad_x, y, grad_taps, ctx.size, ctx.stride),
                strict=True,
            )
            for (seen, out, tap), (grad_seen, _, grad_tap) in pairs:
                grad_seen.addmm_(out, tap)
                grad_tap.addmm_(out.T, seen)
            of_weights.append(grad_taps.view(channels, *kernel, c).permute(0, 3, 1, 2))
        return _pixels(grad_x), None, None, *of_weights
