"""Checks of the draws: their distribution, that they change, that they repeat; `exactness` runs them."""

from dataclasses import replace

import torch
from torch import Tensor

from benchmarks import loss
from benchmarks.checks import Checks, losses, row
from benchmarks.harness import Row, captured
from hcl.training.engine import Techniques
from hcl.training.objective import batch_loss, draw_shape
from hcl.training.spec import RunSpec


def draws_agree(checks: Checks) -> Row:
    """Compare losses by the generator's draws and by given uniforms, in standard errors of their difference."""
    spec, z, labels = _inputs(checks)
    shape = draw_shape(spec, loss.population(spec))
    assert shape is not None
    generator = torch.Generator(checks.device).manual_seed(0)

    def uniform() -> Tensor:
        given = torch.rand(shape, device=checks.device, generator=generator)
        return batch_loss(z, labels, spec, uniforms=given)

    with torch.no_grad():
        plain = torch.stack([batch_loss(z, labels, spec, generator=generator) for _ in range(40)]).double()
        given = torch.stack([uniform() for _ in range(40)]).double()
    error = ((plain.var() + given.var()) / len(plain)).sqrt()
    return row(float((plain.mean() - given.mean()).abs() / error), 4.5, "standard errors, means of 40 losses")


def draws_of_a_run(checks: Checks, techniques: Techniques) -> tuple[Row, Row]:
    """See that draws differ from epoch to epoch, and repeat with the seed, at weights that stay where they are."""
    spec = replace(checks.spec, k=8, precision="fp32", lr=1e-12)
    engine = checks.engine(spec, techniques)
    first, again = losses(engine, spec, 4), losses(engine, spec, 4)
    exact = replace(spec, k=None)
    rounding = _spread(losses(checks.engine(exact, techniques), exact, 4))
    apart = _spread(first)
    same = max(abs(a - b) / abs(a) for a, b in zip(first, again, strict=True))
    return (
        row(rounding / apart if apart else float("inf"), 0.5, f"rounding over change of loss ({apart:.1e})"),
        row(same, 1e-6 if checks.gpu else 0.0, "relative difference of a repeated run"),
    )


def draws_of_replays(checks: Checks) -> tuple[Row, Row]:
    """See that replays of a captured loss differ, and repeat once its generator is seeded again."""
    spec, z, labels = _inputs(checks)
    shape = draw_shape(spec, loss.population(spec))
    generator = torch.Generator(checks.device)

    def step() -> Tensor:
        uniforms = torch.rand(shape, device=checks.device, generator=generator)  # type: ignore[arg-type]
        return batch_loss(z.detach(), labels, spec, uniforms=uniforms)

    replay, value = captured(step, generator)

    def sequence() -> list[float]:
        generator.manual_seed(7)
        values = []
        for _ in range(8):
            replay()
            values.append(float(value))
        return values

    first, again = sequence(), sequence()
    equal = sum(a == b for i, a in enumerate(first) for b in first[:i])
    return (
        row(equal, 0.0, "equal pairs among the losses of 8 replays"),
        row(max(abs(a - b) for a, b in zip(first, again, strict=True)), 0.0, "difference after seeding again"),
    )


def _inputs(checks: Checks) -> tuple[RunSpec, Tensor, Tensor]:
    size = loss.Size(checks.spec.batch_size or 0, checks.spec.num_classes, checks.spec.k or 0)
    return loss.spec_of(size, "per_pair"), *loss.inputs(size, checks.device)


def _spread(values: list[float]) -> float:
    return max(values) - min(values)
