# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Losses of other works, trained
#
# {doc}`neighbours` shows where each loss is least. A network that is trained need not get there. Without hard negatives SCL and
# UCL do not, on a hundred classes ({doc}`fig03_cifar100`). Do SupCon, SINCERE, the debiased, the triplet and the spectral loss?
#
# Here the same encoder is trained with each of them on the same images, for as many epochs, in the same batches and from
# the same seeds as in Figure 3, whose runs stand beside them. All have positives by label. Features lie in the unit ball of
# $C - 1$ dimensions. The temperature is 1, as in the paper; SupCon and SINCERE are trained with their own of $.1$ too.
#
# - The *debiased* loss takes off a share of .01, that of a class among a hundred, and has as many negatives as a batch has other
#   items. *Debiased and hard* has the hard negatives of Robinson et al., β = 5, with a gradient through their weights, as in their code.
# - The *triplet* loss is Algorithm 1 with one negative an anchor. Its margin of .1 is that of FaceNet, .2 between squared
#   distances.
# - SupCon, SINCERE, the debiased and the spectral loss take every item of the batch once. Algorithm 1 draws 256, and the anchor
#   is among its own positives (D5).

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
dataset: str = "auto"  # such as cifar10; auto: a hundred classes
hardness: list[float] = []  # values of beta; empty: 0, 5 and 10
seeds: list[int] = []  # one run a setting each; empty: all that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl.companion import figures_neighbours, pages, parameters, report
from hcl.companion import neighbours_trained as trained

parameters.check()
page = pages.begun(
    "neighbours_trained",
    profile,
    dataset=dataset,
    hardness=hardness,
    seeds=seeds,
    epochs=epochs,
)
page.note()

# %% [markdown]
# ## Where each loss ends
#
# A sign is a run. The line is Neural-Collapse. *waits* marks losses whose runs are still to be made.

# %% mystnb={"figure": {"caption": "Geometry and test accuracy at the end of training, by loss.", "name": "fig-neighbours-ends"}, "image": {"alt": "Six panels with a row for each loss: effective rank, clusters, equal inner product, and accuracy of the mean classifier, of a linear probe and of nearest neighbours."}}
figures_neighbours.ends(
    trained.by_setting(page.study, page.runs),
    page.study.specs[0].num_classes,
)

# %% [markdown]
# Means over seeds. *Linear probe* looks at the features before the projection head, *k-NN* at the representations. *ms a step* is what
# training took on the machine of the record, which may have had other work: differences of a third are no difference.

# %%
report.show_table(trained.table(page.study, page.runs))

# %% [markdown]
# ## The runs, and what is dropped first
#
# Runs are made in this order. If hours are short the last are dropped: further seeds before seed 0, and of one seed the
# losses at a temperature of their own. What is left is estimated by the records of other runs with this encoder, one
# after another on one core.

# %%
report.show_table(trained.plan(page.study))

# %% [markdown]
# ## What this project asks of them, and what came of it
#
# These statements are not in the paper. How each is judged was fixed before its runs were made.

# %%
page.verdict_table()
