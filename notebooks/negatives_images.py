# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # More negatives on real images
#
# {doc}`negatives` and {doc}`negatives_unbalanced` are about what minimises the loss. A network that is trained need not get there. So Awasthi,
# Dikkala and Kamath {cite:p}`awasthi2022negative` train on CIFAR-10 and CIFAR-100 and show the *cosine similarities of class means*: at an ETF all
# are $-1/(C - 1)$.
#
# Here a small network is trained on CIFAR-10 with their loss, without $1/k$, on the unit sphere, with 1, 16 and 512
# negatives. Positives are images of the anchor's class. *Balanced* has as many images of each class; *unbalanced* has as many in all, ten times as many of the
# first class as of the last, by equal factors from class to class. The test images are balanced in both. A batch holds the anchor
# itself among its negatives and positives (D4, D5), which the setting of {doc}`negatives` does not have.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
dataset: str = "auto"  # such as cifar100; auto: CIFAR-10
hardness: list[float] = []  # of hard negatives; empty: 0, none
seeds: list[int] = []  # one run a setting each; empty: all that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl.companion import figures_negatives, pages, parameters, report
from hcl.companion import negatives_images as images

parameters.check()
page = pages.begun(
    "negatives_images",
    profile,
    dataset=dataset,
    hardness=hardness,
    seeds=seeds,
    epochs=epochs,
)
page.note()

# %% [markdown]
# ## Cosine similarities of class means

# %% mystnb={"figure": {"caption": "For each class, from the first, the cosines of its mean with those of the others, in the last epoch.", "name": "fig-negatives-cosines"}, "image": {"alt": "Dots of cosine similarities by class, a panel for each number of negatives, balanced above and unbalanced below, with a line at the value of an ETF."}}
figures_negatives.cosines(images.cosines(page.runs))

# %% [markdown]
# ## Losses and accuracy
#
# *downstream loss* is that of the best linear classifier with unit weights on the training images, $L_{sup}$; *on test* that of the same
# weights on test images. *nearest mean* is the share of test images whose nearest class mean is their own. The least contrastive loss is that of {prf:ref}`theorem-3`, for balanced
# classes.

# %%
report.show_table(images.table(page.runs), 3)

# %% [markdown]
# ## The claims of that work, and what came of them
#
# Claims that wait for their runs say so; `hcl campaign negatives_images --profile workstation` makes these.

# %%
page.verdict_table()
