"""Draw the mutants of the plan: `python tests/mutation/draw.py`, with cosmic-ray installed."""

import ast
import random
from collections.abc import Callable, Iterator
from functools import partial

import faults
import table
from by_hand import BY_HAND
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from plan import PLAN, SEED
from table import ROOT, Mutant, changed_lines, invented

Maker = Callable[[], str | None]  # of a mutated source


def from_cosmic_ray(source: str) -> Iterator[tuple[int, str, Maker]]:
    """Yield (line, operator, maker) of every mutant that the tool makes."""
    nodes = list(ast_nodes(get_ast(source)))
    for name in sorted(plugins.operator_names()):
        try:
            operator = plugins.get_operator(name)()
        except TypeError:
            continue  # one that needs the name of a variable
        places = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, ((line, _), _) in enumerate(places):
            yield line, name.removeprefix("core/"), partial(mutate_code, source, operator, occurrence)


def without_keywords(source: str) -> Iterator[tuple[int, str, Maker]]:
    """Yield the same for sources without one keyword argument of one call."""
    lines = source.splitlines(keepends=True)
    start = [0]
    for line in lines:
        start.append(start[-1] + len(line.encode()))
    raw = source.encode()
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        for keyword in call.keywords:
            begin = start[keyword.lineno - 1] + keyword.col_offset
            assert keyword.end_lineno is not None and keyword.end_col_offset is not None
            end = start[keyword.end_lineno - 1] + keyword.end_col_offset
            rest = raw[end:]
            comma = rest[: len(rest) - len(rest.lstrip())] + b"," if rest.lstrip().startswith(b",") else b""
            mutated = (raw[:begin] + rest[len(comma) :]).decode()
            yield keyword.lineno, "DropKeyword", partial(str, mutated)


def code_of(source: str) -> str:
    """Return a source without annotations."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(node, name, ast.Constant(0))
    return ast.dump(tree)


def drawn(module: str, count: int) -> list[Mutant]:
    """Return mutants of a module: lines are drawn, then a kind of operator, then one of it, so that all have a share.

    One that does not compile, or changes annotations only, makes room for the next.
    """
    source = (ROOT / module).read_text(encoding="utf-8")
    plain, chance = code_of(source), random.Random(f"{SEED} {module}")
    by_line: dict[int, dict[str, list[tuple[str, Maker]]]] = {}
    for line, operator, maker in (*from_cosmic_ray(source), *without_keywords(source)):
        by_line.setdefault(line, {}).setdefault(operator.split("_")[0], []).append((operator, maker))
    chosen: dict[tuple[str, str, str], Mutant] = {}
    while by_line and len(chosen) < count:
        for line in chance.sample(sorted(by_line), len(by_line)):
            kinds = by_line[line]
            mutant = None
            while kinds and mutant is None:
                kind = chance.choice(sorted(kinds))
                operator, maker = kinds[kind].pop(chance.randrange(len(kinds[kind])))
                if not kinds[kind]:
                    del kinds[kind]
                if (mutated := maker()) is not None and changes(mutated, plain):
                    mutant = Mutant(module, *with_operator(operator, changed_lines(source, mutated)))
            if not kinds:
                del by_line[line]
            if mutant is not None and len(chosen) < count:
                chosen.setdefault(mutant.key, mutant)
    return sorted(chosen.values(), key=lambda mutant: mutant.line)


def changes(mutated: str, plain: str) -> bool:
    """Return whether a source compiles and does something else, as far as its tree says."""
    try:
        return code_of(mutated) != plain
    except SyntaxError:
        return False


def with_operator(operator: str, change: tuple[int, str, str]) -> tuple[int, str, str, str]:
    """Return the fields of a mutant in their order."""
    line, before, after = change
    return line, operator, before, after


def main() -> None:
    """Draw, and keep the results of mutants that are known."""
    known = {mutant.key: mutant for mutant in table.read() if mutant.state != "gone"}
    new = [mutant for module, (count, _) in PLAN.items() for mutant in drawn(module, count)]
    new += invented(BY_HAND, "by hand") + invented(faults.FAULTS, faults.OPERATOR) + faults.protections()
    for mutant in new:
        if (old := known.get(mutant.key)) is not None:
            mutant.state, mutant.reason, mutant.seconds = old.state, old.reason, old.seconds
    table.write(list({mutant.key: mutant for mutant in new}.values()))
    print(f"{len(new)} mutants, {sum(bool(mutant.state) for mutant in new)} with a result.")


if __name__ == "__main__":
    main()
