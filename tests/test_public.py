"""What people import: public names, old paths, and what an import brings with it."""

import ast
import importlib
import os
import shutil
import subprocess
import sys
import zipfile

import pytest
from helpers import ROOT, on_path

import hcl
from hcl import _moved
from hcl.companion import layers

# What the documentation of version 0.1 named, and programs may import.
DOCUMENTED = {
    "hcl.losses": "contrastive_loss simclr_loss", "hcl.psi": "InfoNCE LogSumExp MeanExp Triplet HardestTriplet",
    "hcl.hardening": "Uniform Exponential Polynomial Threshold make matching_beta",
    "hcl.bounds": "scl_lower_bound ucl_lower_bound ucl_batch_value simclr_lower_bound",
    "hcl.theorems": "theorem_1_limit theorem_1 theorem_2 theorem_3 too_few_dimensions hardening_leaves_minimum "
    "hucl_minimum_below_etf shrunken_etf_loss",
    "hcl.loss_class": "general_losses necessity",
    "hcl.corollaries": "corollary_1 properties dependence remarks remark_2_counterexample appendix_a Augmentation",
    "hcl.batch_bounds": "batches batch_values simclr",
    "hcl.models": "unit_ball unit_sphere scaled Encoder resnet50 small_resnet mlp",
    "hcl.data": "Dataset synthetic digits cifar10 cifar100 tinyimagenet tinyimagenet100 load available",
    "hcl.augment": "simclr_view Augmentation draw apply", "hcl.engine": "Techniques Engine",
    "hcl.objective": "views encode batch_loss draw_shape", "hcl.evaluate": "evaluate represent Evaluation",
    "hcl.train": "train obtain Training", "hcl.campaign": "carry_out Job Settings Outcome Event",
    "hcl.archive": "pack import_archive check", "hcl.spec": "RunSpec", "hcl.runs": "Run find load save",
    "hcl.paper": "study Study", "hcl.profiles": "Profile", "hcl.registry": "Figure figure_named",
    "hcl.claims": "Claim", "hcl.scoreboard": "scoreboard verdicts assess",
}  # fmt: skip


@pytest.mark.parametrize("path", DOCUMENTED)
def test_documented_paths_go_on_working(path):
    module = importlib.import_module(path)
    assert all(hasattr(module, name) for name in DOCUMENTED[path].split())


@pytest.mark.parametrize("name", _moved.MOVED)
def test_an_old_path_is_the_very_module_of_the_new_one(name):
    old, new = importlib.import_module(f"hcl.{name}"), importlib.import_module(_moved.MOVED[name])
    assert old is new and new.__spec__.name == new.__name__ == _moved.MOVED[name]
    assert getattr(hcl, name) is new


def test_every_public_name_is_there_and_no_other():
    assert all(getattr(hcl, name) is not None for name in hcl.__all__)
    assert set(hcl.__all__) <= set(dir(hcl))
    with pytest.raises(AttributeError, match="module 'hcl' has no attribute 'nothing'"):
        _ = hcl.nothing


def test_type_checkers_see_the_public_names():
    """Every one that is given lazily, and no other."""
    tree = ast.parse((ROOT / "hcl" / "__init__.py").read_text())
    (seen,) = (node for node in tree.body if isinstance(node, ast.If))
    names = [alias.name for line in seen.body for alias in line.names]
    assert sorted([*names, "HclError"]) == sorted(hcl.__all__) == hcl.__all__


def test_each_public_name_is_that_of_its_module():
    for name, home in hcl._HOME.items():
        assert getattr(hcl, name) is getattr(importlib.import_module(f"hcl.{home}"), name)


def test_each_module_of_the_first_layer_is_held_apart_by_the_linter():
    """In both contracts of pyproject.toml: a new one is listed by hand."""
    text = (ROOT / "pyproject.toml").read_text()
    for path in (ROOT / "hcl").glob("*.py"):
        if not path.stem.startswith("__"):
            assert f'"hcl.{path.stem}"' in text


