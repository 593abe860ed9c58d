"""When a training was somewhere on its way, whatever it ended at."""

from collections.abc import Mapping

import numpy as np

from hcl.companion.evidence import Setting, measure_all


def when(setting: Setting, asked: Mapping[str, float]) -> str:
    """Return the epochs at which all measures of a setting were within their limits, of any of its seeds.

    Args:
        setting: whose evaluations are looked at; what was not measured is not within.
        asked: the largest value of each measure, `hcl.companion.evidence.measure`.

    Returns:
        ``"at epochs 300 to 500"``, from the first to the last; ``"at epoch 300"``; empty if there is none.
    """
    epochs: list[int] = []
    for run in setting.runs:
        rows = run.evaluated
        there = np.ones(len(rows), bool)
        for name, limit in asked.items():
            there &= np.asarray(measure_all(rows, name, run.spec) <= limit, bool)
        epochs += [int(epoch) for epoch in rows["epoch"][there]]
    if not epochs:
        return ""
    first, last = min(epochs), max(epochs)
    return f"at epoch {first:,}" if first == last else f"at epochs {first:,} to {last:,}"
