"""The statements of H-SCL as numbers that could contradict them: random populations, and cases built by hand.

What that work's text lost is derived here (`hcl.anchors`): the change of measure, the mixture, and two equivalences,
each checked anchor by anchor in both directions. Every function is deterministic and in float64.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from math import exp, nan

import pandas as pd
import torch
from torch import Tensor

from hcl import anchors
from hcl.hardening import Exponential, Hardening, Threshold

TEMPERATURE = 0.5
HARDENINGS: Mapping[str, Hardening] = {
    "τ = e^−0.5": Threshold(exp(-0.5)), "τ = e^−0.1": Threshold(exp(-0.1)), "β = 1": Exponential(1),
    "β = 2": Exponential(2),
}  # fmt: skip
ROUNDING = 1e-12


def population(seed: int, num_classes: int = 4, per_class: int = 6, dim: int = 5) -> tuple[Tensor, Tensor]:
    """Return unit vectors around the means of their classes, as wide as the seed has it, and their classes.

    Args:
        seed: of all that is random; every fourth population has no classes to be seen.
        num_classes: C, of sizes from 2 to ``per_class``.
        per_class: items of a class at most.
        dim: d.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.randint(2, per_class + 1, (num_classes,), generator=generator)
    labels = torch.arange(num_classes).repeat_interleave(sizes)
    means = torch.randn(num_classes, dim, generator=generator).double()
    pull = 0.0 if seed % 4 == 0 else float(3 * torch.rand((), generator=generator))
    z = pull * means[labels] + torch.randn(len(labels), dim, generator=generator).double()
    return torch.nn.functional.normalize(z, dim=1), labels


@cache
def _seen(seed: int, name: str) -> tuple[Tensor, Tensor, anchors.Anchors, Tensor]:
    """Return a population, what its items see of all others, and their g with a positive, the next of their class."""
    z, labels = population(seed)
    same = labels[:, None] == labels
    g = z @ z.T / TEMPERATURE
    of = anchors.seen(g, same, ~torch.eye(len(z), dtype=torch.bool), HARDENINGS[name])
    place = torch.arange(len(z))
    first = torch.where(same, place, len(z)).amin(1)
    following = torch.where((place + 1 < len(z)) & (labels == labels.roll(-1)), place + 1, first)
    return z, labels, of, g[place, following]


@cache
def statements(populations: int = 100) -> pd.DataFrame:
    """Return how the mixture and both equivalences fare on random populations, one row a hardening function.

    Args:
        populations: of 8 to 24 items in four classes; each item is an anchor once.

    Returns:
        Columns ``anchors``; ``mixture``, the largest difference of its sides in E[e^g]; ``assumption`` and ``term``,
        how many anchors satisfy Assumption 1 and at how many H-SCL's term is at most H-UCL's, and ``apart`` at how many
        only one of the two holds; ``above``, ``term above`` and ``apart above`` the same of UCL from below;
        ``high`` and ``high, not above``, anchors with a threshold of at least E[e^g] that some negative of another
        class reaches, and those of them at which H-SCL's term is below UCL's.
    """
    rows = {name: _counts(name, populations) for name in HARDENINGS}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("hardening")


def _counts(name: str, populations: int) -> dict[str, float]:
    found: dict[str, float] = dict.fromkeys(
        ("anchors", "mixture", "assumption", "term", "apart", "above", "term above", "apart above", "high",
         "high, not above"), 0,
    )  # fmt: skip
    for seed in range(populations):
        z, labels, of, g_pos = _seen(seed, name)
        hscl, hucl, ucl = (anchors.term(mean, g_pos, len(z)) for mean in (of.hscl, of.hucl, of.ucl))
        w = of.collisions
        mixed = (1 - w) * of.hscl.exp() + w * of.hcol.exp()
        found["mixture"] = max(found["mixture"], float((of.hucl.exp() - mixed).abs().max()))
        at_most, at_least = hscl <= hucl + ROUNDING, hscl >= ucl - ROUNDING
        tell = ((hscl - hucl).abs() > ROUNDING) | (w == 0), (hscl - ucl).abs() > ROUNDING
        found["anchors"] += len(z)
        found["assumption"] += int(of.assumption.sum())
        found["term"] += int(at_most.sum())
        found["apart"] += int(((of.assumption != at_most) & tell[0]).sum())
        found["above"] += int(of.above_ucl.sum())
        found["term above"] += int(at_least.sum())
        found["apart above"] += int(((of.above_ucl != at_least) & tell[1]).sum())
        if isinstance(hardening := HARDENINGS[name], Threshold):
            reached = (z @ z.T / TEMPERATURE).masked_fill(labels[:, None] == labels, -torch.inf).amax(1).exp()
            high = (of.ucl.exp() <= hardening.tau) & (reached >= hardening.tau)
            found["high"] += int(high.sum())
            found["high, not above"] += int((high & ~at_least).sum())
    return found


