"""JupyterLab saves pairs: jupytext's contents manager, set by notebooks/jupytext.toml, writes both."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from urllib.request import Request, urlopen

import nbformat
import pytest
from helpers import ROOT

from hcl.companion import notebooks


@pytest.fixture
def folder(tmp_path):
    """Figure 5's pair with the configuration of all."""
    target = tmp_path / "notebooks"
    target.mkdir()
    for name in ("fig05_cifar10.py", "fig05_cifar10.ipynb", "jupytext.toml"):
        shutil.copy(ROOT / "notebooks" / name, target)
    return target


def edited(model):
    """A notebook as JupyterLab sends it: a cell of the reader's own, with an output."""
    cell = nbformat.v4.new_code_cell("6 * 7", outputs=[nbformat.v4.new_output("stream", text="42")], execution_count=1)
    cells = [*model["content"]["cells"], cell]
    return {"type": "notebook", "format": "json", "content": {**model["content"], "cells": cells}}


def check(folder):
    """The source has the new cell and no output, and is else what it was."""
    before = (ROOT / "notebooks/fig05_cifar10.py").read_text()
    assert (folder / "fig05_cifar10.py").read_text() == before + "\n# %%\n6 * 7\n"
    assert "42" in (folder / "fig05_cifar10.ipynb").read_text()
    assert notebooks.sync(folder) == ["fig05_cifar10"], "outputs are cleared"
    assert not any(c.get("outputs") for c in nbformat.read(folder / "fig05_cifar10.ipynb", as_version=4).cells)


def test_saving_the_notebook_writes_its_source(folder):
    from jupytext import TextFileContentsManager

    manager = TextFileContentsManager(root_dir=str(folder))
    model = manager.get("fig05_cifar10.ipynb", content=True, type="notebook")
    manager.save(edited(model), "fig05_cifar10.ipynb")
    check(folder)


def test_an_edited_source_is_what_is_opened(folder):
    """The .py wins, also where the .ipynb is newer."""
    from jupytext import TextFileContentsManager

    source = folder / "fig05_cifar10.py"
    source.write_text(source.read_text() + "\n# %%\n1 + 1\n")
    newer = source.stat().st_mtime + 100
    os.utime(folder / "fig05_cifar10.ipynb", (newer, newer))
    manager = TextFileContentsManager(root_dir=str(folder))
    opened = manager.get("fig05_cifar10.ipynb", content=True, type="notebook")
    assert opened["content"]["cells"][-1]["source"] == "1 + 1"


def test_make_lab_opens_the_folder_with_the_configuration():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^lab: .*\n\t\$\(BIN\)/jupyter lab notebooks$", makefile, re.MULTILINE)
    assert (ROOT / "notebooks/jupytext.toml").exists()


@pytest.mark.slow
def test_a_real_server_saves_both(folder, tmp_path):
    """As `make lab` starts it, on this machine's own address: jupytext is there without any setting of the user."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyter", "lab", str(folder), "--no-browser", "--ip=127.0.0.1", f"--port={port}",
        "--IdentityProvider.token=secret", "--allow-root",
    ]  # fmt: skip
    private = {"JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    server = subprocess.Popen(command, env=os.environ | private, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/api/contents/fig05_cifar10.ipynb"
    headers = {"Authorization": "token secret", "Content-Type": "application/json"}
    try:
        for _ in range(240):
            try:
                model = json.load(urlopen(Request(address, headers=headers), timeout=60))
                break
            except OSError:
                assert server.poll() is None, "the server has ended"
                time.sleep(0.5)
        body = json.dumps(edited(model)).encode()
        urlopen(Request(address, data=body, headers=headers, method="PUT"), timeout=60)
    finally:
        server.terminate()
        server.wait(60)
    check(folder)
