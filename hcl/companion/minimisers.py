"""What minimises the losses where the paper stops: the questions, and their answers as points that are kept.

The search takes minutes, so its points are committed: ``make minimisers`` finds them anew and writes them with what
found them. Whatever is said of them, loss, gradient and shape, is computed from the points when it is asked for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from IPython.display import Markdown
from torch import Tensor

from hcl.companion import notes
from hcl.explore import STATIONARY, Problem, explore
from hcl.hardening import Exponential, Hardening, Polynomial
from hcl.psi import LogSumExp
from hcl.shapes import Shape, shape_of
from hcl.training.provenance import provenance

PATH = Path(__file__).with_name("minimisers.json")
RESTARTS = 50
DIGITS = 12  # of a kept coordinate, far more than a gradient of 1e-6 needs

BETAS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
EPSILONS = (1.0, 3.0, 5.0, 10.0, 20.0)  # of polynomial hardening; the paper's are 3 to 20
RATIOS = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0)
SHARES = (0.0, 0.2, 0.4, 0.45, 0.5, 0.6, 0.65, 0.7, 0.8, 0.9, 1.0)
FEW = ((3, 1), (4, 2), (5, 2), (5, 3), (6, 3), (7, 2), (7, 3), (8, 3), (8, 4), (10, 5), (12, 3))  # (C, d), d < C - 1


@dataclass(frozen=True)
class Answer:
    """The best of the points that descent came to.

    Attributes:
        question: it is one of, a key of `questions`.
        beta: hardness, 0 of none; of polynomial hardening its epsilon.
        problem: with that hardness.
        z: (n, d) points.
        restarts: number of random starts.
        converged: how many of them ended stationary.
        reached: how many ended at the same loss, to 1e-8.
    """

    question: str
    beta: float
    problem: Problem
    z: Tensor
    restarts: int
    converged: int
    reached: int

    @cached_property
    def loss(self) -> float:
        """Its loss."""
        return float(self.problem.loss(self.z))

    @cached_property
    def gradient(self) -> float:
        """The norm of its projected gradient."""
        return float(self.problem.projected_gradient(self.z[None]))

    @cached_property
    def shape(self) -> Shape:
        """Its shape."""
        return shape_of(self.z, self.problem.labels)

    @property
    def stationary(self) -> bool:
        """Whether it is."""
        return self.gradient < STATIONARY

    @property
    def method(self) -> str:
        """``"SCL"``, ``"UCL"``, ``"HUCL, β = 5"``, or with ε where hardening is polynomial."""
        name = "SCL" if self.problem.supervised else "UCL"
        sign = "ε" if isinstance(self.problem.hardening, Polynomial) else "β"
        return f"H{name}, {sign} = {self.beta:g}" if self.beta else name


def questions() -> dict[str, list[dict[str, Any]]]:
    """Return what was asked, by question: arguments of `Problem`, ``beta`` or ``epsilon`` in place of the hardening."""
    hucl = [
        {"num_classes": c, "dim": c - 1, "beta": beta, "per_class": 2 if c <= 4 else 1}
        for c in (2, 3, 4, 6, 10)
        for beta in BETAS
    ]
    finite = [
        {"num_classes": c, "dim": c - 1, "beta": beta, "k": k, "per_class": 1}
        for c in (3, 10)
        for beta in (1.0, 5.0, 30.0)
        for k in (1, 16, 256)
    ]
    sphere = [
        {"num_classes": c, "dim": d, "beta": beta, "per_class": 1, "space": "unit_sphere"}
        for c in (4, 6)
        for beta in (2.0, 5.0, 10.0)
        for d in (c - 1, c)
    ]
    polynomial = [
        {"num_classes": c, "dim": d, "epsilon": epsilon, "per_class": 1}
        for c in (3, 4, 10)
        for d in (c - 1, c)
        for epsilon in EPSILONS
    ]
    few = [{"num_classes": c, "dim": d, "supervised": s, "per_class": 1} for c, d in FEW for s in (True, False)] + [
        {"num_classes": 2 * d, "dim": d, "beta": 5.0, "per_class": 1} for d in (2, 3, 4, 5)
    ]
    weights = [
        {"num_classes": 3, "dim": 2, "supervised": s, "beta": beta, "class_weights": (ratio, 1.0, 1.0)}
        for s, beta in ((True, 0.0), (False, 0.0), (False, 5.0))
        for ratio in RATIOS
    ]
    positives = [
        {"num_classes": 3, "dim": d, "own_positives": share} for d in (2, 5) for share in SHARES
    ] + [
        *({"num_classes": 3, "dim": 8, "own_positives": share, "per_class": 3} for share in (0.45, 0.5, 1.0)),
        *({"num_classes": 3, "dim": 5, "own_positives": share, "supervised": True} for share in (0.5, 1.0)),
    ]  # fmt: skip
    return {
        "hucl": hucl, "finite": finite, "sphere": sphere, "few": few, "weights": weights, "positives": positives,
        "polynomial": polynomial,
    }  # fmt: skip


def problem_of(asked: Mapping[str, Any]) -> tuple[Problem, float]:
    """Return a problem and its hardness.

    Args:
        asked: arguments of `Problem`; ``"beta"`` stands for exponential hardening with it, ``"epsilon"`` for
            polynomial, ``"alpha"`` for the loss `hcl.psi.LogSumExp`.
    """
    options: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in asked.items()}
    beta, epsilon = (float(options.pop(name, 0.0)) for name in ("beta", "epsilon"))
    if "alpha" in options:
        options["psi"] = LogSumExp(options.pop("alpha"))
    hardening: Hardening | None = Polynomial(epsilon) if epsilon else Exponential(beta) if beta else None
    return Problem(**options, hardening=hardening), epsilon or beta


def search(asked: Mapping[str, Any], seed: int, restarts: int = RESTARTS) -> dict[str, Any]:
    """Return the best points of a problem as they are kept."""
    problem, _ = problem_of(asked)
    found = explore(problem, restarts=restarts, generator=torch.Generator().manual_seed(seed), steps=3000)
    return {
        "asked": dict(asked), "seed": seed, "restarts": restarts, "converged": int(found.converged.sum()),
        "reached": found.reached(), "z": [[round(x, DIGITS) for x in row] for row in found.best.tolist()],
    }  # fmt: skip


def write(
    path: Path = PATH, asked: Mapping[str, Sequence[Mapping[str, Any]]] | None = None, restarts: int = RESTARTS
) -> None:
    """Search for the answers to all questions and write them, each with the number of its seed, with what made them."""
    made: dict[str, Any] = {"made": provenance(torch.device("cpu"))}
    for question, problems in (questions() if asked is None else asked).items():
        made[question] = [search(one, seed, restarts) for seed, one in enumerate(problems)]
        print(question, len(made[question]), flush=True)
    path.write_text(text_of(made), encoding="utf-8", newline="\n")


def text_of(made: Mapping[str, Any]) -> str:
    """Return what is kept as JSON, a line for each answer.

    Args:
        made: what made it under ``"made"``, and answers by question.
    """
    rows = {name: ",\n".join(map(json.dumps, of)) for name, of in made.items() if name != "made"}
    lines = [f'"made": {json.dumps(made["made"])}', *(f'"{name}": [\n{row}\n]' for name, row in rows.items())]
    return "{\n" + ",\n".join(lines) + "\n}\n"


@cache
def kept(path: Path = PATH) -> dict[str, Any]:
    """Return what the file holds."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def answers(question: str, path: Path = PATH) -> tuple[Answer, ...]:
    """Return the kept answers to a question, in its order.

    Args:
        question: a key of `questions`.
        path: of the file.
    """
    return tuple(_answer(question, row) for row in kept(path)[question])


def origin(path: Path = PATH, more: str = "") -> Markdown:
    """Return nothing to be seen, with what the book makes the card of a page from: what found the points.

    Args:
        path: of the file.
        more: said of the search besides.
    """
    made = kept(path)["made"]
    return notes.origin(
        line=f"points found on {made['date'][:10]}, measured anew",
        Points=f"searched for on {made['date'][:10]} on {made['device']}, with torch {made['torch']}, at commit "
        f"{made['commit'][:10]}{more}; `make minimisers` searches again",
        Numbers="losses, gradients and shapes of these points, measured when this page was built",
    )


def _answer(question: str, row: Mapping[str, Any]) -> Answer:
    problem, beta = problem_of(row["asked"])
    z = torch.tensor(row["z"], dtype=torch.float64)
    return Answer(question, beta, problem, z, row["restarts"], row["converged"], row["reached"])


if __name__ == "__main__":
    write()
