# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How hard negatives rescue the rank, step by step
#
# {doc}`mechanism` computes how merged classes part. This page looks at runs. **First the rank falls, with every hardness: an
# encoder starts by mapping all images to nearly one point. Then classes part, and hardness decides how fast.** The runs are
# those of {doc}`fig03_cifar100`, looked at by step.
#
# The *effective rank* is how many dimensions the class means use, $C - 1$ at most, each counted by how much it is used. The
# *rank above the floor* counts all dimensions whose singular value is above $e^{-10}$ of the largest. *Clusters* are class means
# that are told apart: those within half a unit of each other count as one.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
dataset: str = "auto"  # such as cifar100; auto: 100 classes
hardness: list[float] = []  # values of beta; empty: the figure's
seeds: list[int] = []  # one run a setting each; empty: all that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl.companion import (
    figures,
    mechanism_runs,
    pages,
    parameters,
    report,
    scoreboard,
)
from hcl.companion.entries_mechanism import RUNS
from IPython.display import Markdown

parameters.check()
page = pages.begun(
    "mechanism_course",
    profile,
    dataset=dataset,
    hardness=hardness,
    seeds=seeds,
    epochs=epochs,
)
page.note()

# %% [markdown]
# ## The course of the rank

# %% mystnb={"figure": {"caption": "Supervised runs of Figure 3. Older records did not follow clusters.", "name": "fig-mechanism-course"}, "image": {"alt": "Effective rank, rank above the floor and clusters by epoch, a line for each hardness: all fall at first; without hardness they stay low, with it they climb."}}
figures.metric_panels(
    page.runs,
    figures.recorded(page.runs, ["effective_rank", "rank", "clusters"]),
)

# %%
course = mechanism_runs.course_table(page.runs)
report.show_table(course, 1)

# %% [markdown]
# *Half of it*: the first evaluation at which half of the dimensions are in use; evaluations are some hundred steps apart. A dash:
# never, or not followed.
#
# Without hard negatives the rank does not come back. With them it does, soonest at a moderate hardness: what a spread within
# classes does to the rate ({doc}`mechanism`) is of that kind. Where clusters were followed, all classes are apart long before all
# dimensions are in use: the classes part into a few dimensions first, and these multiply.
#
# ## CIFAR-10, and images a class
#
# With more images a class the encoder fits each less, and classes stay spread for longer. The table takes the runs of
# {doc}`fig05_cifar10` with 200 images a class, and whatever is recorded with 1,000.

# %%
ten = [
    run
    for name in ("fig05", "mechanism_images")
    for run in pages.recorded(name, "workstation", seeds=[0, 1, 2])
    if run.spec.supervised
]
report.show_table(mechanism_runs.course_table(ten), 1)

# %%
report.show_table(mechanism_runs.images_table(ten), 3)

# %% [markdown]
# ## Runs that are still to be made
#
# They ask how much of Dimensional-Collapse is the loss's geometry and how much the optimiser's, whose steps stay large where the
# gradient vanishes (Adam's eps, a learning rate that falls); whether a hardness that rises or falls does better than a fixed one;
# and what images a class and the size of a batch do, at as many steps and at as many epochs. All with three seeds. They come
# after the runs of all other figures, in this order; if hours are short the last rows are dropped first, then the further
# seeds.

# %%
planned = mechanism_runs.planned()
report.show_table(planned, 1)

# %%
Markdown(
    f"{planned.loc['all', 'number']:.0f} runs, of which "
    f"{planned.loc['all', 'recorded']:.0f} are recorded; the others take about "
    f"{planned.loc['all', 'hours left']:.0f} hours of one core. "
    "`hcl campaign mechanism_eps --profile workstation` makes those of the "
    "first row."
)

# %% [markdown]
# ## What is seen, as claims
#
# Statements of this project, not of the paper. Those that wait for their runs say so.

# %%
pages.show_verdicts(
    scoreboard.of_figure("mechanism_course", *RUNS).drop(
        columns=["reason", "runs"]
    )
)
