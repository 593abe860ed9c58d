# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Figure 13: SimCLR sampling, InfoNCE
#
# Anchor and positive are two augmentations of one image (crop, flip, colour jitter, grey, blur: D15), labels are not used
# to pair them. In the supervised settings they are used for the negatives, which are of other classes (D14). The loss
# is that of the other figures, InfoNCE with $k = 256$ negatives; {ref}`Figure 12 <fig-simclr-metrics>` has SimCLR's own. The
# paper reports that no setting attains Neural-Collapse, that the representations stay inside the ball, and that hard
# negatives still mitigate Dimensional-Collapse.
#
# {prf:ref}`theorem-2` holds here, {prf:ref}`theorem-3` need not: its condition (e), that positive and anchor are independent given the class,
# fails for two views of one image, so that a UCL loss below its `bound` would be no error.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu or paper; auto takes the best that has been run
dataset: str = "auto"  # name of a data set, as cifar100; auto takes the paper's or what stands in for it
hardness: list[float] = []  # values of beta; empty takes the paper's 0, 2, 5, 10, 30
seeds: list[int] = []  # one run of each setting a seed, several give bands; empty takes those that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl.companion import figures, pages, parameters

parameters.check()
page = pages.load("fig13", profile, dataset=dataset, hardness=hardness, seeds=seeds, epochs=epochs)
page.note()

# %% [markdown]
# ## Singular values and metrics

# %% mystnb={"figure": {"caption": "Figure 13, top: spectrum of the covariance of the class means in the last epoch. Flat is an ETF, a cliff is Dimensional-Collapse; below the grey line is rounding noise.", "name": "fig-infonce-spectrum"}, "image": {"alt": "Natural logarithm of the normalised singular values of the covariance of the class means by hardness, supervised left and unsupervised right."}}
figures.spectrum_panels(page.runs)

# %%
page.summary()

# %% mystnb={"figure": {"caption": "Figure 13, rows 2 to 4: the Neural-Collapse metrics by epoch. At Neural-Collapse the three are zero.", "name": "fig-infonce-metrics"}, "image": {"alt": "Zero-sum, unit-norm and equal inner-product metrics against epochs by hardness, supervised left and unsupervised right."}}
figures.metric_panels(page.runs, ["zero_sum", "unit_norm", "equal_inner_product"])

# %% [markdown]
# ## Measured against theory
#
# `bound` is the least loss ({eq}`eq-11`: SCL, HSCL; {eq}`eq-30`: UCL; {prf:ref}`theorem-2`, {prf:ref}`theorem-3`). `loss` is the run's own, hardened, loss and
# `plain_loss` that without hardening, both in eval mode. `within_class` is the mean distance of a representation to its
# class mean, `effective_rank` the exponential of the entropy of the spectrum, `clusters` counts class means that are apart:
# $0$, $C - 1$ and $C$ at Neural-Collapse. Values are medians over the last five evaluations, which isolated spikes leave
# alone; `best epoch` is that of the least own loss (D45).
#
# `squared_norm` is the mean squared norm of the features, `inside` the share of them inside the ball; class means can lie
# inside while features lie on the sphere.

# %%
page.table([*pages.COLUMNS, "squared_norm", "inside"])

# %% [markdown]
# ## What the paper says, and what came of it
#
# ✗ marks the numbers that do not agree with the claim, (?) those that another seed might turn, (…) those that had not
# settled. Each claim is judged by the runs that can judge it: *waiting* if these are still to be made, *not judged* if they
# have not settled or not fitted their images, *undecided* if what is asked is within what seeds do.

# %%
page.verdict_table()
