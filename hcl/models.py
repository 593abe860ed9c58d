"""Encoders f with the official projection head (D21), and the three feature normalisations of Sec. 5.5."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hcl.choices import Stem, one_of
from hcl.inputs import at_least_float32


def unit_ball(f: Tensor) -> Tensor:
    """Return f where ||f|| <= 1 and f / ||f|| elsewhere (Algorithm 1, lines 5-10): (n, d) -> (n, d).

    This and the other normalisations keep float32 and float64; half precision is computed and returned in float32. The
    square of a norm must be a number of that precision: in float32, features of up to about 1e19.
    """
    return _ball(at_least_float32(f))


def unit_sphere(f: Tensor) -> Tensor:
    """Return f / ||f|| (line 12), and 0 with a finite gradient for f = 0 (D28): (n, d) -> (n, d)."""
    return _sphere(at_least_float32(f))


def scaled(f: Tensor) -> Tensor:
    """Return f / sqrt(d), the paper's "no normalisation" (line 14, D27): (n, d) -> (n, d)."""
    return _scaled(at_least_float32(f))


# Without a look at the precision, which torch.fx could not trace (`hcl.training.fold`).
def _ball(f: Tensor) -> Tensor:
    return f / f.norm(dim=-1, keepdim=True).clamp_min(1)


def _sphere(f: Tensor) -> Tensor:
    return F.normalize(f, dim=-1)


def _scaled(f: Tensor) -> Tensor:
    return f / f.shape[-1] ** 0.5


NORMALIZATIONS = {"unit_ball": _ball, "unit_sphere": _sphere, "none": _scaled}  # of float32 or float64


class Encoder(nn.Module):
    """A backbone, the projection head w-512 (no bias)-BN-ReLU-d of the official code, and a normalisation.

    Args:
        backbone: maps images to (n, width) features.
        width: number of features of the backbone.
        dim: representation dimension d; the paper takes C - 1.
        normalization: ``"unit_ball"``, ``"unit_sphere"`` or ``"none"``.

    Raises:
        ValueError: for an unknown normalisation.
    """

    def __init__(self, backbone: nn.Module, width: int, dim: int, normalization: str = "unit_ball") -> None:
        super().__init__()
        one_of("normalization", normalization, NORMALIZATIONS)
        self.backbone = backbone
        self.head = nn.Sequential(
            nn.Linear(width, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU(inplace=True), nn.Linear(512, dim)
        )
        self.normalization = normalization

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, dim) float32 representations of (n, 3, h, w) images."""
        return self.projected(self.backbone(x))

    def projected(self, features: Tensor) -> Tensor:
        """Return (n, dim) float32 representations of (n, width) features of the backbone."""
        return NORMALIZATIONS[self.normalization](self.head(features).float())


def resnet50(dim: int, *, stem: Stem = "cifar", normalization: str = "unit_ball") -> Encoder:
    """Return a ResNet-50 encoder.

    Args:
        dim: representation dimension.
        stem: ``"cifar"`` is the official code's 3x3 stride-1 first convolution without max-pooling (D21),
            ``"torchvision"`` the 7x7 stride-2 one with it, seven times cheaper an image.
        normalization: see `Encoder`.

    Raises:
        ValueError: for an unknown stem.
    """
    one_of("stem", stem, ("cifar", "torchvision"))
    from torchvision.models import resnet50 as torchvision_resnet50  # takes seconds: only where it is needed

    backbone = torchvision_resnet50(weights=None)
    if stem == "cifar":
        backbone.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(backbone.conv1.weight, mode="fan_out", nonlinearity="relu")
        backbone.maxpool = nn.Identity()  # type: ignore[assignment]
    backbone.fc = nn.Identity()  # type: ignore[assignment]
    return Encoder(backbone, 2048, dim, normalization)


class _Block(nn.Module):
    """Two 3x3 convolutions with batch normalisation and a shortcut (He et al., 2016)."""

    def __init__(self, channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


_KERNELS = {"cifar": (3, 2, 1), "torchvision": (7, 2, 3), "patch": (4, 4, 0)}  # size, stride, padding of a stem


def small_resnet(
    dim: int, *, stem: Stem = "cifar", widths: tuple[int, ...] = (32, 64, 128), normalization: str = "unit_ball"
) -> Encoder:
    """Return a small ResNet for a CPU: a stem and one residual block a width, each halving the image.

    Args:
        dim: representation dimension.
        stem: ``"cifar"`` is a 3x3 convolution of stride 2, ``"torchvision"`` a 7x7 one of stride 2 and max-pooling, and
            ``"patch"`` a linear map of 4x4 patches, four times cheaper an image than the first.
        widths: channels of the blocks; the stem has the first.
        normalization: see `Encoder`.

    Raises:
        ValueError: for an unknown stem.
    """
    one_of("stem", stem, _KERNELS)
    size, stride, padding = _KERNELS[stem]
    layers = [
        nn.Conv2d(3, widths[0], size, stride, padding, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True),
    ]  # fmt: skip
    if stem == "torchvision":
        layers.append(nn.MaxPool2d(3, 2, 1))
    blocks = [_Block(a, b, 2) for a, b in zip((widths[0], *widths), widths, strict=False)]
    backbone = nn.Sequential(nn.Sequential(*layers), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Encoder(backbone, widths[-1], dim, normalization)


def mlp(dim: int, *, inputs: int, width: int = 512, normalization: str = "unit_ball") -> Encoder:
    """Return a multi-layer perceptron with two hidden layers before the head, for vectors or tiny images.

    Args:
        dim: representation dimension.
        inputs: number of values of an input, whatever its shape.
        width: of the hidden layers.
        normalization: see `Encoder`.
    """
    backbone = nn.Sequential(nn.Flatten(), nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
    return Encoder(backbone, width, dim, normalization)


def build(name: str, dim: int, *, image_shape: tuple[int, ...], stem: Stem, normalization: str, seed: int) -> Encoder:
    """Return an encoder by name with weights drawn from ``seed``, leaving PyTorch's global generator untouched.

    Args:
        name: ``"resnet50"``, ``"small_resnet"`` or ``"mlp"``.
        dim: representation dimension.
        image_shape: (channels, height, width) of an input.
        stem: of `resnet50` and `small_resnet`.
        normalization: see `Encoder`.
        seed: of the initial weights.

    Raises:
        ValueError: for an unknown name.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "resnet50":
            return resnet50(dim, stem=stem, normalization=normalization)
        if name == "small_resnet":
            return small_resnet(dim, stem=stem, normalization=normalization)
        if name == "mlp":
            return mlp(dim, inputs=torch.Size(image_shape).numel(), normalization=normalization)
    raise ValueError(f"Unknown encoder {name!r}: expected 'resnet50', 'small_resnet' or 'mlp'.")
