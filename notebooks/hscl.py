# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # H-SCL: hard negatives of other classes
#
# A year before the paper that this book re-runs, the same authors proposed one of its four losses
# {cite:p}`jiang2022supervised`. They call it *H-SCL*; elsewhere in this book it is HSCL. Labels keep the anchor's own
# class out of the negatives, and a hardening function prefers those that lie near the anchor. That work asks what the
# loss without labels, H-UCL, says of the one with them, so that one may train without labels. Its answer: for
# infinitely many negatives, and where *Assumption 1* holds, H-SCL is at most H-UCL.
#
# **Read this first.** The text that this project has of that work lost its formulas, and Assumption 1 with them. What
# stands below was derived here from its words, its figures' captions and its official code. It is not its wording.
# {doc}`hscl_epochs` measures the assumption in training, {doc}`hscl_accuracy` the accuracy of the four methods. Its
# graph benchmarks are left out: they need another encoder and other data.

# %% tags=["parameters"]
populations: int = 100  # random populations for each statement, at least 1

# %%
from hcl.companion import (
    figures_hscl,
    hscl,
    pages,
    parameters,
    report,
    scoreboard,
)
from IPython.display import Markdown

parameters.check()
print(f"{populations} populations, float64, T = .5")

# %% [markdown]
# ## Which negatives are drawn
#
# The anchor is an image, its positive another view of it. The negatives are other images. *SCL* takes those of other
# classes, near or far. *H-UCL* takes near ones of whatever class: some are of the anchor's own, *collisions*, and
# training pushes them away though they belong together. *H-SCL* takes near ones of other classes.

# %% mystnb={"figure": {"caption": "After Figure 2 of that work, a schematic of our own. Star: the anchor. Triangles: its class. Discs: other classes. Rings: negatives that are drawn.", "name": "fig-hscl-sampling"}, "image": {"alt": "Three times the same points around a star. Rings: in the first panel on discs near and far, in the second on discs and triangles near the star, in the third on discs near the star only."}}
figures_hscl.sampling()

# %% [markdown]
# ## A loss for infinitely many negatives
#
# Let $g(x, x^-) = f(x)^\top f(x^-) / T$ with a temperature $T$, which is .5 in its experiments. Let $p^-$ be the law
# of a negative. With infinitely many of them the loss is
#
# $$L = \mathbb{E}\, \log\Bigl(1 + Q\, e^{-g(x, x^+)}\, \mathbb{E}_{x^- \sim p^-}\bigl[e^{g(x, x^-)}\bigr]\Bigr),$$
#
# the SimCLR loss of {doc}`fig12_simclr` at a temperature of its own (D11, D13). The four methods differ in $p^-$
# only:
#
# - **UCL**: $p$, any item; **SCL**: $p$ among other classes than the anchor's.
# - **H-UCL**: proportional to $\eta(e^g)\, p$, with a hardening function $\eta$; **H-SCL**: the same among other
#   classes.
#
# Two hardening functions are used: a *threshold*, $\eta = 1$ where $e^g \ge \tau$ and 0 elsewhere, and the
# *exponential* one, $\eta = e^{\beta g}$. At $T = .5$ a $\beta$ of 1 is the $\beta = 2$ of the other pages (D11).
#
# ## A change of measure
#
# Proposition 1: let $p$ be a law and $\rho \ge 0$ with $\alpha = \mathbb{E}_p[\rho]$ neither 0 nor infinite. Then
# $p' = \rho\, p / \alpha$ is a law, and $\mathbb{E}_{p'}[s] = \mathbb{E}_p[\rho\, s] / \alpha$ for every $s$. *In
# words.* A mean over hard negatives is a weighted mean over all negatives: nothing has to be drawn. *Why.* Put $p'$
# into the definition of the mean.

# %%
worst = hscl.change_of_measure()
assert worst < hscl.ROUNDING
Markdown(
    "On 500 random laws, with a third of the weights 0, the two sides differ "
    f"by at most {worst:.0e}: rounding."
)

# %% [markdown]
# ## H-UCL is a mixture
#
# Call H-UCL restricted to the anchor's own class *Hcol*, hard collisions. Let $w(x)$ be the probability that a
# negative of H-UCL is one. Then
#
# $$p_{HUCL} = (1 - w)\, p_{HSCL} + w\, p_{Hcol}.$$
#
# *Why.* All three are $\eta(e^g)\, p$, each over its own set, divided by its own sum.

