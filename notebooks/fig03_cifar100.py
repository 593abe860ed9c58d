# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Figure 3: CIFAR-100
#
# The paper's main experiment: supervised (SCL, HSCL) and unsupervised (UCL, HUCL) contrastive learning at hardness
# $\beta = 0, 2, 5, 10, 30$ on 100 classes, $d = C - 1 = 99$, unit-ball normalisation, random initialisation. The paper
# reports that hard negatives gain more than 40 points of accuracy, that SCL and UCL stay away from Neural-Collapse, and
# that HSCL at $\beta = 5, 10, 30$, and of the unsupervised settings only $\beta = 5$, get there. {ref}`Figure 4 <fig-cifar100-rows>` has the
# spectra of the class means, {doc}`Table 1 <table1_losses>` the losses.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
dataset: str = "auto"  # such as cifar100; auto: the paper's or its stand-in
hardness: list[float] = []  # values of beta; empty: the paper's 0, 2, 5, 10, 30
seeds: list[int] = []  # one run a setting each; empty: all that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl.companion import figures, pages, parameters, published, report
from IPython.display import Markdown
from myst_nb import glue

parameters.check()
page = pages.load(
    "fig03",
    profile,
    dataset=dataset,
    hardness=hardness,
    seeds=seeds,
    epochs=epochs,
)
page.note()

# %% mystnb={"figure": {"caption": "The main result: distance from an ETF by epoch, and the final spectra of the supervised runs, a line a seed. Diamonds: what the paper reports at the end of its training on CIFAR-100 (D47).", "name": "fig-cifar100-headline"}, "image": {"alt": "Equal inner-product metric against epochs for five hardness levels, supervised and unsupervised, and the spectrum of the class means of the supervised runs."}}
glue("fig03-headline", figures.headline(page.runs, published.FIGURE_3))

# %%
page.summary()

# %% [markdown]
# ## Accuracy and Neural-Collapse metrics by epoch
#
# Accuracy is that of the official code's mean classifier (D38). Zero-sum is the norm of the *mean* of the class means, as
# in the paper's plots (D33); the equal inner products are those of {eq}`eq-13`.

# %% mystnb={"figure": {"caption": "Figure 3: test accuracy and the three Neural-Collapse metrics by epoch; a band is one standard deviation over seeds to either side. Diamonds: what the paper reports at the end of its training on CIFAR-100 (D47).", "name": "fig-cifar100-metrics"}, "image": {"alt": "Test accuracy, zero-sum, unit-norm and equal inner-product metrics against epochs for five hardness levels, supervised left and unsupervised right."}}
METRICS = ["test_accuracy", "zero_sum", "unit_norm", "equal_inner_product"]
figures.metric_panels(page.runs, METRICS, published=published.FIGURE_3)

# %% tags=["remove-input"]
page.interactive(
    ["test_accuracy", "zero_sum", "unit_norm", "equal_inner_product"]
)

# %% [markdown]
# ## Classes that merge
#
# An accuracy near $10\,\%$ on 100 classes, as the official notebook shows for SCL, is what is left when the class means
# fall into some ten clusters (D46). A figure that the paper does not have: the number of clusters of class means, two
# means closer than $.5$ being in one; at an ETF all are $1.4$ apart.

# %% mystnb={"figure": {"caption": "Clusters of class means in the last epoch; with all classes apart there are as many as classes.", "name": "fig-cifar100-clusters"}, "image": {"alt": "Bars of the number of clusters of class means by hardness, supervised and unsupervised."}}
figures.cluster_panel(page.runs)

# %% [markdown]
# ## Dimensions by epoch
#
# In a long run the rank above $\ln = -10$ falls first, and then climbs where hard negatives are of use; a short run shows
# the opposite of a long one. The effective rank, which needs no floor, climbs from early on.

# %% mystnb={"figure": {"caption": "Rank above ln = -10, effective rank and, where a run has recorded it by epoch, number of clusters of class means. Diamonds: what the paper reports for CIFAR-100 (D47).", "name": "fig-cifar100-course"}, "image": {"alt": "Rank, effective rank and, where recorded, clusters of class means against epochs by hardness, supervised left and unsupervised right."}}
COURSE = figures.recorded(page.runs, ["rank", "effective_rank", "clusters"])
figures.metric_panels(page.runs, COURSE, published=published.FIGURE_3)

# %% tags=["remove-input"]
page.interactive(["rank", "effective_rank", "clusters"])

# %% [markdown]
# ## Given more time
#
# At `workstation` the unsupervised run at $\beta = 5$ has not settled after 600 epochs. One more run, on half the images
# and for two and a half times as many epochs, shows where it goes.

# %% mystnb={"figure": {"caption": "The long run: distance from an ETF, effective rank and number of clusters of class means by epoch.", "name": "fig-cifar100-long"}, "image": {"alt": "Equal inner-product metric, effective rank and clusters of class means against epochs of the long run at hardness 5."}}
long = pages.recorded("fig03_long", "workstation")
figures.metric_panels(
    long, ["equal_inner_product", "effective_rank", "clusters"]
) if long else Markdown("*The long run is still to be made.*")

# %% tags=["remove-input"]
page.interactive(["equal_inner_product", "effective_rank", "clusters"], long)

# %% [markdown]
# ## What a rank is worth
#
# A rank counts the singular values above a floor, here from one percent of the largest ($\ln = -4.6$) to rounding noise
# ($-15$), and depends on it; an encoder before training, and class means that are random directions, have a high one.
# *Effective rank* and *clusters* need no floor. All are of the class means after the last epoch.

# %%
page.floor_table()

# %% [markdown]
# ## Beside the paper's numbers
#
# The paper prints no numbers for this figure. Those of the columns marked *paper* are from the plots and outputs that its
# official notebooks saved, CIFAR-100 at epoch 400 (D47).

# %%
means, _ = report.settled_frame(page.runs, list(published.FIGURE_3))
report.show_table(report.beside(means, published.FIGURE_3))

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

# %%
glue("fig03-verdicts", page.counts, display=False)
glue(
    "fig03-runs",
    f"{len(page.runs)} runs on {page.study.dataset}",
    display=False,
)
glue("fig03-profile", page.profile, display=False)
glue("fig03-result", page.result, display=False)
