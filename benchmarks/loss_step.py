"""Time the loss step (forward and backward) against the per-anchor loop of Algorithm 1, and print a table.

Run: .venv/bin/python benchmarks/loss_step.py [--out benchmarks/results/loss_step_cpu.csv]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from hcl.hardening import Exponential
from hcl.losses import contrastive_loss
from hcl.runs import provenance


def per_anchor_loop(z: Tensor, labels: Tensor, beta: float, k: int, generator: torch.Generator) -> Tensor:
    """Algorithm 1 with a Python loop over anchors, draws afresh for every pair (supervised, anchor reduction)."""
    s = z @ z.T
    losses = []
    for i in range(len(z)):
        same = labels == labels[i]
        p = (beta * s[i].detach()).masked_fill(same, -torch.inf).softmax(0)
        positives = s[i][same]
        drawn = torch.multinomial(p, k * len(positives), replacement=True, generator=generator).view(-1, k)
        losses.append(F.softplus(s[i][drawn].exp().mean(1).log() - positives).mean())
    return torch.stack(losses).mean()


def milliseconds(step: Callable[[], Tensor], repeats: int = 7) -> float:
    """Return the median time of forward and backward after a warm-up."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        step().backward()
        times.append(1e3 * (time.perf_counter() - started))
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows = []
    for num_classes in (10, 100):
        generator = torch.Generator().manual_seed(0)
        z = F.normalize(torch.randn(512, num_classes - 1, generator=generator)).requires_grad_()
        labels = torch.randint(num_classes, (512,), generator=generator)
        common = {"supervised": True, "hardening": Exponential(5), "generator": generator}
        forms = {
            "loop over anchors": lambda: per_anchor_loop(z, labels, 5, 256, generator),  # noqa: B023
            "per_pair": lambda: contrastive_loss(z, labels, **common),  # noqa: B023
            "per_anchor": lambda: contrastive_loss(z, labels, negatives="per_anchor", **common),  # noqa: B023
            "exact (k = None)": lambda: contrastive_loss(z, labels, k=None, **common),  # noqa: B023
        }
        times = {name: milliseconds(step) for name, step in forms.items()}
        for name, value in times.items():
            rows.append({"C": num_classes, "form": name, "ms": round(value, 2),
                         "times faster": round(times["loop over anchors"] / value, 1)})  # fmt: skip
    made = provenance(torch.device("cpu"))
    table = pd.DataFrame(rows).assign(**{key: made[key] for key in ("device", "threads", "torch", "commit", "date")})
    print("batch 512, k = 256, beta = 5, forward and backward, median of 7")
    print(table.to_string(index=False))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(arguments.out, index=False)


if __name__ == "__main__":
    main()
