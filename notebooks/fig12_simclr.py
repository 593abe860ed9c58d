# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Figure 12: SimCLR sampling, SimCLR loss
#
# Anchor and positive are two augmentations of one image (crop, flip, colour jitter, grey, blur: D15), labels are not used
# to pair them. In the supervised settings they are used for the negatives, which are of other classes (D14). The loss
# is eq. (42), the limit of many negatives times $Q$ = the number of views less two (D13; the caption's "Eq. 44" is (42): P6). The
# paper reports that no setting attains Neural-Collapse, that the representations stay inside the ball, and that hard
# negatives still mitigate Dimensional-Collapse.
# Theorems 2 and 3 are not about this loss, so there is no bound.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, gpu or paper; auto takes the best that has been run
dataset: str = "auto"  # name of a data set, as cifar100; auto takes the paper's or what stands in for it
hardness: list[float] = []  # values of beta; empty takes the paper's 0, 2, 5, 10, 30
seeds: list[int] = []  # one run of each setting a seed, several give bands; empty takes those that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl import figures, pages

page = pages.load("fig12", profile, dataset=dataset, hardness=hardness, seeds=seeds, epochs=epochs)
page.note()

# %% [markdown]
# ## Singular values and metrics

# %% mystnb={"figure": {"caption": "Figure 12, top: spectrum of the covariance of the class means in the last epoch. Flat is an ETF, a cliff is Dimensional-Collapse; below the dashed line is rounding noise.", "name": "fig-simclr-spectrum"}, "image": {"alt": "Natural logarithm of the normalised singular values of the covariance of the class means by hardness, supervised left and unsupervised right.", "classes": "dark-light"}}
figures.spectrum_panels(page.runs)

# %% mystnb={"figure": {"caption": "Figure 12, rows 2 to 4: the Neural-Collapse metrics by epoch. At Neural-Collapse the three are zero.", "name": "fig-simclr-metrics"}, "image": {"alt": "Zero-sum, unit-norm and equal inner-product metrics against epochs by hardness, supervised left and unsupervised right.", "classes": "dark-light"}}
figures.metric_panels(page.runs, ["zero_sum", "unit_norm", "equal_inner_product"])

# %% [markdown]
# ## Measured against theory
#
# `bound` is the least loss (Theorem 2: SCL, HSCL; Theorem 3: UCL). `loss` is the run's own, hardened, loss and
# `plain_loss` that without hardening, both in eval mode. Values are medians over the evaluations of the last 20 epochs
# (a third of a shorter run), which isolated spikes leave alone; `best epoch` is that of the least own loss (D45).

# %%
page.table()

# %% [markdown]
# ## What the paper says, and what came of it
#
# ✗ marks the numbers that do not agree with the claim; near zero means below .05. A claim that the scale of the runs
# cannot test is *not run at this scale*: its numbers are shown, and not judged.

# %%
page.verdict_table()

# %%
page.summary()
