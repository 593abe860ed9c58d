"""What a run takes on a GPU: predicted, with a range, as long as no GPU has measured it.

All numbers are those of ``benchmarks/predictions.csv`` for an H100. The rate of a step is that of bf16 at batch 512; a
step in fp32 takes as many times as long as the table says of bf16 (convolutions in fp32 are TF32, which PyTorch does by
default: half the FLOP rate, twice the bytes); smaller batches are slower by the ratio of their rates. An evaluation
shows all training and test images to the encoder once, and each run sets its engine up.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hcl.training import places
from hcl.training.catalogue import CATALOGUE
from hcl.training.spec import RunSpec

BOUNDS = ("fast", "central", "slow")
_BATCHES = (32, 64, 512)  # for which there are predictions


@dataclass(frozen=True)
class Prediction:
    """What a run takes on a GPU, in seconds.

    Attributes:
        training: the steps of all epochs.
        evaluation: all evaluations.
        setup: until the first step: compilation and capture.
    """

    training: float
    evaluation: float
    setup: float

    @property
    def seconds(self) -> float:
        """The whole run."""
        return self.training + self.evaluation + self.setup


class GpuTimes:
    """The predictions for an H100.

    Args:
        path: of the table; None is the project's.
    """

    def __init__(self, path: Path | None = None) -> None:
        table = pd.read_csv(path or places.project() / "benchmarks" / "predictions.csv")
        key, values = ["suite", "case", "quantity"], ["predicted", "low", "high"]
        rows = table[table["device"] == "H100"].set_index(key)[values]
        self._rows = {name: tuple(map(float, row)) for name, row in zip(rows.index, rows.to_numpy(), strict=True)}

    def of(self, spec: RunSpec, bound: str = "central") -> Prediction:
        """Return what a run of ResNet-50 takes.

        Args:
            spec: of the run.
            bound: ``"fast"`` takes the favourable end of every range, ``"slow"`` the other; where a prediction is a
                range alone, ``"central"`` is its geometric mean.

        Raises:
            ValueError: for another encoder or bound.
        """
        if spec.encoder != "resnet50" or bound not in BOUNDS:
            raise ValueError(f"{spec.encoder}, {bound}: expected resnet50, and one of {', '.join(BOUNDS)}.")
        plain = self._value("step", "cifar stem, C=100, B=512, + bf16", "gain", bound, more_is_slower=True)
        longer = plain if spec.precision == "fp32" else 1.0
        rate = self._value("step", f"{spec.stem} stem, C=100, B=512, + graph", "images_per_second", bound)
        training = spec.epochs * spec.images_an_epoch / (rate * self._of_batch(spec)) * longer
        form = "plain" if bound == "slow" else "folded, compiled"
        each = self._value("evaluation", f"{spec.stem} stem, {form}", "ms_per_512", bound, more_is_slower=True) / 1000
        entry = CATALOGUE[spec.dataset]
        shown = (spec.images or 0) + (spec.num_test or entry.num_test or 0)
        evaluation = sum(map(spec.evaluated, range(spec.epochs + 1))) * shown / 512 * each * longer
        setup = self._value(
            "step", "torchvision stem, C=100, B=512, + compile", "setup_seconds", bound, more_is_slower=True
        )
        return Prediction(training, evaluation, setup)

    def packing_gain(self) -> float:
        """Return how many times as much two runs at a time do, at most, as one after the other: CIFAR stem."""
        return self._rows["concurrency", "cifar stem, 2 engines", "gain"][2]

    def checkpoint_mib(self) -> float:
        """Return the size of the state of a run in MiB."""
        return self._rows["exactness", "resume: checkpoint", "mib"][0]

    def _of_batch(self, spec: RunSpec) -> float:
        """Return the rate at a spec's batch size over that at 512: 1 from there on, and for the full batch."""
        size = 512 if spec.batch_size is None else spec.batch_size * (1 if spec.positives == "label" else 2)
        rates = [
            self._value("step", f"cifar stem, C=100, B={batch}, + graph", "images_per_second", "central")
            for batch in _BATCHES
        ]
        return float(np.exp(np.interp(math.log(size), np.log(_BATCHES), np.log(rates)))) / rates[-1]

    def _value(self, suite: str, case: str, quantity: str, bound: str, *, more_is_slower: bool = False) -> float:
        best, low, high = self._rows[suite, case, quantity]
        if bound == "central" or math.isnan(low):
            return best if not math.isnan(best) else math.sqrt(low * high)
        return high if (bound == "slow") == more_is_slower else low
