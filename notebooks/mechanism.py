# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Why hard negatives help
#
# Without hard negatives an encoder maps many classes to few points and stays there, *Dimensional-Collapse*: on 100 classes about
# ten points are left ({doc}`fig03_cifar100`). Hard negatives part them. The paper shows that they do, not why. This page
# computes why, on points, without a network. **The force that parts two merged classes is proportional to how much more often
# one meets the other as a negative than chance would have it.** Hardness is what raises that. {doc}`mechanism_runs` holds it
# against training runs.
#
# *In words.* Let two classes sit at one point. An anchor of the first is pulled to its own class and pushed from the second,
# which is at the same place: if the two differ by a little, pull and push both part them. But the anchor is also pushed from all
# other classes, together from the opposite side; that keeps it, and its neighbour, where they are. With random negatives the
# neighbour is one in 99, and the two effects nearly cancel. Hard negatives are those nearest to the anchor, so the neighbour's,
# and nothing is left to cancel the parting.
#
# Such a state is a *saddle* of the loss: at rest, and left as soon as it is disturbed, in some directions. How fast is a
# matter of the loss near it, which is linear there.

# %% tags=["parameters"]
seed: int = 0  # of the displacements, at least 0 and below 2^32

# %%
from hcl.companion import (
    figures,
    figures_mechanism,
    pages,
    parameters,
    report,
    scoreboard,
)
from hcl.companion import mechanism as tables
from IPython.display import Markdown

parameters.check()
figures.set_theme()
left = tables.escape_table(seed)
Markdown(
    "On 100 classes that are merged in pairs the classes are apart after "
    f"**{left.loc[(100, 50, 0), 'counted steps']:,.0f} steps without hard "
    "negatives and after "
    f"{left.loc[(100, 50, 10), 'counted steps']:.0f} with β = 10**; on 10 "
    f"classes after {left.loc[(10, 5, 0), 'counted steps']:.0f} and "
    f"{left.loc[(10, 5, 10), 'counted steps']:.0f}. The linearised loss says "
    f"{left.loc[(100, 50, 0), 'predicted steps']:,.0f} and "
    f"{left.loc[(100, 50, 10), 'predicted steps']:.0f}, "
    f"{left.loc[(10, 5, 0), 'predicted steps']:.0f} and "
    f"{left.loc[(10, 5, 10), 'predicted steps']:.0f}."
)

# %% [markdown]
# ## How fast a merged state is left
#
# Let $C$ classes sit at $K$ points, equally many at each, the points an ETF on the unit sphere. Of an anchor's negatives the
# share $w_0 = (C/K - 1)/(C - 1)$ is at its own point. The loss prefers near negatives by itself, with a weight of
# $e^{z^\top x}$, and hardness by $e^{\beta z^\top x}$. With both the share is
#
# $$w = \frac{w_0}{w_0 + (1 - w_0)\, e^{-(\beta + 1) K / (K - 1)}}.$$
#
# A direction in which no class mean has a part is *collapsed*. **In such directions the classes of a point part at the rate**
#
# $$\frac{2 s}{K - 1} \Bigl(\frac{w}{w_0} - 1\Bigr),$$
#
# where $s < 1$ is common to all forces: the loss $\log(1 + u)$ of an anchor gives $s = u / (1 + u)$. *Why.* The loss of an
# anchor $z$ with positive $z^+$ is $\log(1 + A e^{-z^\top z^+})$, and pushes it by $s\,(z^+ - \mu)$, where $\mu$ is the mean of
# the weighted negatives. Let the class be at a small distance $\epsilon$ from its point, the other $m = C/K - 1$ classes of the
# point at $-\epsilon/m$ on average. The pull brings $s\,\epsilon$, the push $s\,w\,\epsilon/m$. As positive and as negative of
# others it feels the same once more. The sphere takes back the force along the radius, $2 s (1 - w) K/(K - 1)$ times
# $\epsilon$. The sum is the rate. (The weights are held fixed, as in the official code, D6.)
#
# Below, the state is disturbed at random by $10^{-4}$ and follows its forces, a step being a tenth of them. It counts as left
# when classes are $0.1$ from the middle of their point. Nothing is fitted.

# %% mystnb={"figure": {"caption": "Signs: counted. Lines: predicted by the linearised loss.", "name": "fig-mechanism-escape"}, "image": {"alt": "Number of steps to leave merged states against hardness, on a logarithmic scale. For 100 classes in pairs it falls from 4,000 to 42; for one point it is the same at every hardness. Counted and predicted agree."}}
figures_mechanism.escape(
    left,
    {
        (100, 50): "100 classes, 50 points",
        (100, 10): "100 classes, 10 points",
        (10, 5): "10 classes, 5 points",
        (100, 1): "100 classes, 1 point",
    },
)

# %%
report.show_table(left, 3)

# %% [markdown]
# Three things to be seen:
#
# - **The more classes, the more hardness does.** In pairs $w_0$ is $1/(C - 1)$: on 100 classes a random negative is hardly ever the
#   neighbour. On 10 it is so once in nine, and SCL parts pairs by itself. In the paper, too, Dimensional-Collapse is far less
#   pronounced on CIFAR-10.
# - **From one single point hardness makes no difference**: there all negatives are equally hard.
# - **The more dimensions are open, the slower SCL opens others.** Its rate falls with $K$, on the left below; with hard
#   negatives it does not.
#
# ## What a spread within classes does
#
# So far each class was a point. Images of a class that the encoder has not fitted are spread. Let $\Sigma$ be their covariance.
# **Negatives tilted by $e^{t z^\top x}$ have mean $m + t\,\Sigma z$**, to first order in $t$, and exactly if they are Gaussian:
# they lie nearer to the anchor than their class does. So anchors $z$ and $z'$ of a merged cluster are pushed by forces that
# differ by $-s\,w\,(\beta + 1)\,\Sigma\,(z - z')$: hardness contracts the cluster.

# %%
report.show_table(tables.tilt_table(seed), 4)

# %% [markdown]
# It also takes from what parts the two means. Along the sphere, with a variance $v$ in the direction in which they part, the
# hardest negatives of an anchor lie by the share $(\beta + 1) v / (1 + (\beta + 1) v)$ nearer to it. What is left is
# $1/(1 + (\beta + 1)\,v)$ of the rate. **So a spread slows the parting, the more the harder the negatives**, and the fastest
# hardness is a moderate one. It never turns the rate round. We had expected a threshold beyond which hardness holds two
# classes together; on the sphere there is none.

# %% mystnb={"figure": {"caption": "Left: classes that are points. Right: one pair spread in the direction in which it parts, exact rates.", "name": "fig-mechanism-rates"}, "image": {"alt": "Left: the rate at which collapsed directions open against the number of points, falling for small hardness and rising for large. Right: the rate against the variance within a class; the hardest starts highest and falls fastest, below moderate hardness."}}
spread = tables.spread_table()
figures_mechanism.rates(tables.rank_table(), spread)

# %%
report.show_table(spread, 3)

# %% [markdown]
# ## What this leaves out
#
# An encoder does not move points one by one: the images of a class share its weights, and Adam divides each step by the size of
# the gradient, so that small gradients make steps that are not small. Rates here are those of plain gradient steps on free
# points. {doc}`mechanism_runs` has what runs show, and those that vary the optimiser.
#
# ## What is seen, as claims
#
# Statements of this project, not of the paper, judged as this page is built.

# %%
pages.show_verdicts(
    scoreboard.of_figure("mechanism").drop(columns=["reason", "runs"])
)
