# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Figures 5 and 6: CIFAR-10
#
# Ten runs on real images: supervised (SCL, HSCL) and unsupervised (UCL, HUCL) contrastive learning at hardness
# $\beta = 0, 2, 5, 10, 30$, unit-ball normalisation, random initialisation, $d = C - 1 = 9$. The theory says that all
# but HUCL are best at Neural-Collapse: class means at an ETF, all images of a class at its mean. The paper reports that
# Adam gets there only with hard negatives. This page shows Figure 5 and the first row of Figure 6.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, gpu or paper; auto takes the best that has been run
dataset: str = "auto"  # cifar10, cifar100, tinyimagenet, tinyimagenet100 or digits; auto takes the profile's
hardness: list[float] = []  # values of beta; empty takes the paper's 0, 2, 5, 10, 30
seeds: list[int] = [0]  # one run of each setting a seed; several give bands
epochs: int = 0  # 0 takes the profile's

# %%
from IPython.display import Markdown
from myst_nb import glue

from hcl import claims, figures, paper, report

figures.set_theme()
study = paper.study("fig05", profile, dataset=dataset, hardness=hardness, seeds=seeds, epochs=epochs)
runs = study.runs()
Markdown(report.provenance_note(study, runs))

# %% mystnb={"figure": {"caption": "In one row: distance from an ETF by epoch, and the final spectra of the supervised runs.", "name": "fig-cifar10-headline"}, "image": {"alt": "Equal inner-product metric against epochs for five hardness levels, supervised and unsupervised, and the spectrum of the class means of the supervised runs.", "classes": "dark-light"}}
glue("fig05-headline", figures.headline(runs))

# %% [markdown]
# ## Accuracy and Neural-Collapse metrics by epoch
#
# Accuracy is that of the official code's mean classifier: the class whose training mean has the largest inner product
# with the image's representation (D38). The three metrics are those of the class means of the training images in eval
# mode; zero-sum is the norm of the *mean* of the class means, which is what the paper's numbers are (D33).

# %% mystnb={"figure": {"caption": "Figure 5: test accuracy and the three Neural-Collapse metrics by epoch. At Neural-Collapse the three are zero.", "name": "fig-cifar10-metrics"}, "image": {"alt": "Test accuracy, zero-sum, unit-norm and equal inner-product metrics against epochs for five hardness levels, supervised left and unsupervised right.", "classes": "dark-light"}}
figures.metric_panels(runs, ["test_accuracy", "zero_sum", "unit_norm", "equal_inner_product"])
# %% [markdown]
# ## Singular values of the class means

# %% mystnb={"figure": {"caption": "Figure 6, row 1: spectrum of the covariance of the class means in the last epoch. Flat is an ETF, a cliff is Dimensional-Collapse; below the dashed line is rounding noise.", "name": "fig-cifar10-spectrum"}, "image": {"alt": "Natural logarithm of the normalised singular values of the covariance of the class means for five hardness levels, supervised left and unsupervised right.", "classes": "dark-light"}}
figures.spectrum_panels(runs)
# %% [markdown]
# ## Measured against theory
#
# `bound` is the least loss (Theorem 2: SCL, HSCL; Theorem 3: UCL). `loss` is the run's own, hardened, loss and
# `plain_loss` that without hardening, both of the final representation in eval mode. Theorem 1 says that the first is
# never below the second. At Neural-Collapse the metrics are 0 and the rank is $C - 1$.

# %%
COLUMNS = ["test_accuracy", "loss", "plain_loss", "zero_sum", "unit_norm", "equal_inner_product", "rank"]
table = report.final_frame(runs, COLUMNS)
report.show_table(table)

# %% [markdown]
# ## What the paper says of these figures
#
# The paper gives no numbers for CIFAR-10, only curves. ✗ marks the numbers that do not agree with the claim; near zero
# means below .05.

# %%
verdicts = claims.verdicts(["fig05", "fig06"], runs, study.profile)
report.show_table(verdicts)

# %%
counts = ", ".join(f"{n} {status}" for status, n in verdicts["verdict"].value_counts().items())
glue("fig05-verdicts", counts, display=False)
glue("fig05-runs", f"{len(runs)} runs on {runs[0].spec.dataset}", display=False)
glue("fig05-profile", f"{study.profile} ({paper.PROFILES[study.profile].summary})", display=False)
best = table["equal_inner_product"].idxmin()
plain = [label for label in ("SCL", "UCL") if label in table.index]
Markdown(
    f"**What is seen.** {best} ends closest to an ETF: equal inner-product metric {table.loc[best, 'equal_inner_product']:.3f}, "
    f"rank {table.loc[best, 'rank']:.0f} of {runs[0].spec.num_classes - 1}"
    + "".join(
        f", against {table.loc[p, 'equal_inner_product']:.3f} and rank {table.loc[p, 'rank']:.0f} for {p}"
        for p in plain
    )
    + f". Of the {len(verdicts)} claims of the paper about these figures: {counts}."
)
