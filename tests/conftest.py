import os
from pathlib import Path

import pytest

# Set before torch is imported: several test processes share the cores, and spinning threads would starve each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parent.parent


@pytest.fixture
def runs_root(tmp_path, monkeypatch):
    """An empty folder of records, so that nothing is written to the project's."""
    root = tmp_path / "runs"
    root.mkdir()
    monkeypatch.setenv("HCL_RUNS", str(root))
    return root
