"""Which settings end closest to Neural-Collapse, told as the verdicts tell it."""

from collections.abc import Sequence

import pandas as pd

from hcl.companion.compare import compare
from hcl.companion.evidence import Evidence
from hcl.companion.labels import label
from hcl.companion.limits import LIMITS, Limits
from hcl.companion.numbers import number
from hcl.training.runs import Run

_PLACE = (("equal_inner_product", 3, "{}"), ("clusters", 1, "{} clusters"), ("effective_rank", 1, "effective rank {}"))


def closest(runs: Sequence[Run], reference: Sequence[Run] = (), limits: Limits = LIMITS) -> pd.DataFrame:
    """Return how far settings end from Neural-Collapse, and which are closest, by the equal inner-product metric.

    A setting is as close as the best unless it is decidedly further: by more than other seeds make of it, and settled
    (`hcl.companion.compare.compare`), or not even written differently.

    Args:
        runs: of one method, plain and hardened.
        reference: runs of the headline figure, whose seeds say what seeds do where a setting has a single one.
        limits: constants.

    Returns:
        A row a setting, nearest first: its settled means, ``closest``, whether it is among them, and ``words``.
    """
    settings = Evidence(tuple(run.spec for run in runs), tuple(runs), tuple(reference)).settings
    settings = sorted(settings, key=lambda setting: setting.mean("equal_inner_product"))
    best, rows = settings[0], []
    for setting in settings:
        row = pd.DataFrame([run.settled for run in setting.runs]).mean()
        words = [form.format(number(float(row[key]), digits)) for key, digits, form in _PLACE if key in row]
        further, _ = compare([(1, setting), (-1, best)], "equal_inner_product", 0.0, limits)
        alike = number(row["equal_inner_product"], 3) == number(best.mean("equal_inner_product"), 3)
        rows.append(
            {
                **row.to_dict(),
                "closest": setting is best or alike or further != "holds",
                "words": f"{label(setting.spec)} ({', '.join(words)})".replace(" 1 clusters", " 1 cluster"),
            }
        )
    return pd.DataFrame(rows, index=[label(setting.spec) for setting in settings])
