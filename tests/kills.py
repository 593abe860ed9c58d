"""Kill a campaign without warning, at random moments, many times: `python tests/kills.py --kills 200`.

A kill is a SIGKILL, every other time at a random moment, and every other time before a random file is written, moved or
removed. After each, everything that is there has to be whole; the campaign goes on, and what comes of it in the end has
to be, to the bit, what comes of it undisturbed. It needs Linux; each campaign is a fork of this process.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import torch  # noqa: E402
from injected import at_writes  # noqa: E402

from hcl.training import archive, campaign, checkpoint, checks, evaluate, runs, sums, train  # noqa: E402
from hcl.training.campaign import Job, Settings  # noqa: E402
from hcl.training.spec import RunSpec  # noqa: E402

SPEC = RunSpec(
    dataset="digits", supervised=True, num_train=60, num_test=30, encoder="mlp", k=4, negatives="per_anchor",
    epochs=2, batch_size=30, hardness=10.0,
)  # fmt: skip
NEAR = replace(SPEC, init="near_nc", hardness=0.0)  # starts from the weights that the first run leaves
JOBS = [Job(SPEC, "gpu"), Job(NEAR, "gpu"), Job(replace(SPEC, seed=1), "gpu")]


class BrokenError(AssertionError):
    """Something was not whole after a kill."""


def campaign_of(root: Path, at: int | None = None) -> int:
    """Carry the campaign out in a fork, which kills itself at its ``at``-th change of a file; return its process."""
    pid = os.fork()
    if pid:
        return pid
    code, count = 9, [0]

    def act(event: str, path: str) -> None:
        count[0] += 1
        if count[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        torch.set_num_threads(1)
        with at_writes(root, act):
            settings = Settings(runs_root=root, device="cpu", at_once=1, checkpoint_every=0)
            outcome = campaign.carry_out(JOBS, settings, lambda event: None)
        code = 0 if not outcome.failed and not outcome.left else 8
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    """Wait for a process and return its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def content(root: Path) -> dict[str, tuple[bytes, bytes]]:
    """Return by run what must not depend on kills: the history and the class means."""
    return {
        path.name: ((path / "history.csv").read_bytes(), runs.load(path).arrays["means"].tobytes())
        for path in runs.record_folders(root)
    }


def look(root: Path, known: dict[str, tuple[bytes, bytes]]) -> dict[str, tuple[bytes, bytes]]:
    """Return what is there after a kill, all of it whole, and nothing of before gone or other than it was.

    Raises:
        BrokenError: naming what is not.
    """
    for path in runs.record_folders(root):
        archive.check(runs.load(path))
    for path in root.glob(".checkpoints/*.pt"):
        if not checkpoint.sound(path):
            raise BrokenError(f"{path} is not whole.")
    for path in sums.lists(root):
        if sums.read(path)[1]:
            raise BrokenError(f"{path} is not whole.")
    found = content(root)
    if lost := [name for name, value in known.items() if found.get(name) != value]:
        raise BrokenError(f"{', '.join(lost)} was finished, and is not what it was.")
    return found


def killed(kills: int, folder: Path, seed: int = 0, out: Path | None = None) -> dict[str, object]:
    """Kill campaigns so many times, and return what was seen.

    Args:
        kills: how many.
        folder: to work in.
        seed: of the moments.
        out: file for what was seen so far, written whenever a campaign has come to its end.

    Raises:
        BrokenError: if anything is lost, half written or other than it would have been.
    """
    chance, began = random.Random(seed), time.monotonic()
    if ended(campaign_of(folder / "whole")) != 0:
        raise BrokenError("The campaign fails undisturbed.")
    whole, lasts = content(folder / "whole"), time.monotonic() - began
    root, known, seen = folder / "killed", {}, {}
    done, campaigns, at_writes_, states, unlisted = 0, 0, 0, 0, 0
    while done < kills or campaigns == 0 or known:
        at = chance.randint(1, 90) if done % 2 and done < kills else None
        pid = campaign_of(root, at)
        if at is None and done < kills:
            time.sleep(chance.uniform(0, lasts))
            os.kill(pid, signal.SIGKILL)
        code = ended(pid)
        if code not in (0, -signal.SIGKILL):
            raise BrokenError(f"After {done} kills the campaign ended with exit status {code}.")
        done += code != 0
        at_writes_ += code != 0 and at is not None
        known = look(root, known)
        states += bool(list(root.glob(".checkpoints/*.pt")))
        if code == 0:
            if known != whole:
                raise BrokenError("Runs of a campaign that was killed are others than those of one that was not.")
            unlisted += len(checks.seal(root=root))
            if found := checks.faults(root):
                raise BrokenError("\n".join(found))
            campaigns, known = campaigns + 1, {}
            shutil.rmtree(root)
            seen = {
                "kills": done, "at_a_write": at_writes_, "with_a_state": states, "campaigns": campaigns,
                "runs": campaigns * len(whole), "sealed_afterwards": unlisted,
                "seconds": round(time.monotonic() - began),
            }  # fmt: skip
            if out is not None:
                out.write_text(f"{json.dumps(seen, indent=1)}\n", encoding="utf-8")
    return seen


def main() -> None:
    """Read the options, kill, and say what came of it."""
    parser = argparse.ArgumentParser(description="Kill a campaign at random moments, and look at what is left.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="file for the result, as JSON")
    options = parser.parse_args()
    evaluate.LOSS_BATCHES = 4  # in all campaigns alike
    train.load_data(SPEC)  # and what that imports, before the forks
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(killed(options.kills, Path(name).resolve(), options.seed, options.out), indent=1))


if __name__ == "__main__":
    main()
