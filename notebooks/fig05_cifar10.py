# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Figure 5: CIFAR-10
#
# Ten settings on real images: supervised (SCL, HSCL) and unsupervised (UCL, HUCL) contrastive learning at hardness
# $\beta = 0, 2, 5, 10, 30$, unit-ball normalisation, random initialisation, $d = C - 1 = 9$. The theory says that all
# but HUCL are best at Neural-Collapse ({prf:ref}`definition-6`): class means at an ETF, all images of a class at its mean. The paper reports that
# Adam gets there only with hard negatives. {ref}`Figure 6 <fig-cifar10-rows>` has the other starts and
# normalisations, {ref}`Figure 3 <fig-cifar100-metrics>` the same on a hundred classes.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu or paper; auto takes the best that has been run
dataset: str = "auto"  # name of a data set, as cifar100; auto takes the paper's or what stands in for it
hardness: list[float] = []  # values of beta; empty takes the paper's 0, 2, 5, 10, 30
seeds: list[int] = []  # one run of each setting a seed, several give bands; empty takes those that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl.companion import figures, pages, parameters, report

parameters.check()
page = pages.load("fig05", profile, dataset=dataset, hardness=hardness, seeds=seeds, epochs=epochs)
page.note()

# %% mystnb={"figure": {"caption": "The main result on ten classes: distance from an ETF by epoch, and the final spectra of the supervised runs, a line a seed.", "name": "fig-cifar10-headline"}, "image": {"alt": "Equal inner-product metric against epochs for five hardness levels, supervised and unsupervised, and the spectrum of the class means of the supervised runs."}}
figures.headline(page.runs)

# %%
page.summary()

# %% [markdown]
# ## Accuracy and Neural-Collapse metrics by epoch
#
# Accuracy is that of the official code's mean classifier: the class whose training mean has the largest inner product
# with the image's representation (D38). The three metrics are those of the class means of the training images in eval
# mode (D36); zero-sum is the norm of the *mean* of the class means, which is what the paper's numbers are (D33).

# %% mystnb={"figure": {"caption": "Figure 5: test accuracy and the three Neural-Collapse metrics by epoch; a band is one standard deviation over seeds to either side. At Neural-Collapse the three are zero.", "name": "fig-cifar10-metrics"}, "image": {"alt": "Test accuracy, zero-sum, unit-norm and equal inner-product metrics against epochs for five hardness levels, supervised left and unsupervised right."}}
figures.metric_panels(page.runs, ["test_accuracy", "zero_sum", "unit_norm", "equal_inner_product"])

# %% [markdown]
# ## Dimensions by epoch, and the best epoch
#
# A run can be at Neural-Collapse and leave it: a spike of the loss throws the classes together, and plain SCL need not
# bring them apart again. The table sets the epoch of the least own loss beside the settled values.

# %% mystnb={"figure": {"caption": "Effective rank and, where a run has recorded it by epoch, number of clusters of class means.", "name": "fig-cifar10-course"}, "image": {"alt": "Effective rank and, where recorded, clusters of class means against epochs by hardness, supervised left and unsupervised right."}}
figures.metric_panels(page.runs, figures.recorded(page.runs, ["effective_rank", "clusters"]))

# %%
report.show_table(report.course_frame(page.runs))

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
