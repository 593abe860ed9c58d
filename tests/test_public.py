"""What people import: public names, old paths, and what an import brings with it."""

import importlib
import subprocess
import sys

import pytest
from conftest import ROOT

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


def imported_by(code):
    """Return the modules that are there after a program has run, in a process of its own."""
    code = f"import sys\n{code}\nprint(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
        ).stdout.split()
    )


def test_import_hcl_brings_nothing_and_a_loss_only_torch():
    assert not {"torch", "numpy", "pandas"} & imported_by("import hcl")
    brought = imported_by("from hcl import contrastive_loss, Exponential, scl_lower_bound, simplex_etf, unit_ball")
    assert "torch" in brought
    assert not {"pandas", "typer", "rich", "sklearn", "matplotlib", "torchvision", "hcl.training"} & brought


def test_the_whole_first_layer_needs_no_more_than_torch_numpy_and_scipy():
    modules = ", ".join(f"hcl.{name}" for name in hcl._MODULES)
    assert not {"pandas", "typer", "rich", "sklearn", "matplotlib", "PIL", "hcl.training"} & imported_by(
        f"import {modules}"
    )


def test_the_drawing_of_the_layers_is_that_of_the_imports():
    """Where it is not: make layers."""
    drawn = layers.drawing()
    assert drawn in (ROOT / "CONTRIBUTING.md").read_text()
    assert all(f'["{title}"]' in drawn for title in layers.LAYERS.values()) and "hcl_losses --> hcl_draws" in drawn
