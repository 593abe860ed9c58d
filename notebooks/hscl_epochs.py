# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # H-SCL, Figures 4 and 5: is Assumption 1 true, and are the losses in order?
#
# {doc}`hscl` derives when the H-SCL loss, which needs labels, is at most the H-UCL loss, which does not: where
# *Assumption 1* holds, hard negatives of the anchor's own class being at least as near as hard ones of other classes.
# Figure 4 of that work {cite:p}`jiang2022supervised` shows at how many anchors it holds while H-UCL trains, Figure 5
# the four losses. Its text has no numbers of either.
#
# Here both come from one training with H-UCL ($\beta = 1$ at temperature .5) for each data set: SimCLR's two
# augmented views, unit vectors in 128 dimensions, batch 256, Adam with a weight decay of $10^{-6}$, as in its
# official code. Its ResNet-50 is replaced by this profile's encoder. After an epoch the four losses and the
# assumption are measured on the same features: those of ten batches of training images, two new views each, in
# evaluation mode. The negatives of an anchor are all other views but its own second one, which would make the
# assumption nearly automatic.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: best run
dataset: str = "auto"  # such as cifar10; auto: a hundred classes and CIFAR-10
seeds: list[int] = []  # one run a setting each; empty: all that are recorded
epochs: int = 0  # 0 takes the profile's

# %%
from hcl.companion import figures_hscl, hscl_tables, pages, parameters, report

parameters.check()
asked = {"dataset": dataset, "seeds": seeds, "epochs": epochs}
shown = {
    name: pages.begun(figure, profile, **asked)
    for name, figure in (
        ("100 classes", "hscl_epochs"),
        ("CIFAR-10", "hscl_epochs_cifar10"),
    )
}
page = pages.together(list(shown.values()))
page.note()

# %% [markdown]
# ## Figure 4: how many anchors satisfy Assumption 1
#
# The first two panels are of thresholds, the last two of the exponential function. An anchor without hard negatives
# of its own class counts as one that satisfies it: nothing can be wrong there. Half of the anchors is marked.

# %% mystnb={"figure": {"caption": "Share of anchors that satisfy Assumption 1, by epoch of one training with H-UCL.", "name": "fig-hscl-assumption"}, "image": {"alt": "Four panels, for two thresholds and two values of beta: the share of anchors that satisfy Assumption 1 against epochs, a line for each data set."}}
figures_hscl.assumption({name: each.runs for name, each in shown.items()})

# %% [markdown]
# ## Figure 5: the four losses
#
# All four are losses for infinitely many negatives, of the same features. Only H-UCL at $\beta = 1$ was trained.
# Hardening never lowers a loss ({prf:ref}`theorem-1`), so H-UCL lies above UCL and H-SCL above SCL; that H-SCL lies
# below H-UCL is the claim.

# %% mystnb={"figure": {"caption": "Four losses on a hundred classes, by epoch of one training with H-UCL.", "name": "fig-hscl-losses"}, "image": {"alt": "Four panels, for two thresholds and two values of beta: UCL, SCL, H-UCL and H-SCL losses against epochs."}}
figures_hscl.losses(shown["100 classes"].runs)

# %% mystnb={"figure": {"caption": "The same on CIFAR-10.", "name": "fig-hscl-losses-cifar10"}, "image": {"alt": "Four panels as before, on CIFAR-10."}}
figures_hscl.losses(shown["CIFAR-10"].runs)

# %% [markdown]
# ## Numbers
#
# After the last epoch, and the least at any epoch after the start. *H-UCL less H-SCL* above 0 is what the assumption
# promises. Where *H-SCL less UCL* is above 0, UCL bounds H-SCL from below.

# %%
report.show_table(
    hscl_tables.by_epoch({name: each.runs for name, each in shown.items()}), 3
)

# %% [markdown]
# ## What that work says, and what came of it
#
# "More than half" is our reading of a plot without numbers at hand.

# %%
page.verdict_table()
