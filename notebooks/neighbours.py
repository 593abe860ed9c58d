# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Losses of other works
#
# The paper's losses pull an anchor to its positive and push it from negatives. So do those of many other works. This page puts
# six beside it: what each pushes from, what it has in common with the paper's losses, and where it is least. Everything is
# computed on a few points, without a network. {doc}`neighbours_trained` trains an encoder with each of them, at equal settings.
#
# *Notation.* Similarities are $s_{ij} = z_i^\top z_j / t$ with a temperature $t$, which is 1 on this page. $P(i)$ are the *other*
# items of the anchor's label, $N(i)$ those of other labels. Each loss is a mean over anchors $i$ and over positives
# $p \in P(i)$.
#
# - **SupCon** {cite:p}`khosla2020supervised` takes positives by label. It pushes from all other items, those of the anchor's class
#   among them: $\log \sum_{a \ne i} e^{s_{ia} - s_{ip}}$.
# - **SINCERE** {cite:p}`feeney2023sincere` leaves the anchor's class out of that: $\log(1 + \sum_{a \in N(i)} e^{s_{ia} - s_{ip}})$.
# - **The debiased loss** {cite:p}`chuang2020debiased` does so without labels. A share $\tau$ of the items it pushes from is of the
#   anchor's class by chance; what these bring is estimated from the positives $v$ and taken off:
#   $\log(1 + Q g_i e^{-s_{ip}})$ with $g_i = (E_u e^{s_{iu}} - \tau E_v e^{s_{iv}}) / (1 - \tau)$, or $e^{-1/t}$ if that is more.
# - **Hard negatives** {cite:p}`robinson2021contrastive` are the same with both means tilted by $e^{\beta s}$.
# - **The triplet loss** has one negative $a \in N(i)$ and a margin $m$: $\max(s_{ia} - s_{ip} + m, 0)$.
# - **The spectral loss** {cite:p}`haochen2021provable` squares similarities: $-2 s_{ip}$ and the mean of $s_{ia}^2$ over all other
#   items.

# %% tags=["parameters"]
restarts: int = 3  # random starts of each search, at least 1

# %%
from hcl.companion import (
    figures,
    neighbours,
    pages,
    parameters,
    report,
    scoreboard,
)

parameters.check()
figures.set_theme()
report.show_table(neighbours.sampling_table())

# %% [markdown]
# Four of them are of the paper's form, a convex function $\psi$ of differences $v = s_{ia} - s_{ip}$. The debiased loss is so too
# where nothing is taken off, $\tau = 0$.
#
# ## Which are losses of the paper
#
# Each line compares two losses on random points. They are the same to rounding, or they are not; the last column is the
# difference to a third loss, which shows that equality is no accident of the points. *UCL*, *SCL* and *HSCL* are this library's,
# each negative taken once or in expectation, and with positives that are not the anchor.

# %%
report.show_table(neighbours.identities(), 3)

# %% [markdown]
# **SupCon is UCL with positives by label; SINCERE is SCL.** The debiased loss is SCL exactly if $\tau$ is the share of the
# anchor's class in the batch: then the labels of negatives need not be known. That is not so with hard negatives. Tilting
# changes the share of the class among the negatives, and the correction does not follow.
#
# ## Which are functions of differences
#
# Two classes of three items on the sphere, at two sets of similarities to the positive and to the negatives. The differences
# are the same.

# %%
report.show_table(neighbours.forms(), 4)

# %% [markdown]
# Only the spectral loss sees more than differences. So no theorem of the paper covers it.
#
# ## Where they are least
#
# Three classes of three items each, in the unit ball of two and of three dimensions. Points descend from random starts; the
# table has the lowest that was found. *Gradient* is what is left of the slope there. *Off an ETF* is the largest difference to
# the inner products of a simplex ETF, *off an ETF of it* that to the ETF of the radius given. Zero means Neural-Collapse, if
# classes are points.

# %%
report.show_table(neighbours.minima(restarts), 4)

# %% [markdown]
# - SupCon, SINCERE and the debiased loss are least at Neural-Collapse. A wrong $\tau$ does not change that.
# - With hard negatives and nothing taken off, the ETF shrinks with the hardness in two dimensions, to the radius that was
#   derived for {doc}`minimisers`. In three the loss gets no lower, but classes need not be points: an anchor is not among
#   its own negatives here, which leaves its length free.
# - A triplet loss with a small margin is 0 as soon as classes are that far apart. That fixes no shape.
# - The spectral loss makes classes orthogonal where there is room for it. In two dimensions there is not, and it ends at the ETF.
#
# ## The claims, and what came of them
#
# The first eight are the paper's, on other works, and count among its claims; the rest are of this project.

# %%
pages.show_verdicts(
    scoreboard.of_figure("neighbours_said", "neighbours").drop(
        columns=["reason", "runs"]
    )
)
