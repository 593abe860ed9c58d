"""Run the tests against each mutant of the table that has no result yet: `python tests/mutation/run.py`.

Torch and the other large libraries are imported once; each mutant is tested in a fork, which costs no more than its
tests do.
"""

import argparse
import importlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import faults
import table
from plan import CPU_SECONDS, MEMORY, PLAN
from table import ROOT, Mutant

WALL_SECONDS = 8 * CPU_SECONDS  # where other work takes the cores
COPIED = (
    "hcl", "tests", "runs", "book", "notebooks", "benchmarks", "pyproject.toml", "requirements.txt", "README.md",
    "CONTRIBUTING.md", "_config.yml", "_toc.yml", "Makefile",
)  # fmt: skip


def preload() -> None:
    """Import what takes long, but nothing of the package itself."""
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.dont_write_bytecode = True
    for name in ("torch._dynamo", "pandas", "scipy.stats", "sklearn.linear_model", "hypothesis", "pytest"):
        importlib.import_module(name)
    assert "hcl" not in sys.modules


def copy_project(folder: Path) -> None:
    """Copy what the tests read; the records are linked, since no test writes to them."""
    for name in COPIED:
        source = ROOT / name
        if name == "runs":
            (folder / name).symlink_to(source)
        elif source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "mutation"))
        elif source.exists():
            shutil.copy(source, folder / name)


def child(folder: Path, tests: tuple[str, ...], log: Path) -> None:
    """Run the tests in this process, a fork, and end it with pytest's exit code."""
    os.setpgid(0, 0)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    code = 9
    try:
        import pytest

        os.chdir(folder)
        sys.path[:] = [str(folder), str(folder / "tests"), *(p for p in sys.path if Path(p) != ROOT)]
        options = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "no:randomly"]
        if any("::" in name for name in tests):
            options += ["-m", "slow or not slow"]
        files = [f"tests/{name}" if "::" in name else f"tests/{name}.py" for name in tests]
        code = int(pytest.main([*options, *files]))
        import hcl

        assert Path(hcl.__file__).is_relative_to(folder), hcl.__file__
    finally:
        sys.stdout.flush()
        os._exit(code)


def outcome(folder: Path, tests: tuple[str, ...]) -> tuple[str, str, float]:
    """Return what became of the project in a folder: state, the test that failed, seconds of processor time."""
    log = folder / "log.txt"
    pid = os.fork()
    if not pid:
        child(folder, tests, log)
    began, late = time.monotonic(), False
    try:
        while not (ended := os.wait4(pid, os.WNOHANG))[0]:
            if not late and (late := time.monotonic() - began > WALL_SECONDS):
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)
    except BaseException:  # stopped: the fork is of a group of its own, which hears nothing of it
        os.kill(pid, signal.SIGKILL)
        raise
    _, status, usage = ended
    seconds = usage.ru_utime + usage.ru_stime
    if os.WIFSIGNALED(status) and (number := os.WTERMSIG(status)) == signal.SIGTERM:
        raise KeyboardInterrupt  # someone ended it: no result
    if os.WIFSIGNALED(status):
        slow = late or number in (signal.SIGXCPU, signal.SIGKILL)
        return ("timeout", "", seconds) if slow else ("killed", f"signal {number}", seconds)
    if os.WEXITSTATUS(status) == 0:
        return "survived", "", seconds
    lines = log.read_text(errors="replace").splitlines()
    names = [line.split(" - ")[0].split(" ", 1)[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return "killed", names[0].removeprefix("tests/") if names else "it cannot be imported", seconds


def tests_of(mutant: Mutant) -> tuple[str, ...]:
    """Return the files of tests by which a mutant has to be found out."""
    if mutant.operator.startswith(faults.PROTECTION):
        return faults.tests_of_row(mutant.operator.removeprefix(faults.PROTECTION))
    return faults.TESTS[mutant.module] if mutant.operator == faults.OPERATOR else PLAN[mutant.module][1]


def run(mutants: list[Mutant], chosen: list[Mutant], *, trust: bool) -> None:
    """Run the chosen mutants and write the table after each."""
    preload()
    sound = {tests_of(mutant) for mutant in chosen} if trust else set()  # lists of tests: modules share them
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve() / "project"
        folder.mkdir()
        copy_project(folder)
        for number, mutant in enumerate(chosen, 1):
            tests = tests_of(mutant)
            source = (ROOT / mutant.module).read_text(encoding="utf-8")
            if tests not in sound:
                state, test, seconds = outcome(folder, tests)
                if state != "survived":
                    sys.exit(f"{mutant.module}: the tests fail without a mutant ({state} {test}): see to that first.")
                print(f"{mutant.module}: its tests pass, in {seconds:.0f} s of processor time", flush=True)
                sound.add(tests)
            mutated = mutant.applied(source)
            if mutated is None:
                mutant.state, mutant.reason = "gone", ""
            else:
                (folder / mutant.module).write_text(mutated, encoding="utf-8")
                mutant.state, mutant.reason, seconds = outcome(folder, tests)
                mutant.seconds = f"{seconds:.0f}"
                (folder / mutant.module).write_text(source, encoding="utf-8")
            table.write(mutants)
            print(
                f"{number}/{len(chosen)} {mutant.module}:{mutant.line} {mutant.operator}: {mutant.state} "
                f"{mutant.reason} ({mutant.seconds} s)", flush=True,
            )  # fmt: skip


def main() -> None:
    """Read the options, run, and say what has become of all."""
    parser = argparse.ArgumentParser(description="Run the tests against mutants of the package.")
    parser.add_argument("--limit", type=int, help="at most so many mutants")
    parser.add_argument("--module", help="of this module only, as in the table")
    parser.add_argument("--operator", default="", help="of operators that begin so, as in the table")
    parser.add_argument("--again", default="", help="those of this state once more")
    parser.add_argument("--trust", action="store_true", help="do not run the tests without a mutant first")
    parser.add_argument("--count", action="store_true", help="only say what has become of them")
    options = parser.parse_args()
    mutants = table.read()
    known = {mutant.key for mutant in mutants}
    mutants += [mutant for mutant in faults.protections() if mutant.key not in known]
    chosen = [
        m for m in mutants
        if m.state == options.again and options.module in (None, m.module) and m.operator.startswith(options.operator)
    ][: options.limit]  # fmt: skip
    if chosen and not options.count:
        run(mutants, chosen, trust=options.trust)
    for module in dict.fromkeys(mutant.module for mutant in mutants):
        states = Counter(m.state or "to be run" for m in mutants if m.module == module)
        print(f"{module:32}", ", ".join(f"{count} {state}" for state, count in sorted(states.items())))


if __name__ == "__main__":
    main()
