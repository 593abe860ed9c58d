# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Do more negatives hurt?
#
# Contrastive learning compares an image with others. One of them, the *positive*, shows the same thing; $k$ others, the
# *negatives*, are drawn at random. Some of these are of the image's own class by chance. The more are drawn, the more such
# *collisions* there are, and pushing them away seems wrong. So earlier theory warns: more negatives help at first and hurt
# later.
#
# Awasthi, Dikkala and Kamath argue that this need not be so {cite:p}`awasthi2022negative`. **What minimises the loss, they say,
# does not get worse with more negatives.** This page computes what can be computed of that, exactly and without any network;
# {doc}`negatives_unbalanced` goes on to classes of unequal size and {doc}`negatives_images` to real images.
#
# *The setting.* There are $C$ classes with probabilities $\rho_c$. Anchor and positive are two independent items of one
# class, negatives are any items. Features lie on the unit sphere. The loss has no $1/k$:
#
# $$L^{(k)}(f) = E \log\Bigl(1 + \sum_{i=1}^k e^{f(x)^\top f(x_i^-) - f(x)^\top f(x^+)}\Bigr).$$
#
# How useful are features? A linear classifier with a unit vector $w_c$ for each class is trained on them. Its loss is the
# *downstream loss*
#
# $$L_{sup}(f) = \inf_{\|w_c\| = 1} E \log\Bigl(1 + \sum_{c' \ne c} e^{f(x)^\top (w_{c'} - w_c)}\Bigr).$$
#
# *What we have of that work* are its slides. Where they print no formula, the one used here was derived for this project, and
# the text says so.

# %% tags=["parameters"]
num_classes: int = 10  # C of the figures: 3, 4 or 10 were searched for
trials: int = 30  # random features for Lemma 1, at least 1
seed: int = 0  # of these, at least 0 and below 2^32

# %%
from hcl.companion import (
    figures,
    figures_negatives,
    indistinguishable,
    minimisers,
    negatives,
    pages,
    parameters,
    report,
    scoreboard,
)
from hcl.companion import negatives_tables as tables
from hcl.downstream import JENSEN_GAP, etf_downstream_loss
from IPython.display import Markdown

parameters.check()
figures.set_theme()
made = minimisers.kept(negatives.PATH)["made"]
Markdown(
    "The minima were searched for as on *What minimises the losses*, from "
    f"{negatives.RESTARTS} random starts each, and kept as points (found on "
    f"{made['date'][:10]} by commit {made['commit'][:10]}). Everything said of "
    "them is computed from the points as this page is built."
)

# %% tags=["remove-input"]
negatives.origin()

# %% [markdown]
# ## Collisions and coverage
#
# A set of $k$ negatives *covers* the classes if each is among them: only then is an image compared with all others. It
# *collides* if one of them is of the image's own class. Both numbers are exact: a collision has probability
# $\sum_c \rho_c (1 - (1 - \rho_c)^k)$; coverage follows from the chain of the classes seen so far.

# %% mystnb={"figure": {"caption": "Equally likely classes. Few negatives miss classes, many collide.", "name": "fig-collisions"}, "image": {"alt": "Chance of a collision and of complete coverage, and the share of classes seen, by the number of negatives, for 10 and 100 classes. Collisions become certain before all classes are seen."}}
counts = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
of_classes = {
    f"{c} classes": tables.counts_table((1.0,) * c, counts) for c in (10, 100)
}
figures_negatives.by_count(
    {
        title: {
            "a collision": table["some collision"],
            "share seen": table["classes seen"],
            "all seen": table["all classes seen"],
        }
        for title, table in of_classes.items()
    },
    "Chances of collisions and coverage by the number of negatives.",
)

# %%
report.show_table(of_classes["10 classes"], 3)

# %% [markdown]
# The trade-off is real as a fact about samples: with ten classes, 64 negatives cover them nearly always, and then hold six
# of the anchor's own on average. The question is whether it does any harm.
#
# ## Lemma 1: a class is one point
#
# **The claim.** What minimises the loss gives all items of a class one feature, whatever $k$. It is shown by a construction.
# Take any features $f$, a class, and one of its items $x^*$. Give all items of the class the feature $f(x^*)$. On average
# over $x^*$ the loss is then lower.
#
# Here it is tried on random features, with exact losses. *Lower* counts how often the mean over $x^*$ is below the loss
# before; *merged lower* how often the loss is below once all classes are merged, one after the other.

# %%
lemma = indistinguishable.lemma_table(trials=trials, seed=seed)
report.show_table(lemma, 4)

