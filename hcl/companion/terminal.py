"""What the command line prints: text as it is, faults in one line, whatever the terminal can show."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.text import Text
from typer.core import TyperGroup

from hcl.errors import HclError
from hcl.training.places import NoCheckoutError

# Paths and messages hold brackets and colons, which rich would take for its markup.
console = Console(markup=False, highlight=False, emoji=False)
_UsageError: Any = typer.BadParameter.__base__  # typer has click inside or beside it, as its version is


def say(text: str, style: str = "") -> None:
    """Print a line, however long, as it is."""
    console.print(text, style=style, soft_wrap=True)


def show(what: RenderableType) -> None:
    """Print a table to the width of the terminal."""
    console.print(what)


def print_json(value: object) -> None:
    """Print a value for other programs."""
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")


def fail(message: str, status: int) -> typer.Exit:
    """Print a fault on standard error, and return what ends the command with an exit status."""
    errors = Console(stderr=True, markup=False, highlight=False, emoji=False)
    errors.print(Text.assemble(("error: ", "red"), message), soft_wrap=True)
    return typer.Exit(status)


@contextmanager
def reported(*, timed: bool = True) -> Iterator[None]:
    """Turn what a user can mend into one message, and say how long a command took if ``timed``.

    The exit status is 2 for what was asked wrongly, 1 for what went wrong.
    """
    started = time.perf_counter()
    try:
        yield
    except (ValueError, NoCheckoutError) as error:
        raise fail(str(error), 2) from error
    except BrokenPipeError:  # what reads the output has had enough
        raise
    except (HclError, OSError) as error:
        raise fail(str(error), 1) from error
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] == "hcl":
            raise
        raise fail(f"{error.name} is not installed: pip install 'hcl[companion]' brings it.", 1) from error
    if timed:
        say(f"Took {time.perf_counter() - started:.1f} s.")


class Group(TyperGroup):
    """Commands that say in one line, rather than a panel, what was wrong with their options."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Read the options before the command's name."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")  # where a locale lacks a letter, "?" is better than nothing
        with _in_one_line():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Read the options of a command, and run it."""
        with _in_one_line():
            return super().invoke(ctx)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        called = error.ctx.command_path.split()[1:] if error.ctx else []
        command = " ".join(["hcl", *called])
        message = " ".join(error.format_message().split())
        raise fail(f"{message.rstrip('.')}: see {command} --help", error.exit_code) from error
