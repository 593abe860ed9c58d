import os
from pathlib import Path

import pytest

# Set before torch is imported: several test processes share the cores, and spinning threads would starve each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def runs_root(tmp_path, monkeypatch):
    """An empty folder of records: no test writes to the project's, or rests on what happens to be there."""
    root = tmp_path / "recorded"
    root.mkdir()
    monkeypatch.setenv("HCL_RUNS", str(root))
    return root


def assert_compiled_as_plain(loss, z):
    """A loss of (z, hardness) compiles to one graph for all hardnesses, with the plain value and gradient."""
    import oracle
    import torch

    torch.compiler.reset()
    compiled = torch.compile(loss, fullgraph=True, dynamic=False, backend="aot_eager")
    for hardness, stance in ((2.0, "default"), (0.0, "fail_on_recompile")):
        with torch.compiler.set_stance(stance):
            ours = oracle.value_and_gradient(lambda z, h=hardness: compiled(z, torch.tensor(h)), z)
        torch.testing.assert_close(ours, oracle.value_and_gradient(lambda z, h=hardness: loss(z, h), z))
