import os
from pathlib import Path

import pytest
from no_network import sitecustomize as sitecustomize  # in this process, and by the path in those that it starts

_PATHS = [str(Path(__file__).with_name("no_network")), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, _PATHS)))
# Set before torch is imported: several test processes share the cores, and spinning threads would starve each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def runs_root(tmp_path, monkeypatch):
    """An empty folder of records: no test writes to the project's, or rests on what happens to be there."""
    root = tmp_path / "recorded"
    root.mkdir()
    monkeypatch.setenv("HCL_RUNS", str(root))
    return root


@pytest.fixture
def quick_evaluations(request, monkeypatch):
    """For tests of runs that are about other things; see `helpers.evaluate_quickly`.

    Not where other processes take part, which would measure other numbers: those tests are slow anyway.
    """
    if request.node.get_closest_marker("slow") is None:
        from helpers import evaluate_quickly

        evaluate_quickly(monkeypatch)
