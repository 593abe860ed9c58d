"""What a figure is about to be run with, in words, before anything starts: each parameter, its choices, its cost."""

from collections.abc import Mapping

from hcl.companion import facts
from hcl.companion.parameters import Declared
from hcl.companion.profiles import PROFILES
from hcl.companion.study import Study


def parameters(study: Study, known: Mapping[str, Declared]) -> list[str]:
    """Return a line for each parameter of a figure's notebook: its value in effect, and what may be given.

    Args:
        study: the runs that are asked for.
        known: what the notebook declares.
    """
    values = facts.parameters([study], [])
    each = {name: _written(values.get(name, "as declared")) for name in known}
    width = max(len(f"{name} = {value}") for name, value in each.items())
    return [f"  {f'{name} = {value}':{width}}  {_choices(study, name, known[name])}" for name, value in each.items()]


def profiles(study: Study) -> list[str]:
    """Return, for each profile, the command that runs a figure at it, and what that takes."""
    return [
        line
        for one in facts.commands([study])
        for line in (f"  {one['command']}", f"      {one['runs']} runs; {one['cost']} ({one['basis']})")
    ]


def _choices(study: Study, name: str, declared: Declared) -> str:
    """Return what a parameter may be, and how the number of runs or the time grows with it."""
    specs = study.specs
    if name == "profile":
        return f"one of auto, {', '.join(PROFILES)}: what a run is, and most of its cost"
    if name == "seeds":
        return f"{declared.help}; each is {len(specs) // max(1, len({s.seed for s in specs}))} runs"
    if name == "hardness":
        return f"{declared.help}; each is {len(specs) // max(1, len({s.hardness for s in specs}))} runs"
    if name == "epochs":
        return f"{declared.help}; time grows with them"
    return declared.help


def _written(value: object) -> str:
    """Return a value as ``-p`` takes it."""
    if isinstance(value, list):
        return f"[{','.join(_written(item) for item in value)}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
