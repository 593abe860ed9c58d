# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The idea in pictures
#
# For readers who have never heard of Neural-Collapse. What is drawn as a picture of a training run is drawn from a
# recorded one.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
hardness: list[float] = []  # values of beta to run again; empty: the paper's
seeds: list[int] = []  # of runs on 100 classes; empty: all that are recorded

# %% [markdown]
# ## What is trained
#
# A network turns each picture into a point, its {term}`embedding`. Contrastive training looks at one picture, the
# {term}`anchor`, and compares it with others: a {term}`positive`, which belongs to it, and several
# {term}`negatives <negative>`, which do not. With labels (*supervised*) a negative is a picture of another class; without
# (*unsupervised*) it is any picture, so that now and then it is of the anchor's own class. The loss falls when the
# positive comes closer and the negatives move away.

# %%
from hcl.companion import idea_figures, parameters

parameters.check()
idea_figures.samples()

# %% [markdown]
# ## The best arrangement
#
# Pull and push as hard as can be, and where do the points end? All pictures of a class on one spot, and the spots of
# different classes as far from each other as they can be, all at once. On a circle or a ball that is a segment for two
# classes, a triangle for three, a tetrahedron for four. Its name is {term}`Equiangular Tight Frame`:
#
# - *equiangular*: any two classes are the same angle apart,
# - *tight frame*: no direction is used more than another, and none is empty,
# - and what follows from it: the {term}`class means <class mean>` sum to zero.
#
# Training that ends there has reached {term}`Neural-Collapse`. The paper proves that nothing has a lower loss.

# %%
idea_figures.simplices()

# %% [markdown]
# ## What goes wrong
#
# In a hundred classes and 99 dimensions, ordinary training does not get there. It uses a few directions well and leaves
# the others empty. This is {term}`Dimensional-Collapse`. It shows in the {term}`spectrum` of the class means: how much of
# them lies in the direction used most, the second most, and so on.

# %%
from hcl.companion import idea_records, notes, pages
from IPython.display import display

page = pages.load("fig03", profile, hardness=hardness, seeds=seeds)
plain = next(run for run in page.runs if run.spec.method == "SCL")
supervised = [run for run in page.runs if run.spec.method == "HSCL"]
hard = next(
    (run for run in supervised if run.spec.hardness == 10), supervised[-1]
)
display(notes.origin([plain, hard]))
idea_records.spectra([plain, hard])

# %% [markdown]
# ## Classes that merge
#
# With too few directions there is no room for all classes. Whole groups of them end on the same spot, and no classifier
# can tell them apart again.

# %%
display(notes.origin([plain, hard]))
idea_records.merging([plain, hard])

# %% [markdown]
# ## What hard negatives do
#
# When two classes sit on one spot, only negatives from the other of the two push them apart, and of a hundred classes
# these are few. *Hardening* draws them more often: a negative of {term}`similarity` $t$ to the anchor gets a weight of
# $e^{\beta t}$. β is the {term}`hardness <hardness β>`; β = 0 leaves the draw as it is. The most similar negatives, which
# were drowned out, become most of what the network is shown.

# %%
similar = [
    run
    for run in [*page.runs, *pages.recorded("fig05", "workstation")]
    if "similarities" in run.arrays
]
shown = next((run for run in similar if run.spec.method == "SCL"), similar[0])
display(notes.origin([shown]))
idea_records.hardening(shown)

# %% [markdown]
# Without labels this has a price. The most similar of all pictures are those of the anchor's own class, and with a high β
# they are what is pushed away. The paper says that one hardness, neither low nor high, is best there.
#
# ## Watch it happen
#
# Three classes in two dimensions, few enough to see every point. Here even plain training finds the triangle, with labels
# or without. Hard negatives without labels do not end there: they push points of one class apart.

# %%
from hcl.companion import idea_moving

synthetic = idea_moving.with_points(
    pages.load("fig02", profile, seeds=[1]).runs
)
by_label = [run for run in synthetic if run.spec.positives == "label"]
wanted = [("SCL", 0), ("UCL", 0), ("HUCL", 10)]
shown = [
    run for run in by_label if (run.spec.method, run.spec.hardness) in wanted
]
display(notes.origin(shown))
idea_moving.moving(shown)

# %% [markdown]
# ## What is asked
#
# Does training with hard negatives really end at Neural-Collapse, with which hardness, and on which data? The
# {doc}`scoreboard` has the answers, claim by claim. {doc}`fig03_cifar100` is the main experiment, {doc}`../reading` says
# what a verdict is, and {doc}`../glossary` has every term on one page.

# %%
from hcl.companion import front
from IPython.display import HTML
from myst_nb import glue

glue("front-beside", HTML(front.beside_table(page.runs)), display=False)
glue("front-result", front.result(page.runs), display=False)
glue("front-data", front.data_note(page.runs), display=False)
