"""SimCLR augmentation of a batch on its device, with parameters of its own for every image."""

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor
from torch.nn import functional as F

_ATTEMPTS = 10
_LEAST_AREA = 0.08
_RATIO = 4 / 3  # width / height of a crop lies between the inverse of this and this
_CONTRAST, _SATURATION, _HUE = 1, 2, 3  # columns of the factors; brightness is 0


@dataclass(frozen=True, eq=False)
class Augmentation:
    """Drawn parameters, one row an image; a step that was not drawn has values that change nothing.

    Attributes:
        box: (n, 4) float32 whole pixels: top, left, height and width of the crop.
        flip: (n,) bool, mirror left and right.
        factors: (n, 4) float32: brightness, contrast and saturation in [.6, 1.4], hue in [-.1, .1] turns;
            1, 1, 1 and 0 change nothing.
        order: (n, 4) int64, a permutation: the column of ``factors`` to apply first, second, third and last.
        grey: (n,) bool.
        sigma: (n,) float32, of the blur, in [.1, 2] pixels; 0 changes nothing.
    """

    box: Tensor
    flip: Tensor
    factors: Tensor
    order: Tensor
    grey: Tensor
    sigma: Tensor


def simclr_view(images: Tensor, *, generator: torch.Generator) -> Tensor:
    """Return a random view of each image (D15).

    Shapes are static and nothing waits for the device, so that a CUDA graph can capture it once the generator is
    registered with the graph.

    Args:
        images: (n, 3, h, w) uint8, h and w >= 2.
        generator: source of all randomness, on the device of the images.

    Returns:
        (n, 3, h, w) float32 in [0, 1], not normalised.
    """
    return apply(images, draw(len(images), *images.shape[2:], generator=generator))


def draw(count: int, height: int, width: int, *, generator: torch.Generator) -> Augmentation:
    """Draw the parameters of ``train_transform`` of the official code (D15) for every image.

    RandomResizedCrop to the same size, of area .08 to 1 and ratio 3/4 to 4/3; flip with probability .5;
    ColorJitter(.4, .4, .4, .1) with .8; grey with .2; 3x3 blur of sigma .1 to 2 with .5.

    Args:
        count: number of images n.
        height: of the images, in pixels.
        width: of the images, in pixels.
        generator: source of all randomness; the parameters are on its device.
    """
    uniform = torch.rand(count, 2 * _ATTEMPTS + 15, generator=generator, device=generator.device)
    area, ratio, place, flip, jitter, factors, order, grey, blur, sigma = uniform.split(
        [_ATTEMPTS, _ATTEMPTS, 2, 1, 1, 4, 4, 1, 1, 1], dim=1
    )
    unjittered = jitter >= 0.8
    scales = (0.6 + 0.8 * factors[:, :_HUE]).masked_fill(unjittered, 1)
    hue = (0.2 * factors[:, _HUE:] - 0.1).masked_fill(unjittered, 0)
    return Augmentation(
        box=_boxes(area, ratio, place, height, width),
        flip=flip[:, 0] < 0.5,
        factors=torch.cat([scales, hue], dim=1),
        order=order.argsort(dim=1),
        grey=grey[:, 0] < 0.2,
        sigma=(0.1 + 1.9 * sigma).masked_fill(blur >= 0.5, 0)[:, 0],
    )


def _boxes(area: Tensor, ratio: Tensor, place: Tensor, height: int, width: int) -> Tensor:
    """Return the first attempted box that fits, else a central one, as torchvision does: (n, 4).

    Args:
        area: (n, attempts) uniform in [0, 1), as are the next two.
        ratio: (n, attempts).
        place: (n, 2).
        height: of the images.
        width: of the images.
    """
    area = height * width * (_LEAST_AREA + (1 - _LEAST_AREA) * area)
    ratio = (log(_RATIO) * (2 * ratio - 1)).exp()
    # One attempt more, which always fits, is the central box.
    heights = F.pad((area / ratio).sqrt().round(), (0, 1), value=min(height, round(width * _RATIO)))
    widths = F.pad((area * ratio).sqrt().round(), (0, 1), value=min(width, round(height * _RATIO)))
    fits = (heights >= 1) & (heights <= height) & (widths >= 1) & (widths <= width)
    taken = fits.int().argmax(dim=1, keepdim=True)
    heights, widths = heights.gather(1, taken), widths.gather(1, taken)
    slack = torch.cat([height - heights, width - widths], dim=1)
    corner = torch.where(taken == _ATTEMPTS, slack / 2, place * (slack + 1)).floor()
    return torch.cat([corner, heights, widths], dim=1)


