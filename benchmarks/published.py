"""Losses of other works as the code of their authors computes them: the same operations in order, written anew.

What such code makes and keeps is what it costs, so nothing is saved here that it does not save.
"""

import torch
from torch import Tensor


def supcon(z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """SupCon, P. Khosla et al. (2020), as `losses.py` of github.com/HobbitLong/SupContrast, one view an item.

    Its factor temperature / base_temperature is 1 here. An anchor without positives makes it NaN.
    """
    mask = torch.eq(labels[:, None], labels).to(z.dtype)
    s = (z @ z.T) / temperature
    logits = s - s.max(1, keepdim=True)[0].detach()
    rest = torch.ones_like(mask).scatter(1, torch.arange(len(z), device=z.device)[:, None], 0)
    mask = mask * rest
    exponentials = logits.exp() * rest
    log_probabilities = logits - exponentials.sum(1, keepdim=True).log()
    return -((mask * log_probabilities).sum(1) / mask.sum(1)).mean()


def sincere(z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """SINCERE, P. Feeney and M. C. Hughes (2023), as `revised_losses.py` of github.com/tufts-ml/SupContrast.

    An anchor without positives makes it NaN.
    """
    s = z @ z.T
    s /= temperature
    positive = labels[None, :] == labels[:, None]
    of_others = torch.full_like(s, -torch.inf)
    of_others[~positive] = s[~positive]
    level = of_others.logsumexp(0)[:, None].repeat(1, len(z))
    positive[torch.eye(len(z), dtype=torch.bool, device=z.device)] = False
    near, denominator = torch.zeros_like(s), torch.zeros_like(s)
    near[positive] = s[positive]
    denominator[positive] = torch.stack((near[positive], level[positive])).logsumexp(0)
    return ((denominator - near) / positive.sum(0)).sum() / len(z)
