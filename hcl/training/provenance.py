"""What a run was made with, for its record: the library's version, PyTorch's, the device."""

import hashlib
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from hcl.training import places


def provenance(device: torch.device) -> dict[str, Any]:
    """Return what a run was made with: code version, versions of what decides numbers, device, time."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "sources": sources_hash(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": device_name(device),
        "threads": torch.get_num_threads(),
    }


def sources_hash() -> str:
    """Return 12 hex digits of the SHA-256 of the library's Python files: its version where there is no history."""
    digest = hashlib.sha256()
    for path in sorted(places.PACKAGE.rglob("*.py")):
        digest.update(path.relative_to(places.PACKAGE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def device_name(device: torch.device) -> str:
    """Return the name of a GPU, or the processor's with the number of cores."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines() if cpuinfo.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())
    return f"CPU {model or platform.machine()}, {os.cpu_count()} cores"


def _commit() -> str | None:
    """Return the commit of the library, marked where its sources differ from it.

    Without git history, as in a copy of a checkout, it is what the environment variable HCL_COMMIT says, or None.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(places.PACKAGE), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", ".")  # another project's repository may hold our environment
        return git("rev-parse", "HEAD") + ("-modified" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return os.environ.get("HCL_COMMIT")


def peak_memory(device: torch.device) -> int | None:
    """Return the most memory held so far in MiB: of a GPU by PyTorch, else by this process; None if it is not told."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) >> 20
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak >> (20 if sys.platform == "darwin" else 10)  # bytes there, KiB elsewhere
