"""Batch normalisation folded into the layer before it: what an encoder in eval mode costs, less a third."""

from copy import deepcopy

import torch
from torch import Tensor, fx, nn

_LAYERS = (nn.Conv2d, nn.Linear)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class Folded:
    """An eval-mode copy of an encoder, without its batch normalisations, that follows the encoder on demand.

    In eval mode a batch normalisation is a fixed scale and shift of each channel, which the layer before it can carry.
    The copy gives the same representations up to rounding.

    Attributes:
        model: the copy; up to date after `refresh`.
    """

    def __init__(self, encoder: nn.Module) -> None:
        self.model = deepcopy(encoder).eval().requires_grad_(False)
        self._pairs: list[tuple[nn.Module, nn.Module, nn.Module]] = []
        folded = set()
        for layer, norm in _foldable(encoder):
            target = self.model.get_submodule(layer)
            source = encoder.get_submodule(layer)
            target.bias = nn.Parameter(source.weight.new_zeros(len(source.weight)), requires_grad=False)  # type: ignore[operator, arg-type]
            parent, _, name = norm.rpartition(".")
            setattr(self.model.get_submodule(parent), name, nn.Identity())
            self._pairs.append((source, encoder.get_submodule(norm), target))
            folded |= {f"{layer}.weight", f"{layer}.bias"}
        originals = dict(encoder.named_parameters()) | dict(encoder.named_buffers())
        copies = dict(self.model.named_parameters()) | dict(self.model.named_buffers())
        self._others = [(originals[name], copies[name]) for name in copies if name not in folded]

    @torch.no_grad()
    def refresh(self) -> nn.Module:
        """Take over the encoder's present weights and statistics, and return the copy."""
        for layer, norm, target in self._pairs:
            weight, bias = _fold(layer, norm)
            target.weight.copy_(weight)  # type: ignore[operator, union-attr]
            target.bias.copy_(bias)  # type: ignore[operator, union-attr]
        for source, copy in self._others:
            copy.copy_(source)
        return self.model


def _fold(layer: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()  # type: ignore[operator]
    weight = layer.weight * scale.view(-1, *[1] * (layer.weight.ndim - 1))  # type: ignore[operator, union-attr]
    bias = -norm.running_mean if layer.bias is None else layer.bias - norm.running_mean  # type: ignore[operator]
    return weight, bias * scale + norm.bias  # type: ignore[operator, return-value]


def _foldable(encoder: nn.Module) -> list[tuple[str, str]]:
    """Return (layer, norm) names where the norm is all that sees the layer's output, each module used once."""
    graph = fx.symbolic_trace(encoder).graph
    modules = dict(encoder.named_modules())
    calls = [node for node in graph.nodes if node.op == "call_module"]
    uses = [node.target for node in calls]
    found = []
    for node in calls:
        if not isinstance(modules[node.target], _NORMS):
            continue
        before = node.args[0]
        once = before.op == "call_module" and uses.count(before.target) == uses.count(node.target) == 1
        if once and isinstance(modules[before.target], _LAYERS) and len(before.users) == 1:
            found.append((before.target, node.target))
    return found