def apply(images: Tensor, augmentation: Augmentation) -> Tensor:
    """Return the images with their augmentations applied; it compiles to one graph.

    Crop, resize and colours follow torchvision's formulas for float images, the blur cv2's. The official code rounds
    to 8 bits after each step, this does not: they are 1.2 levels of 255 apart on average.

    Args:
        images: (n, 3, h, w) uint8, h and w >= 2.
        augmentation: n rows, on the device of the images.

    Returns:
        (n, 3, h, w) float32 in [0, 1].

    Raises:
        ValueError: if the images are not uint8 with 3 channels.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"Expected (n, 3, h, w) uint8 images, got {tuple(images.shape)} {images.dtype}.")
    x = _jitter(_crop(images, augmentation).div_(255), augmentation)
    x = torch.lerp(x, _luma(x), _per_image(augmentation.grey))
    return _blur(x, augmentation.sigma)


def _per_image(values: Tensor) -> Tensor:
    return values.float()[:, None, None, None]


def _crop(images: Tensor, augmentation: Augmentation) -> Tensor:
    """Return the boxes, flipped and resized to the size of the images, float32 in [0, 255]."""
    top, left, height, width = augmentation.box.split(1, dim=1)
    rows = _sources(top, height, images.shape[2])
    columns = _sources(left, width, images.shape[3])
    columns = torch.where(augmentation.flip[:, None], columns.flip(1), columns)
    # Unlike grid_sample, this does not read beyond the box.
    with torch.autocast(images.device.type, enabled=False):
        x = images.float() @ _interpolation(columns, images.shape[3]).mT[:, None]
        return _interpolation(rows, images.shape[2])[:, None] @ x


def _sources(start: Tensor, length: Tensor, size: int) -> Tensor:
    """Return where in the image each of ``size`` output pixels lies along an axis, within the box: (n, size)."""
    centres = torch.arange(size, device=start.device) + 0.5
    return start + (centres * (length / size) - 0.5).clamp(min=0).minimum(length - 1)


def _interpolation(sources: Tensor, size: int) -> Tensor:
    """Return the matrices of linear interpolation of ``size`` pixels at the sources: (n, number of sources, size)."""
    return (1 - (sources[:, :, None] - torch.arange(size, device=sources.device)).abs()).clamp(min=0)


def _jitter(x: Tensor, augmentation: Augmentation) -> Tensor:
    """Apply the four factors of each image in its order.

    As only blends precede and follow the shift of hue, three of them that may do nothing on either side of a single
    shift cover all orders.
    """
    order = augmentation.order
    is_hue = order == _HUE
    after = is_hue.cumsum(dim=1) > 0
    factors = augmentation.factors.gather(1, order)
    first, last = factors.masked_fill(after, 1), factors.masked_fill(~after | is_hue, 1)
    to_mean, to_luma = (order == _CONTRAST).float(), (order == _SATURATION).float()
    for slot in (0, 1, 2):
        x = _blend(x, first[:, slot], to_mean[:, slot], to_luma[:, slot])
    x = _shift_hue(x, augmentation.factors[:, _HUE])
    for slot in (1, 2, 3):
        x = _blend(x, last[:, slot], to_mean[:, slot], to_luma[:, slot])
    return x


def _blend(x: Tensor, factor: Tensor, to_mean: Tensor, to_luma: Tensor) -> Tensor:
    """Scale each image about its mean grey (contrast), its grey image (saturation) or black (brightness)."""
    luma = _luma(x)
    mean = luma.mean(dim=(2, 3), keepdim=True)
    origin = torch.addcmul(mean * _per_image(to_mean), luma, _per_image(to_luma))
    return torch.lerp(origin, x, _per_image(factor)).clamp_(0, 1)


def _luma(x: Tensor) -> Tensor:
    red, green, blue = x.split(1, dim=1)
    return (0.2989 * red).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def _shift_hue(x: Tensor, turns: Tensor) -> Tensor:
    """Turn the hue of each image, with value and saturation of HSV kept."""
    red, green, blue = x.split(1, dim=1)
    most, least = x.amax(dim=1, keepdim=True), x.amin(dim=1, keepdim=True)
    spread = most - least
    sixths = torch.where(
        red == most,
        green - blue,
        torch.where(green == most, blue - red + 2 * spread, red - green + 4 * spread),
    ) / spread.clamp(min=1e-12)
    channel = torch.arange(3, device=x.device)[:, None, None]
    phase = sixths / 6 + _per_image(turns) - channel / 3
    phase.sub_(phase.floor())
    # Each channel stays at most for a third of the turn, at least for another, and is linear in between.
    shifted = torch.lerp(least, most, phase.mul_(6).sub_(3).abs_().sub_(1).clamp_(0, 1))
    return torch.lerp(x, shifted, _per_image(turns != 0))


def _blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Blur each image with 3x3 pixels, the border reflected without its edge: weights (t, 1, t) / (1 + 2t) by axis."""
    tap = (-0.5 / sigma.square()).exp()
    sides = _per_image(2 * tap / (1 + 2 * tap))
    x = F.pad(x, (1, 1, 1, 1), mode="reflect")
    x = torch.lerp(x[:, :, 1:-1], torch.lerp(x[:, :, :-2], x[:, :, 2:], 0.5), sides)
    return torch.lerp(x[..., 1:-1], torch.lerp(x[..., :-2], x[..., 2:], 0.5), sides)
