# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Explore the runs
#
# Every recorded run, to be looked at as you like: choose a data set, the profile that it was run at, a figure of the paper,
# and what to draw. Tick settings to compare them. Point at a curve for its values; drag over a part of it to enlarge it.
# The link that you copy opens on just what you see.

# %% tags=["parameters", "remove-input"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
dataset: str = "auto"  # such as cifar100; auto: the paper's or its stand-in
hardness: list[float] = []  # values of beta; empty: the paper's 0, 2, 5, 10, 30
seeds: list[int] = []  # one run a setting each; empty: all that are recorded

# %% tags=["remove-input"]
from hcl.companion import charts, figures, notes, pages, parameters
from IPython.display import display

parameters.check()
page = pages.load(
    "fig03", profile, dataset=dataset, hardness=hardness, seeds=seeds
)
charts.page()

# %% mystnb={"figure": {"caption": "The headline runs, which the explorer begins with: distance from an ETF by epoch, and the final spectra of the supervised runs.", "name": "fig-explorer"}, "image": {"alt": "Equal inner-product metric against epochs for five hardness levels, supervised and unsupervised, and the spectrum of the class means of the supervised runs."}} tags=["remove-input"]
display(notes.origin(page.runs))
figures.headline(page.runs)
