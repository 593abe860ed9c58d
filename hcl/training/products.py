"""The small ResNet's convolutions on small maps as products of matrices: on a CPU its gradient costs two thirds.

A library's convolution of a few pixels spends more on getting ready than on arithmetic, most of all backwards. Here the
pixels of a batch of n maps lie in the order (row, image, column), so that what one row of a kernel sees from one
column of the output is, for all images and any number of rows, a matrix that can be multiplied where it lies. Such
batches of maps are *pixels*: tensors (1, channels, 1, h * n * w), channels innermost, which `nn.BatchNorm2d` takes.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from hcl.models import Encoder, _Block
from hcl.training.spec import RunSpec

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
    x, size = _pixels(x.permute(2, 0, 3, 1).flatten(0, 2).contiguous()), (h, n, w)
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
    return _whole(pixels.permute(0, 2, 3, 1).flatten(0, 2))


def _pixels(rows: Tensor) -> Tensor:
    return rows[None, None].permute(0, 3, 1, 2)


def _matrix(weight: Tensor) -> Tensor:
    """Return the weights of an output channel as a row; a view if their channels are innermost."""
    return _whole(weight.permute(0, 2, 3, 1).flatten(1))


def _whole(matrix: Tensor) -> Tensor:
    """Return a matrix that `_Product` can count in: contiguous, and from the beginning of its memory."""
    matrix = matrix.contiguous()
    return matrix.clone() if matrix.storage_offset() else matrix


View = tuple[
    tuple[int, int], tuple[int, int], int
]  # of a tensor by `Tensor.as_strided`: slices take several times longer


class _Product(NamedTuple):
    """Views of what a row of a kernel adds to a column of the output, in some rows of it; a pixel a row."""

    seen: View  # (m, k), of the input
    out: View  # (m, channels), of the output
    taps: View  # (channels, k), of the weights


@lru_cache(maxsize=256)
def _products(size: Size, c: int, channels: int, kernel: int, stride: int) -> tuple[_Product, ...]:
    """Return the products that make up a convolution; taps that fall outside the map are in none.

    Args:
        size: of the input, of which there are ``c`` channels.
        c: likewise.
        channels: of the output.
        kernel: taps of a row and of a column.
        stride: in rows and columns.
    """
    (h, n, w), (oh, _, ow), half = size, _reduced(size, stride), kernel // 2
    found = []
    for i in range(kernel):
        inside = [r for r in range(oh) if 0 <= r * stride + i - half < h]
        runs = [inside] if stride == 1 and inside else [[r] for r in inside]  # only adjacent rows are one matrix
        for q in range(ow):
            first = q * stride - half
            left, right = max(first, 0), min(first + kernel, w)
            k = (right - left) * c
            for run in runs:
                m, source = len(run) * n, run[0] * stride + i - half
                found.append(
                    _Product(
                        seen=((m, k), (w * c, 1), (source * n * w + left) * c),
                        out=((m, channels), (ow * channels, 1), (run[0] * n * ow + q) * channels),
                        taps=((channels, k), (kernel**2 * c, 1), (i * kernel + left - first) * c),
                    )
                )
    return tuple(found)


class _Convolutions(torch.autograd.Function):
    """`convolve`; several at once, because they add to one gradient of their input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, size: Size, stride: int, *weights: Tensor) -> tuple[Tensor, ...]:
        x = _rows(x)
        h, n, w = _reduced(size, stride)
        ctx.products, ctx.shapes = [], [weight.shape for weight in weights]
        every, outputs = [], []
        for weight in weights:
            channels, c, kernel, _ = weight.shape
            parts = _products(size, c, channels, kernel, stride)
            taps = _matrix(weight)
            y = x.new_zeros(h * n * w, channels)
            for part in parts:
                y.as_strided(*part.out).addmm_(x.as_strided(*part.seen), taps.as_strided(*part.taps).T)
            ctx.products.append(parts)
            every.append(taps)
            outputs.append(_pixels(y))
        ctx.save_for_backward(x, *every)
        return tuple(outputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, *every = ctx.saved_tensors
        grad_x = torch.zeros_like(x)
        of_weights = []
        for grad, taps, parts, (channels, c, *kernel) in zip(grads, every, ctx.products, ctx.shapes, strict=True):
            grad_y, grad_taps = _rows(grad), torch.zeros_like(taps)
            for part in parts:
                grad_out = grad_y.as_strided(*part.out)
                grad_x.as_strided(*part.seen).addmm_(grad_out, taps.as_strided(*part.taps))
                grad_taps.as_strided(*part.taps).addmm_(grad_out.T, x.as_strided(*part.seen))
            of_weights.append(grad_taps.view(channels, *kernel, c).permute(0, 3, 1, 2))
        return _pixels(grad_x), None, None, *of_weights
