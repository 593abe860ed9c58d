"""Adam as a run's spec says, with the state that a captured step must find in its place."""

import torch
from torch import Tensor, nn

from hcl.training.spec import RunSpec
from hcl.training.techniques import Techniques


def adam(model: nn.Module, spec: RunSpec, techniques: Techniques, device: torch.device) -> torch.optim.Adam:
    """Return the optimiser of a model's parameters, whose state is made and may be set to 0.

    Args:
        model: on the device.
        spec: of a run, for its ``lr``, ``weight_decay``, ``eps`` and ``decay``.
        techniques: in use.
        device: of the model.
    """
    # A captured step has no number of the host's in it that changes: there the rate stands in a tensor.
    lr = torch.tensor(spec.lr, device=device) if techniques.graph and spec.decay != "none" else spec.lr
    optimizer = torch.optim.Adam(
        model.parameters(), lr=lr, weight_decay=spec.weight_decay, eps=spec.eps, fused=techniques.fused_adam or None,
        capturable=techniques.graph,
    )  # fmt: skip
    # A step makes the optimiser's state, which a run sets to 0 and a captured step must find where it was.
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return optimizer


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of all parameters, in its place where it stands in a tensor."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(lr)
        else:
            group["lr"] = lr
