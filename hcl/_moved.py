"""Old import paths: until version 0.2 every module lay in ``hcl`` itself, and code that says so goes on working."""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_TRAINING = (
    "archive", "campaign", "checkpoint", "data", "engine", "evaluate", "fold", "images", "objective", "probe",
    "products", "randomness", "runs", "spec", "train",
)  # fmt: skip
_COMPANION = (
    "ambiguities", "batch_bounds", "benchmarks_report", "book", "claims", "cli", "corollaries", "evidence", "figures",
    "limits", "loss_class", "notebooks", "pages", "profiles", "progress", "published", "registry", "report",
    "scoreboard", "slips", "theorems", "verdicts",
)  # fmt: skip
MOVED = {
    **{name: f"hcl.training.{name}" for name in _TRAINING},
    **{name: f"hcl.companion.{name}" for name in _COMPANION},
    "paper": "hcl.companion.study",
}


class _Alias(Loader):
    """Gives the module of a new path under its old one: the same object, whichever path it is asked for by."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(MOVED[spec.name.removeprefix("hcl.")])
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own  # which the import system has just replaced


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.startswith("hcl.") and fullname.removeprefix("hcl.") in MOVED:
            return ModuleSpec(fullname, _Alias())
        return None


def forward() -> None:
    """Let ``hcl.data`` and its like be imported as ``hcl.training.data`` and its like."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
