# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # More dimensions, and fewer: trained
#
# The paper trains in $d = C - 1$ dimensions, as many as an ETF of $C$ classes needs. {doc}`minimisers` shows what is best in
# fewer: at half as many dimensions as classes a *cross-polytope*, whose classes form opposite pairs. In more dimensions the
# ETF stays the best. Does training get there?
#
# Here the ten classes of CIFAR-10 are put into 5 and into 20 dimensions, trained as for {doc}`fig05_cifar10`, whose runs in 9
# stand beside them. At `workstation` these are 8 runs of 20 to 40 minutes on a core of a CPU. They come last in a campaign.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
dataset: str = "auto"  # of ten classes; auto: CIFAR-10
hardness: list[float] = []  # values of beta; empty: 0 and 5
seeds: list[int] = []  # one run a setting each; empty: all that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl.companion import (
    dimensions,
    figures_neighbours,
    neighbours_trained,
    pages,
    parameters,
    report,
)

parameters.check()
page = pages.begun(
    "dimensions",
    profile,
    dataset=dataset,
    hardness=hardness,
    seeds=seeds,
    epochs=epochs,
)
page.note()

# %% [markdown]
# ## Where each setting ends
#
# A sign is a run. The line is Neural-Collapse, which needs $C - 1$ dimensions. *waits* marks runs that are still to be made.

# %% mystnb={"figure": {"caption": "Geometry and test accuracy at the end of training, by loss and number of dimensions.", "name": "fig-dimensions-ends"}, "image": {"alt": "Six panels with a row for each loss and number of dimensions: effective rank, clusters, equal inner product, and three accuracies."}}
figures_neighbours.ends(
    neighbours_trained.by_setting(page.study, page.runs, dimensions.named),
    page.study.specs[0].num_classes,
)

# %% [markdown]
# *Off a cross-polytope* is how far the cosines of class means are from those of one: 0 there, and more at an ETF.

# %%
in_groups = {"group": dimensions.words, "name": dimensions.label}
report.show_table(
    neighbours_trained.table(
        page.study, page.runs, dimensions.GEOMETRY, **in_groups
    )
)

# %%
report.show_table(
    neighbours_trained.table(
        page.study, page.runs, dimensions.ENDS, **in_groups
    )
)

# %% [markdown]
# ## What this project asks of them, and what came of it
#
# These statements are not in the paper. How each is judged was fixed before its runs were made.

# %%
page.verdict_table()
