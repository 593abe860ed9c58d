# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Figure 11: polynomial hardening on CIFAR-10
#
# Negatives weighted by $\prod_i \max(t_i + 1, 0)^\epsilon$ instead of $\prod_i e^{\beta t_i}$, at $\epsilon = 3, 5, 10, 20$, beside no
# hardening. The paper reports that a suitable $\epsilon$ attains Neural-Collapse, or nearly, supervised and unsupervised, and
# mitigates Dimensional-Collapse, as the exponential does in {ref}`Figure 5 <fig-cifar10-metrics>`. Both are hardening
# functions ({prf:ref}`definition-2`), and the theorems hold for either.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu or paper; auto takes the best that has been run
dataset: str = "auto"  # name of a data set, as cifar100; auto takes the paper's or what stands in for it
hardness: list[float] = []  # values of epsilon; empty takes the paper's 0, 3, 5, 10, 20
seeds: list[int] = []  # one run of each setting a seed, several give bands; empty takes those that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
import pandas as pd

from hcl.companion import figures, pages, parameters
from hcl.hardening import matching_beta

parameters.check()
page = pages.load("fig11", profile, dataset=dataset, hardness=hardness, seeds=seeds, epochs=epochs)
page.note()

# %% [markdown]
# ## Which β an ε corresponds to
#
# At Neural-Collapse only two inner products occur, $1$ within a class and $-1/(C-1)$ between classes. The $\beta$ that gives
# them the same ratio of weights (D12):

# %%
classes = page.runs[0].spec.num_classes
values = [value for value in page.study.figure.hardness if value]
pd.DataFrame({"ε": values, f"β that matches, C = {classes}": [round(matching_beta(e, classes), 2) for e in values]})

# %% [markdown]
# ## Singular values and metrics

# %% mystnb={"figure": {"caption": "Figure 11, top: spectrum of the covariance of the class means in the last epoch. Flat is an ETF, a cliff is Dimensional-Collapse; below the grey line is rounding noise.", "name": "fig-poly10-spectrum"}, "image": {"alt": "Natural logarithm of the normalised singular values of the covariance of the class means by hardness, supervised left and unsupervised right."}}
figures.spectrum_panels(page.runs)

# %%
page.summary()

# %% mystnb={"figure": {"caption": "Figure 11, rows 2 to 4: the Neural-Collapse metrics by epoch. At Neural-Collapse the three are zero.", "name": "fig-poly10-metrics"}, "image": {"alt": "Zero-sum, unit-norm and equal inner-product metrics against epochs by hardness, supervised left and unsupervised right."}}
figures.metric_panels(page.runs, ["zero_sum", "unit_norm", "equal_inner_product"])

# %% [markdown]
# ## Measured against theory
#
# `bound` is the least loss ({eq}`eq-11`: SCL, HSCL; {eq}`eq-30`: UCL; {prf:ref}`theorem-2`, {prf:ref}`theorem-3`). `loss` is the run's own, hardened, loss and
# `plain_loss` that without hardening, both in eval mode. `within_class` is the mean distance of a representation to its
# class mean, `effective_rank` the exponential of the entropy of the spectrum, `clusters` counts class means that are apart:
# $0$, $C - 1$ and $C$ at Neural-Collapse. Values are medians over the last five evaluations, which isolated spikes leave
# alone; `best epoch` is that of the least own loss (D45).

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