# %% [markdown]
# The slides state it for *every strictly convex loss*. **The construction does not carry that far.** Several negatives of
# the merged class become the same point, and their shares in the loss no longer vary independently. For
# $\log(1 + \sum e^{v})$ that helps, as the logarithm is concave in the sum. For a loss that is convex in the sum of its
# arguments it can cost more than is gained. Below is one, strictly convex, increasing and symmetric, made for this page. (That
# shows a gap in the construction. A search for a minimiser of that loss with spread classes found none.)

# %%
report.show_table(
    indistinguishable.lemma_table(
        indistinguishable.OTHERS, trials=trials, seed=seed
    ),
    4,
)

# %% [markdown]
# ## Balanced classes: an ETF for every k
#
# **The claim.** If all classes are equally likely and there are at least $C - 1$ dimensions, the minimiser is a simplex ETF
# for every $k$: all classes equally far apart, as far as can be. So its downstream loss is the same for every $k$.

# %%
balanced = tables.balanced_table()
report.show_table(
    balanced[
        [
            "loss",
            "of the ETF",
            "off an ETF",
            "downstream loss",
            "its downstream loss",
            "within class",
            "gradient",
        ]
    ],
    4,
)

# %%
worst = balanced["off an ETF"].max()
Markdown(
    "**Every minimum found is an ETF**: no inner product is more than "
    f"{worst:.0e} off. The contrastive loss grows about as log k, since "
    "nothing divides the sum by k; the downstream loss stays where it is, "
    "which is also the least there can be. *Proved*: the search for the best "
    "classifier comes with a bound, as that loss is convex in the weights; "
    "all downstream losses here are least to "
    f"{max(balanced['proved to'].max(), 1e-15):.0e}."
)

# %% [markdown]
# ## The bounds it argues with
#
# **A bound that grows.** Saunshi et al. and Ash et al. bound the downstream loss by $\alpha(k, \rho)\,(L^{(k)} - \tau(k))$.
# The slides say of $\alpha$ that it first falls, then grows like $\eta^k / k$ with $\eta = 1 + 1/(C - 1)$. We derive one of
# this form: with $M_c$ the number of sets of $k$ negatives of other classes than $c$ until they have covered all of these, and $b$ the
# number of collisions,
#
# $$\alpha(k, \rho) = \max_c \frac{E[M_c]}{(1 - \rho_c)^k}, \qquad \tau(k) = E \log(1 + b).$$
#
# *Why.* Put class means in the place of positives and negatives: by Jensen's inequality the loss does not rise. Sets with
# collisions bring at least $\tau$. A set without any, which has probability $(1 - \rho_c)^k$, brings the loss of a classifier on the classes
# that it covers; and $M_c$ sets together bring at least that on all classes, as $\log(1 + a) + \log(1 + b) \ge \log(1 + a + b)$.
#
# **An interval.** Bao et al., and Nozawa and Sato, show that the downstream loss is within an interval around the
# contrastive one. Ours, of the same form, for balanced classes:
#
# $$\log\frac{C}{k + 1} - g - \log\Bigl(1 + \frac{e^2 - 1}{k + 1}\Bigr) \le L_{sup} - L^{(k)} \le \log\frac{C}{k + 1} + g,$$
#
# where $g = 0.474\dots$ is the most that Jensen's inequality can be off for numbers in $[-1, 1]$. (The slides call
# $\Delta_U - \Delta_L$ the width of $[L - \Delta_L, L + \Delta_U]$. With these signs it is $\Delta_U + \Delta_L$.)

# %% mystnb={"figure": {"caption": "At the minimiser of each k. Left: the interval moves with the contrastive loss and stays around the downstream one. Right, logarithmic: the other bound explodes.", "name": "fig-negative-bounds"}, "image": {"alt": "Left: contrastive loss rises with the logarithm of k, downstream loss is a flat line inside a shaded interval. Right: the bound with alpha falls a little and then grows by orders of magnitude above the flat downstream loss."}}
bounds = tables.bounds_table("balanced", num_classes)
figures_negatives.bounds(bounds, num_classes)

# %%
report.show_table(tables.written(bounds), 4)

# %%
growth = tables.growth_table(num_classes)
least = int(growth["α"].idxmin())
Markdown(
    f"With {num_classes} classes α is least at k = {least} "
    f"({growth['α'].min():.2f}) and then grows, in the end by the factor "
    f"{growth['factor to the next'].iloc[-1]:.4f} with every negative "
    f"(η = {num_classes / (num_classes - 1):.4f}). **The bound is true, and "
    "says "
    "nothing of the minimiser**, whose downstream loss is "
    f"{etf_downstream_loss(num_classes):.4f} at every k. The interval keeps a "
    f"width of at least 2g = {2 * JENSEN_GAP:.2f}, so it shows no trend with "
    "k either way, as the slides remark."
)

# %% [markdown]
# ## The claims of that work, and what came of them

# %%
pages.show_verdicts(
    scoreboard.of_figure("negatives").drop(columns=["reason", "runs"])
)
