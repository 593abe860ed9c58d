"""Tables of H-SCL's pages, of runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import nan
from statistics import fmean

import pandas as pd

from hcl.companion import hscl
from hcl.companion.claims.hscl import MEASURES
from hcl.companion.figures_hscl import named
from hcl.companion.pages import Page
from hcl.training.hscl import CASES
from hcl.training.runs import Run


def by_epoch(by_data: Mapping[str, Sequence[Run]]) -> pd.DataFrame:
    """Return the assumption and the order of the losses, after the last epoch and the least of all after epoch 0.

    Args:
        by_data: H-UCL runs by the name of their data; NaN where there are none yet.

    Returns:
        A row a data set and hardening function, means over the seeds of what is measured last.
    """
    rows = []
    for data, runs in by_data.items():
        for case, words in zip(CASES, hscl.HARDENINGS, strict=True):
            row: dict[str, object] = {"data": data, "hardening": words}
            for name, one, other in (
                ("anchors with Assumption 1", f"assumption_{case}", ""),
                ("H-UCL less H-SCL", f"hucl_{case}", f"hscl_{case}"),
                ("H-SCL less UCL", f"hscl_{case}", "ucl"),
            ):
                trained = [run.evaluated[run.evaluated["epoch"] > 0] for run in runs]
                values = [of[one] - (of[other] if other else 0) for of in trained]
                row[f"{name}, at the end"] = fmean(float(of.iloc[-1]) for of in values) if runs else nan
                row[f"{name}, least"] = min((float(of.min()) for of in values), default=nan)
            rows.append(row)
    return pd.DataFrame(rows).set_index(["data", "hardening"])


def accuracy(shown: Mapping[str, Sequence[Page]]) -> pd.DataFrame:
    """Return the test accuracies of every setting that is wanted, NaN where its runs are still to be made.

    Args:
        shown: pages by the name of their data.

    Returns:
        A row a data set and method, means over seeds, with their number.
    """
    rows = []
    for data, pages in shown.items():
        runs = [run for page in pages for run in page.runs]
        specs = dict.fromkeys(replace(spec, seed=0) for page in pages for spec in page.study.specs)
        for spec in sorted(specs, key=lambda spec: (spec.supervised, bool(spec.hardness), spec.hardening)):
            own = [run for run in runs if replace(run.spec, seed=0) == spec]
            found = {
                f"{words.split(' ', 1)[1]}": [float(run.final.get(measure, nan)) for run in own]
                for measure, (_, words) in MEASURES.items()
            }
            means = {words: fmean(values) if values else nan for words, values in found.items()}
            rows.append({"data": data, "method": named(spec), **means, "seeds": len(own)})
    return pd.DataFrame(rows).set_index(["data", "method"])