def imported_by(*lines):
    """Return the modules that are there after each line of a program, in a process of its own."""
    code = "\n".join(["import sys", *(f"{line}\nprint(*sys.modules)" for line in lines)])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_import_hcl_brings_nothing_a_loss_only_torch_and_the_first_layer_numpy_and_scipy_besides():
    modules = ", ".join(f"hcl.{name}" for name in hcl._MODULES)
    nothing, loss, everything = imported_by(
        "import hcl",
        "from hcl import contrastive_loss, Exponential, scl_lower_bound, simplex_etf, unit_ball",
        f"import {modules}",
    )
    assert not {"torch", "numpy", "pandas"} & nothing
    assert "torch" in loss and "torchvision" not in loss
    for brought in (loss, everything):
        assert not {"pandas", "typer", "rich", "sklearn", "matplotlib", "PIL", "hcl.training"} & brought


def test_a_page_waits_for_nothing_that_it_does_not_need():
    """Seconds, and each of some thirty pages would have them: a kernel of its own imports everything anew."""
    (brought,) = imported_by("from hcl.companion import figures, pages, parameters, report, scoreboard")
    assert "pandas" in brought and not {"jupytext", "nbformat", "papermill", "scipy.stats", "sklearn", "ray"} & brought


def test_the_drawing_of_the_layers_is_that_of_the_imports():
    """Where it is not: make layers."""
    drawn = layers.drawing()
    assert drawn in (ROOT / "CONTRIBUTING.md").read_text()
    assert all(f'["{title}"]' in drawn for title in layers.LAYERS.values()) and "hcl_losses --> hcl_pairs" in drawn


# Runs with the standard library and what torch, numpy and scipy themselves require: all else is refused as if absent.
ALONE = """
import re, sys
from importlib import metadata

def required(name, seen):
    if name not in seen:
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            return seen
        seen.add(name)
        for line in lines:
            if "extra ==" not in line:
                required(re.match(r"[\\w.-]+", line).group().lower().replace("_", "-"), seen)
    return seen

packages = set()
for name in ("torch", "numpy", "scipy"):
    required(name, packages)
provided = metadata.packages_distributions()
allowed = {top for top, owners in provided.items() if {o.lower().replace("_", "-") for o in owners} & packages}
allowed |= {*sys.stdlib_module_names, "hcl"}
refused = set()

class Empty:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in provided and top not in allowed:
            refused.add(top)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Empty())
assert {"torch", "numpy", "scipy"} <= allowed and not {"pandas", "typer", "rich", "sklearn"} & allowed
try:
    import pandas
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("pandas is there")
from hcl import ContrastiveLoss, Exponential, contrastive_loss
import hcl, torch
for name in hcl.__all__:
    getattr(hcl, name)
loss = contrastive_loss(torch.eye(4), [0, 0, 1, 1], supervised=True, hardening=Exponential(5))
assert loss.isfinite() and ContrastiveLoss(supervised=True)(torch.eye(4), [0, 0, 1, 1]).isfinite()
assert hcl.cluster_count(hcl.simplex_etf(3, 2)) == 3
assert not {"pandas", "typer"} & set(sys.modules)
print(hcl.__file__)
"""


@pytest.mark.slow
def test_an_installation_needs_torch_numpy_and_scipy_alone(tmp_path):
    """The wheel, unpacked where nothing else is, in a Python where other packages cannot be imported."""
    pytest.importorskip("setuptools")
    sources, site = tmp_path / "sources", tmp_path / "site"
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "hcl", sources / "hcl", ignore=leave)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    command = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", tmp_path]
    subprocess.run([sys.executable, "-m", *map(str, command), "."], cwd=sources, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (meta,) = site.glob("*.dist-info/METADATA")
    needs = [line for line in meta.read_text().splitlines() if line.startswith("Requires-Dist") and "extra" not in line]
    assert sorted(line.split()[1].partition(">")[0] for line in needs) == ["numpy", "scipy", "torch"]
    assert (site / "hcl" / "py.typed").exists()
    done = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=tmp_path, env={**os.environ, "PYTHONPATH": on_path(site)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(site / "hcl" / "__init__.py")
