# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Figure 7: Tiny-ImageNet
#
# The paper's largest data set: 200 classes of 500 training images, brought from 64 to 32 pixels (D23; the paper's "120000
# images" are the training, validation and test splits together, of which 100,000 train: P10). Test accuracy is on the
# 10,000 labelled validation images. The paper reports that HSCL at $\beta = 5, 10, 30$ comes close to Neural-Collapse, and that
# HUCL is best at $\beta = 5$ and far off at $30$, as in {ref}`Figure 3 <fig-cifar100-metrics>`.

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
    "fig07",
    profile,
    dataset=dataset,
    hardness=hardness,
    seeds=seeds,
    epochs=epochs,
)
page.note()

# %% [markdown]
# ## Singular values and metrics

# %% mystnb={"figure": {"caption": "Figure 7, top: spectrum of the covariance of the class means in the last epoch. Flat is an ETF, a cliff is Dimensional-Collapse; below the grey line is rounding noise.", "name": "fig-tinyimagenet-spectrum"}, "image": {"alt": "Natural logarithm of the normalised singular values of the covariance of the class means by hardness, supervised left and unsupervised right."}}
figures.spectrum_panels(page.runs)

# %% tags=["remove-input"]
page.interactive(["spectrum"])

# %%
page.summary()

# %% mystnb={"figure": {"caption": "Figure 7, rows 2 to 4: the Neural-Collapse metrics by epoch. At Neural-Collapse the three are zero.", "name": "fig-tinyimagenet-metrics"}, "image": {"alt": "Zero-sum, unit-norm and equal inner-product metrics against epochs by hardness, supervised left and unsupervised right."}}
figures.metric_panels(
    page.runs, ["zero_sum", "unit_norm", "equal_inner_product"]
)

# %% tags=["remove-input"]
page.interactive(["zero_sum", "unit_norm", "equal_inner_product"])

# %% [markdown]
# ## What a rank is worth
#
# A rank counts the singular values above a floor, here from one percent of the largest ($\ln = -4.6$) to rounding noise
# ($-15$), and depends on it; an encoder before training, and class means that are random directions, have a high one.
# *Effective rank* and *clusters* need no floor. All are of the class means after the last epoch.

# %%
page.floor_table()

# %% [markdown]
# ## Measured against theory
#
# *Least loss (bound)* is known in closed form ({eq}`eq-11`: SCL, HSCL; {eq}`eq-30`: UCL; {prf:ref}`theorem-2`, {prf:ref}`theorem-3`). *loss* is the run's own, hardened one and
# *loss without hardening* the plain one, both in eval mode. *within class* is the mean distance of a representation to its
# class mean, *effective rank* the exponential of the entropy of the spectrum, *clusters* counts class means that are apart:
# $0$, $C - 1$ and $C$ at Neural-Collapse. Values are medians over the last five evaluations, which isolated spikes leave
# alone; *best epoch* is that of the least own loss (D45).

# %%
page.table()

# %% [markdown]
# ## What the paper says, and what came of it
#
# ✗ marks the numbers that do not agree with the claim, (?) those that another seed might turn, (…) those that had not
# settled. Each claim is judged by the runs that can judge it: *waiting* if these are still to be made, *not judged* if they
# have not settled or not fitted their images, *undecided* if what is asked is within what seeds do.

# %%
page.verdict_table()
