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
# is {eq}`eq-42`, the limit of many negatives times $Q$ = the number of views less two (D13; the caption's "Eq. 44" is {eq}`eq-42`: P6). The
# paper reports that no setting attains Neural-Collapse, that the representations stay inside the ball, and that hard
# negatives still mitigate Dimensional-Collapse.
#
# {prf:ref}`theorem-2` and {prf:ref}`theorem-3` are of other losses, but the former has a form for this one: if all negatives are of other classes, as in
# the supervised settings, it is least at Neural-Collapse, where it is $\log(1 + Q e^{-C/(C-1)})$.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
dataset: str = "auto"  # such as cifar100; auto: the paper's or its stand-in
hardness: list[float] = []  # values of beta; empty: the paper's 0, 2, 5, 10, 30
seeds: list[int] = []  # one run a setting each; empty: all that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
import math

from hcl.companion import figures, pages, parameters
from IPython.display import Markdown

parameters.check()
page = pages.load(
    "fig12",
    profile,
    dataset=dataset,
    hardness=hardness,
    seeds=seeds,
    epochs=epochs,
)
page.note()

# %% [markdown]
# ## Singular values and metrics

# %% mystnb={"figure": {"caption": "Figure 12, top: spectrum of the covariance of the class means in the last epoch. Flat is an ETF, a cliff is Dimensional-Collapse; below the grey line is rounding noise.", "name": "fig-simclr-spectrum"}, "image": {"alt": "Natural logarithm of the normalised singular values of the covariance of the class means by hardness, supervised left and unsupervised right."}}
figures.spectrum_panels(page.runs)

# %% tags=["remove-input"]
page.interactive(["spectrum"])

# %%
page.summary()

# %% mystnb={"figure": {"caption": "Figure 12, rows 2 to 4: the Neural-Collapse metrics by epoch. At Neural-Collapse the three are zero.", "name": "fig-simclr-metrics"}, "image": {"alt": "Zero-sum, unit-norm and equal inner-product metrics against epochs by hardness, supervised left and unsupervised right."}}
figures.metric_panels(
    page.runs, ["zero_sum", "unit_norm", "equal_inner_product"]
)

# %% tags=["remove-input"]
page.interactive(["zero_sum", "unit_norm", "equal_inner_product"])

# %% [markdown]
# ## Measured against theory
#
# *Least loss (bound)* is the least supervised loss, {prf:ref}`theorem-2` with the weight $Q$ of {eq}`eq-42`, here the number of views less two. The
# unsupervised loss has none: {prf:ref}`theorem-3` asks for a positive that depends on the anchor's class only, and two views of one
# image do not. *loss* is the run's own, hardened one and *loss without hardening* the plain one, both in eval mode. *within class* is the mean distance of a representation to its
# class mean, *effective rank* the exponential of the entropy of the spectrum, *clusters* counts class means that are apart:
# $0$, $C - 1$ and $C$ at Neural-Collapse. Values are medians over the last five evaluations, which isolated spikes leave
# alone; *best epoch* is that of the least own loss (D45).
#
# *squared norm* is the mean squared norm of the features, *inside* the share of them inside the ball; class means can lie
# inside while features lie on the sphere.

# %%
spec = page.runs[0].spec
others = 2 * spec.batch_size - 2
least = math.log1p(
    others * math.exp(-spec.num_classes / (spec.num_classes - 1))
)
Markdown(
    f"**The least loss is {least:.4f}** if all {others} negatives are of other "
    "classes."
)

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
