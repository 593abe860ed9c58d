"""What makes a training step fast, chosen by what pays on a device."""

from dataclasses import dataclass, fields

import torch

from hcl.training import products
from hcl.training.spec import RunSpec


@dataclass(frozen=True)
class Techniques:
    """What makes a step fast and leaves its result alone, up to rounding.

    Attributes:
        channels_last: weights and images with the channels innermost.
        fused_adam: one kernel for all weights.
        fold: batch normalisations folded into the layers before them to evaluate.
        products: convolutions of small maps as products of matrices (small ResNet in fp32, not compiled).
        compile: encoder, loss and augmentation compiled by torch.compile.
        graph: the whole step captured as a CUDA graph (GPU only).
        deterministic: only kernels that give the same bits every time, for a bitwise resume on a GPU.
    """

    channels_last: bool = False
    fused_adam: bool = False
    fold: bool = False
    products: bool = False
    compile: bool = False
    graph: bool = False
    deterministic: bool = False

    @classmethod
    def best(cls, device: torch.device, *, spec: RunSpec | None = None, deterministic: bool = False) -> "Techniques":
        """Return what pays on a device: compilation and capture on a GPU, products on a CPU where the spec has them."""
        gpu = device.type == "cuda"
        as_products = not gpu and spec is not None and products.suit(spec)
        return cls(True, True, True, as_products, compile=gpu, graph=gpu, deterministic=deterministic and gpu)

    def __str__(self) -> str:
        """Return the names of those in use."""
        return " ".join(field.name for field in fields(self) if getattr(self, field.name)) or "plain"

    @classmethod
    def named(cls, names: str) -> "Techniques":
        """Return the techniques of which ``str`` gives these names.

        Raises:
            ValueError: for a name that is none.
        """
        known = {field.name for field in fields(cls)}
        asked = set(names.split()) - {"plain"}
        if unknown := asked - known:
            raise ValueError(f"Unknown technique {', '.join(sorted(unknown))}: expected some of {', '.join(known)}.")
        return cls(**dict.fromkeys(asked, True))
