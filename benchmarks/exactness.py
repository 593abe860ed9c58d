"""Checks on the device: what was compared, the difference that was found, the one that is allowed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks import draw_checks
from benchmarks.checks import Checks
from benchmarks.harness import Case, Row, Setting

SHOWN = ("case", "value", "tolerance", "passed", "of")


def cases(setting: Setting) -> Iterator[Case]:
    """Yield the checks, the most telling first; one that fails gives the benchmark exit status 1."""
    checks = Checks(setting)
    seconds = 80.0 if setting.gpu and not setting.quick else 20.0
    fast = {"fast": checks.fast}
    if not setting.gpu and not setting.quick:
        fast["compiled"] = replace(checks.fast, products=False, compile=True)
    yield from _rows(["draws by uniforms as by a generator"], partial(draw_checks.draws_agree, checks), 10)
    if setting.gpu:
        yield from _rows(
            ["replays differ", "replays repeat with the seed"], partial(draw_checks.draws_of_replays, checks), 10
        )
        yield from _rows(["nothing waits for the GPU", "launching returns early"], checks.no_waiting, seconds)
    for name, use in fast.items():
        for precision in ("bf16", "fp32") if setting.gpu else ("fp32",):
            title = f"{name}, {precision}"
            steps, epoch = (
                partial(checks.loss_and_gradient, precision, use),
                partial(checks.epoch_and_metrics, precision, use),
            )
            yield from _rows([f"{title}: loss of a step", f"{title}: gradient"], steps, seconds)
            yield from _rows([f"{title}: mean loss of an epoch", f"{title}: evaluation"], epoch, seconds)
        names = [f"{name}: draws differ between epochs", f"{name}: draws repeat with the seed"]
        yield from _rows(names, partial(draw_checks.draws_of_a_run, checks, use), seconds)
    yield from _rows(["resume: bitwise", "resume: checkpoint"], checks.resume, seconds)
    if setting.gpu:
        yield from _rows(["captured as compiled: bitwise"], checks.capture, seconds)
        yield from _rows(["price of determinism"], checks.price_of_determinism, seconds)


def _rows(names: list[str], check: Callable[[], Any], seconds: float) -> Iterator[Case]:
    """Yield the rows of a check, which is run for the first of them that is asked for."""
    found: list[Row] = []
    errors: list[Exception] = []

    def measure(number: int) -> Row:
        if errors:
            raise errors[0]
        if not found:
            try:
                rows = check()
            except Exception as error:
                errors.append(error)
                raise
            found.extend(rows if isinstance(rows, tuple) else [rows])
        return found[number]

    for number, name in enumerate(names):
        yield Case(name, partial(measure, number), seconds)