@cache
def change_of_measure(trials: int = 500) -> float:
    """Return the largest difference of E'[s] from E[rho s] / E[rho] over random laws, and of a law's sum from 1.

    Args:
        trials: random p, rho, of which a third of the values are 0, and s, over 2 to 30 points.
    """
    generator, worst = torch.Generator().manual_seed(0), 0.0
    for trial in range(trials):
        p, rho, s = (torch.rand(2 + trial % 29, generator=generator).double() for _ in "123")
        p = p / p.sum()
        rho = rho * (torch.rand(len(rho), generator=generator) > 1 / 3)
        rho[trial % len(rho)] = 0.5
        new = anchors.changed(p, rho)
        alpha = sum(float(a) * float(b) for a, b in zip(p, rho, strict=True))
        mean = sum(float(a) * float(b) * float(c) for a, b, c in zip(p, rho, s, strict=True)) / alpha
        worst = max(worst, abs(float(new @ s) - mean), abs(float(new.sum()) - 1))
    return worst


# Cases in the plane, by the angles of an anchor's negatives in degrees; the anchor is at 0.
CASES: Mapping[str, tuple[Sequence[float], Sequence[float]]] = {
    "own class near": ([60, 80, 100, 120], [10, 20]),
    "own class far": ([60, 80, 100, 120], [150, 170]),
    "one far, one near": ([60, 80, 100, 120], [10, 170]),
    "another class nearest": ([5, 80, 100, 120], [40, 60]),
}


def cases() -> pd.DataFrame:
    """Return what one anchor sees in built cases, a row a case and hardening function.

    Returns:
        Columns ``w``; E[e^g] under ``UCL``, ``H-UCL``, ``H-SCL``, ``Hcol``; ``Assumption 1``, ``H-SCL at most H-UCL``
        and ``UCL at most H-SCL``.
    """
    rows = []
    for case, (others, own) in CASES.items():
        angles = torch.tensor([*others, *own], dtype=torch.float64).deg2rad()
        same = torch.tensor([[False] * len(others) + [True] * len(own)])
        for name in ("τ = e^−0.1", "β = 1"):
            of = anchors.seen(angles.cos()[None] / TEMPERATURE, same, torch.ones_like(same), HARDENINGS[name])
            means = {"UCL": of.ucl, "H-UCL": of.hucl, "H-SCL": of.hscl, "Hcol": of.hcol}
            rows.append({
                "negatives": case, "hardening": name, "w": float(of.collisions),
                **{key: float(mean.exp()) for key, mean in means.items()},
                **({} if of.collisions else {"Hcol": nan}),
                "Assumption 1": bool(of.assumption), "H-SCL at most H-UCL": bool(of.hscl <= of.hucl + ROUNDING),
                "UCL at most H-SCL": bool(of.above_ucl),
            })  # fmt: skip
    return pd.DataFrame(rows).set_index(["negatives", "hardening"])


@cache
def losses(populations: int = 100) -> pd.DataFrame:
    """Return how often the losses, means over all anchors, are in order, one row a hardening function.

    Returns:
        Columns ``populations``; ``all``, those in which every anchor satisfies Assumption 1, and ``all, in order``
        those of them with L_H-SCL <= L_H-UCL; ``part`` and ``part, in order``, the same where only some do; and
        ``UCL below``, where L_UCL <= L_H-SCL.
    """
    rows = {}
    for name in HARDENINGS:
        counts = dict.fromkeys(("populations", "all", "all, in order", "part", "part, in order", "UCL below"), 0)
        for seed in range(populations):
            *_, of, g_pos = _seen(seed, name)
            hscl, hucl, ucl = (float(anchors.term(m, g_pos, len(g_pos)).mean()) for m in (of.hscl, of.hucl, of.ucl))
            kind = "all" if bool(of.assumption.all()) else "part"
            counts["populations"] += 1
            counts[kind] += 1
            counts[f"{kind}, in order"] += hscl <= hucl + ROUNDING
            counts["UCL below"] += ucl <= hscl
        rows[name] = counts
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("hardening")
