"""What a GPU could do at most: FLOPs counted, bytes and limits of the model of the paper's workload (predictions)."""

from collections.abc import Iterator
from functools import lru_cache, partial

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.harness import Case, Row, Setting, slug
from hcl.models import build
from hcl.training.spec import RunSpec

# Bytes a training image moves, bf16, batch 512: kernels of eager PyTorch, and fused as the compiler fuses them.
BYTES = {
    ("cifar", False): 147.1e6,
    ("cifar", True): 113.1e6,
    ("torchvision", False): 11.5e6,
    ("torchvision", True): 9.3e6,
}
# Images a second if every fused kernel ran at the limit of bandwidth or arithmetic, whichever is nearer.
LIMIT = {
    ("h100", "cifar"): 24_700, ("h100", "torchvision"): 311_000,
    ("h200", "cifar"): 33_100, ("h200", "torchvision"): 427_000,
}  # fmt: skip

SHOWN = ("case", "ms", "spread", "repeats", "gb_per_second", "tflop_per_second")


@lru_cache
def flop_per_image(spec: RunSpec, size: int = 32) -> float:
    """Return the floating-point operations of forward and backward for one image, counted on tensors without data."""
    with torch.device("meta"):
        model = build(
            spec.encoder, spec.representation_dim, image_shape=(3, size, size), stem=spec.stem,  # type: ignore[arg-type]
            normalization=spec.normalization, seed=0,
        )  # fmt: skip
        x = torch.empty(2, 3, size, size)
        with FlopCounterMode(display=False) as counter:
            model(x).sum().backward()
    return counter.get_total_flops() / 2


def rates(spec: RunSpec, images_per_second: float, *, compiled: bool, device_name: str, size: int = 32) -> Row:
    """Return TFLOP/s and, for ResNet-50 in bf16 on a GPU of the model, GB/s and the fraction of its limit."""
    flop = flop_per_image(spec, size)
    row: Row = {"gflop_per_image": flop / 1e9, "tflop_per_second": flop * images_per_second / 1e12}
    limit = LIMIT.get((slug(device_name), spec.stem))
    if spec.encoder == "resnet50" and spec.precision == "bf16" and limit is not None:
        row["gb_per_second"] = BYTES[spec.stem, compiled] * images_per_second / 1e9
        row["of_roofline"] = images_per_second / limit
    return row


def cases(setting: Setting) -> Iterator[Case]:
    """Yield what memory and arithmetic of the device reach, the ceilings of everything else."""
    size = 256 if setting.quick else 8192 if setting.gpu else 1024
    kinds = [torch.bfloat16, torch.float32] if setting.gpu else [torch.float32]

    def copy() -> Row:
        source = torch.empty(2**20 if setting.quick else 2**31 if setting.gpu else 2**28, dtype=torch.uint8)
        source = source.to(setting.device).fill_(1)
        target = torch.empty_like(source)
        timing = setting.timed(lambda: target.copy_(source))
        return {**timing.row(), "gb_per_second": 2 * len(source) / timing.median / 1e9}

    def product(kind: torch.dtype) -> Row:
        a, b = (torch.randn(size, size, device=setting.device).to(kind) for _ in range(2))
        timing = setting.timed(lambda: a @ b)
        return {**timing.row(), "tflop_per_second": 2 * size**3 / timing.median / 1e12}

    yield Case("copy", copy)
    for kind in kinds:
        yield Case(f"matrix product, {str(kind).removeprefix('torch.')}", partial(product, kind))
