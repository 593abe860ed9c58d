# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Figure 4: Dimensional-Collapse on CIFAR-100
#
# The spectrum of the class means at the end of training, in four rows: features in the unit ball from random weights; in
# the unit ball from near-NC weights (those that HSCL with $\beta = 10$ ended with, a new optimiser: D26, {doc}`Table 2 <table2_near_nc>`); on the unit sphere;
# and not normalised ($f / \sqrt d$: D27). Each row has ten settings, and is shown at the best
# profile at which it has been run. The paper reports that hard negatives
# mitigate Dimensional-Collapse ({prf:ref}`definition-7`), that from the near-NC start only HUCL collapses, the more the harder, that sphere and ball
# behave alike, and that without normalisation nothing reaches Neural-Collapse.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
dataset: str = "auto"  # such as cifar100; auto: the paper's or its stand-in
hardness: list[float] = []  # values of beta; empty: the paper's 0, 2, 5, 10, 30
seeds: list[int] = []  # one run a setting each; empty: all that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl.companion import figures, pages, parameters

parameters.check()
page = pages.load(
    "fig04",
    profile,
    dataset=dataset,
    hardness=hardness,
    seeds=seeds,
    epochs=epochs,
)
page.note()

# %% [markdown]
# ## Singular values

# %% mystnb={"figure": {"caption": "Figure 4: spectrum of the covariance of the class means in the last epoch, ln of squared singular values over the largest (D40). Flat is an ETF, a cliff is Dimensional-Collapse; below the grey line is rounding noise.", "name": "fig-cifar100-rows"}, "image": {"alt": "Four rows of two panels: natural logarithm of the normalised singular values of the class means by hardness, for the unit ball, the near-NC start, the unit sphere and no normalisation."}}
figures.spectrum_panels(page.runs, page.titles)

# %% tags=["remove-input"]
page.interactive(["spectrum"])

# %%
page.summary()

# %% [markdown]
# ## In numbers
#
# *Rank* counts the values above $\ln = -10$; *effective rank* is the exponential of the entropy of the spectrum; *clusters*
# counts class means that are apart. An ETF has the first two at $C - 1$ and the last at $C$. The metrics, and the mean
# distance *within class* of a representation to its class mean, are zero at Neural-Collapse. Values are medians over the
# last five evaluations (D45).

# %%
page.table(
    [
        "rank",
        "effective_rank",
        "clusters",
        "equal_inner_product",
        "zero_sum",
        "unit_norm",
        "within_class",
        "test_accuracy",
    ]
)

# %% [markdown]
# ## What a rank is worth
#
# A rank counts the singular values above a floor, here from one percent of the largest ($\ln = -4.6$) to rounding noise
# ($-15$), and depends on it; an encoder before training, and class means that are random directions, have a high one.
# *Effective rank* and *clusters* need no floor. All are of the class means after the last epoch.

# %%
page.floor_table()

# %% [markdown]
# ## Ball and sphere

# %%
page.ball_and_sphere()

# %% [markdown]
# ## What the paper says, and what came of it
#
# ✗ marks the numbers that do not agree with the claim, (?) those that another seed might turn, (…) those that had not
# settled. Each claim is judged by the runs that can judge it: *waiting* if these are still to be made, *not judged* if they
# have not settled or not fitted their images, *undecided* if what is asked is within what seeds do.

# %%
page.verdict_table()