# %% mystnb={"figure": {"caption": "After Figure 3 of that work, a schematic of our own: with a threshold the hard negatives are those within a circle.", "name": "fig-hscl-sets"}, "image": {"alt": "Points around a star and a circle around the near ones. Discs within the circle belong to H-SCL, triangles within it to Hcol, all within it to H-UCL, all discs to SCL."}}
figures_hscl.sets()

# %% [markdown]
# ## H-UCL from above: Assumption 1
#
# An anchor's term of the loss rises with $\mathbb{E}_{p^-}[e^g]$ and depends on the method through nothing else. By
# the mixture $\mathbb{E}_{HUCL}[e^g]$ lies between those of H-SCL and of Hcol. So **the H-SCL term is at most the
# H-UCL term if and only if $w = 0$ or**
#
# $$\mathbb{E}_{HSCL}\bigl[e^g\bigr] \le \mathbb{E}_{Hcol}\bigl[e^g\bigr].$$
#
# *In words.* Hard negatives of the anchor's class are, in this mean, at least as near as hard negatives of other
# classes. That is what one hopes a representation does, and it is Assumption 1 in the form that is tested here. Where
# it holds at every anchor, $L_{HSCL} \le L_{HUCL}$. It is not needed at every one: the losses are means.
#
# ## UCL from below
#
# Does a small UCL loss say that the H-SCL loss is small? By the same argument **the H-SCL term is at least the UCL
# term if and only if**
#
# $$\mathbb{E}_{HSCL}\bigl[e^g\bigr] \ge \mathbb{E}_{p}\bigl[e^g\bigr].$$
#
# With a threshold $\tau \ge \mathbb{E}_p[e^g]$ that some negative of another class reaches this is so, as every hard
# negative then has an $e^g$ of at least that mean. In such a case UCL bounds H-SCL from below: it does not control
# it.
#
# ## One anchor, by hand
#
# One anchor in the plane with four negatives of other classes and two of its own. Every answer occurs: the statements
# are no tautologies.

# %%
report.show_table(hscl.cases(), 2)

# %% [markdown]
# - *Own class near*: all is as Assumption 1 wants it.
# - *Own class far*: the threshold leaves no collision, $w = 0$. The exponential function always leaves some, and here
#   they are easier than the others: H-SCL is above H-UCL.
# - *One far, one near*: in the mean of $e^g$ the near one decides.
# - *Another class nearest*: the assumption fails with both, and UCL bounds H-SCL from below.
#
# ## Random populations
#
# Items of four classes, some of which show in the representation and some not; every item is an anchor once. The
# tables count anchors: at how many a statement holds, at how many its equivalent, and at how many only *one* of the
# two. First H-UCL from above.

# %%
counts = hscl.statements(populations)
assert (counts[["apart", "apart above", "high, not above"]] == 0).all(axis=None)
report.show_table(
    counts[["anchors", "mixture", "assumption", "term", "apart"]].rename(
        columns={
            "mixture": "mixture, largest difference",
            "assumption": "Assumption 1",
            "term": "H-SCL at most H-UCL",
            "apart": "only one",
        }
    ),
    0,
)

# %% [markdown]
# Then UCL from below. The last two columns are of thresholds of at least the mean that some negative of another class
# reaches.

# %%
report.show_table(
    counts[
        ["above", "term above", "apart above", "high", "high, not above"]
    ].rename(
        columns={
            "above": "harder than all negatives",
            "term above": "H-SCL at least UCL",
            "apart above": "only one",
            "high": "τ at least the mean",
            "high, not above": "of these H-SCL below UCL",
        }
    ),
    0,
)

# %% [markdown]
# The losses themselves, means over all anchors of a population. Where all anchors satisfy the assumption the losses
# are in order, always. Where some do not, they often are all the same: the assumption is sufficient, not necessary.
# *UCL below* counts populations with $L_{UCL} \le L_{HSCL}$.

# %%
ordered = hscl.losses(populations)
assert (ordered["all"] == ordered["all, in order"]).all()
report.show_table(
    ordered.rename(
        columns={
            "all": "assumption everywhere",
            "all, in order": "of them H-SCL at most H-UCL",
            "part": "at some anchors",
            "part, in order": "of these H-SCL at most H-UCL",
        }
    ),
    0,
)

# %% [markdown]
# ## What that work says, and what came of it
#
# Its claims are counted apart from those of the paper.

# %%
pages.show_verdicts(
    scoreboard.of_figure("hscl").drop(columns=["reason", "runs"])
)
