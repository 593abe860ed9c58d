"""A real JupyterLab: the notebook of Figure 5 is opened, run at `smoke`, and shows its figures."""

import json
import os
import re
import shutil
import subprocess
import sys
import time

import pytest
from helpers import ROOT, on_path

from hcl.companion import notebooks

pytestmark = pytest.mark.slow
TOKEN = "only-for-this-test"
PARAMETERS = {
    'profile: str = "auto"': 'profile: str = "smoke"',
    "hardness: list[float] = []": "hardness: list[float] = [0, 5]",
}

PROMPTS = "() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(each => each.textContent)"
ERRORS = ".jp-OutputArea [data-mime-type$=error]"


@pytest.fixture
def lab(tmp_path, runs_root):
    """The address of a JupyterLab on copies of the notebooks, at a free port of this machine alone."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    source = tmp_path / "notebooks" / "fig05_cifar10.py"  # which JupyterLab takes the cells of the pair from
    text = source.read_text(encoding="utf-8")
    for default, wanted in PARAMETERS.items():
        assert text.count(default) == 1
        text = text.replace(default, wanted)
    source.write_text(text, encoding="utf-8")
    notebooks.sync(source.parent)
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("RUNTIME", "CONFIG", "DATA")}
    places = {"HCL_RUNS": str(runs_root), "HCL_DATA": str(tmp_path / "none"), "PYTHONPATH": on_path(ROOT)}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--port=0", "--allow-root",
               f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={tmp_path / 'notebooks'}",
               "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=tmp_path, env=os.environ | folders | places, stdout=log, stderr=log)
    try:
        yield f"{address(tmp_path, server)}lab/tree/fig05_cifar10.ipynb?token={TOKEN}"
    finally:
        server.terminate()
        server.wait(300)  # kernels end first, and a machine may be busy


def address(folder, server, seconds=180):
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        for noted in (folder / "runtime").glob("jpserver-*.json"):
            try:
                return json.loads(noted.read_text())["url"]
            except ValueError:  # half written
                pass
        time.sleep(0.2)
    pytest.fail((folder / "log").read_text()[-2000:])


def test_figure_5_is_run_in_jupyterlab(lab, page):
    page.set_viewport_size({"width": 1440, "height": 4000})  # all cells are drawn, and none waits to be scrolled to
    page.goto(lab)
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell").first.wait_for(timeout=180_000)
    page.locator("#jp-main-statusbar", has_text="| Idle").wait_for()  # before, a command asks for a kernel
    page.wait_for_function(f"({PROMPTS})().length > 5")
    page.locator(".lm-MenuBar-item", has_text="Run").click()
    page.locator(".lm-Menu-item[data-command='runmenu:run-all']").first.click()
    until = time.monotonic() + 900
    while not all(re.match(r"\[\d+\]", prompt) for prompt in page.evaluate(PROMPTS)):
        assert page.locator(ERRORS).all_inner_texts() == []
        assert time.monotonic() < until
        page.wait_for_timeout(500)
    pictures = page.locator(".jp-OutputArea-output img, .jp-OutputArea-output svg")
    assert pictures.count() >= 3
    box = pictures.first.bounding_box()
    assert box["width"] > 300 and box["height"] > 100
