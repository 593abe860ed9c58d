"""A new notebook of a figure, from a template, and the registry's entry that goes with it."""

import re
from pathlib import Path

from hcl.companion import notebooks
from hcl.companion.parameters import ParameterError
from hcl.training import places

_NOTEBOOK = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # {title}
#
# What is asked here, in two sentences, and what the paper says of it.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
dataset: str = "auto"  # such as cifar100; auto: the figure's or its stand-in
hardness: list[float] = []  # values of beta; empty: the figure's
seeds: list[int] = []  # one run a setting each; empty: all that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl.companion import figures, pages, parameters

parameters.check()
page = pages.load(
    "{name}",
    profile,
    dataset=dataset,
    hardness=hardness,
    seeds=seeds,
    epochs=epochs,
)
page.note()

# %% [markdown]
# ## By epoch

# %% mystnb={{"figure": {{"caption": "What the panels show, and what to look for.", "name": "fig-{name}"}}, "image": {{"alt": "What is drawn, for those who cannot see it."}}}}
figures.metric_panels(page.runs, ["equal_inner_product", "effective_rank"])

# %% [markdown]
# ## Settled values

# %%
page.table()
"""  # noqa: E501
_ENTRY = """        Figure(
            "{name}", "{title}", "Sec. 5", "{name}", "cifar10", (0, 5),
            _with(weight_decay=1e-4),  # what its runs have in common; leave it out for none
        ),
"""


def create(name: str, title: str, root: Path | None = None) -> str:
    """Write a pair of notebooks and return the entry for ``FIGURES`` in ``hcl/companion/registry.py``.

    Args:
        name: of figure and notebook: letters, digits and ``_``.
        title: its heading.
        root: of the project; None is the checkout.

    Raises:
        ParameterError: for another name, one that is taken, or a title that is none.
    """
    folder = (root or places.project()) / "notebooks"
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ParameterError(f"Name {name!r}: expected small letters, digits and '_', beginning with a letter.")
    if not title.strip() or '"' in title or "\n" in title:
        raise ParameterError(f"Title {title!r}: expected a line without double quotes.")
    if (folder / f"{name}.py").exists() or (folder / f"{name}.ipynb").exists():
        raise ParameterError(f"There is a notebook {name} already: give yours another name.")
    (folder / f"{name}.py").write_text(_NOTEBOOK.format(name=name, title=title), encoding="utf-8", newline="\n")
    notebooks.sync(folder)
    return _ENTRY.format(name=name, title=title)
