# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What minimises the losses
#
# The paper proves where the loss is least for SCL, HSCL and UCL: every class at one corner of a regular simplex, an ETF
# ({doc}`theory`). Its theorems ask for equally likely classes, at least $C - 1$ dimensions and, for UCL, positives that are
# independent of their anchors. For HUCL they say nothing. What happens beyond that?
#
# This page asks the loss itself. A few points stand for the items of each class. They are moved, without any network or
# data, until the loss falls no further. **Nothing here is in the paper**; what is proved is proved below, the rest was
# searched for.
#
# *How it is done.* The loss is an exact expectation, no negative is drawn. Each question starts from 50 random places.
# L-BFGS goes downhill from each, also through the weights of hard negatives (D6). An end counts where the gradient, as far
# as the ball lets points move, is below $10^{-6}$: that number is measured and shown. The search takes minutes, so the
# points that it found are kept in a file, and this page computes their losses, gradients and shapes anew. The last part
# searches live.

# %% tags=["parameters"]
num_classes: int = 4  # C of your own question, at least 2
dim: int = 3  # d, its dimensions, at least 1
supervised: bool = False  # SCL and HSCL, or UCL and HUCL
hardness: float = 5  # beta, of exponential hardening; 0 for none, at least 0
k: int = 0  # number of negatives; 0 for infinitely many, at least 0
class_weights: list[float] = []  # one for each class; empty: equally likely
own_positives: float = 0  # share of positives that are their anchors, 0 to 1
collisions: float = -1  # share of negatives of the own class; -1: the class's
per_class: int = 2  # items of each class, at least 1
sphere: bool = False  # the unit sphere in place of the unit ball
restarts: int = 10  # random starts of the search, at least 1
seed: int = 0  # of the starts, at least 0 and below 2^32

# %%
import pandas as pd
import torch
from hcl import explore, hardening, hucl
from hcl.companion import (
    figures_minimisers,
    minimisers,
    notes,
    pages,
    parameters,
    report,
    scoreboard,
)
from hcl.companion import minimisers_tables as tables
from IPython.display import Markdown, display

parameters.check()
made = minimisers.kept()["made"]
kept = [a for name in minimisers.questions() for a in minimisers.answers(name)]
Markdown(
    f"Kept points: **{len(kept)} questions**, {kept[0].restarts} starts each, "
    f"found on {made['date'][:10]} by commit {made['commit'][:10]} with torch "
    f"{made['torch']}. Their largest projected gradient, measured now: "
    f"{max(a.gradient for a in kept):.1e}."
)

# %% tags=["remove-input"]
minimisers.origin()

# %% [markdown]
# ## The least HUCL loss
#
# In HUCL negatives may be of the anchor's own class, and hardening prefers just those. The paper leaves open how low the
# loss can be and what attains it (Sections 4.4 and 6). In the limit of many negatives there is an answer.
#
# **The bound.** Let a negative be of the anchor's class with probability $p = 1/C$, let positives be independent of anchors
# given the class, and $\beta > 0$. Let $x$ solve $(C - 1)\, x^{\beta + 1} + (\beta + 1)\, x = \beta$. Then every representation,
# of whatever norm, has
#
# $$L_{HUCL}(f) \ge \log\Bigl(1 + \frac{\beta + 1}{\beta}\, x\Bigr).$$
#
# *Why.* Take one anchor. Let $a$ be its mean inner product with its own class, and $M(t)$ the mean of $e^{t s}$ over the inner
# products $s$ with its negatives, before hardening. By Jensen's inequality its loss is at least
# $\log(1 + e^{-a} M(\beta + 1) / M(\beta))$. Let $\rho = \frac{\beta + 1}{\beta}\, x\, e^a$. The function
# $h(s) = e^{\beta s} (e^s - \rho)$ is least at $s = a + \log x$, and lies above its tangent at $a$. So the mean of $h$ over
# negatives is at least $p\, h(a) + (1 - p)\, h(a + \log x)$. The equation for $x$ makes that 0. Hence
# $M(\beta + 1) - \rho\, M(\beta) \ge 0$, which is the bound.
#
# **What attains it.** Only points: each class in one place, its inner product with any other class $\log(1/x)$ less than
# with itself. In $C - 1$ dimensions that is an ETF of radius $r$ with $r^2\, C / (C - 1) = \log(1/x)$. It fits into the ball if
# $r \le 1$, and it does from a critical hardness on.
#
# **Below the critical hardness** the ETF of radius 1 has the least loss in the ball. *Why.* Let $c$ be what an anchor's mean
# inner product with its own class exceeds that with the others by. The tangents of $h$ give its loss a least value
# $\varphi(c)$: up to $c = \log(1/x)$ it is the loss that all anchors have where classes are points and $c$ apart. This $\varphi$
# is convex and never rises. So the mean over anchors is at least $\varphi$ of the mean of $c$. That mean is at most
# $C / (C - 1)$, because the sum of the class means has a square that is not negative; and the ETF has just it. (The steps
# are spelt out in the documentation of {py:mod}`hcl.hucl`.)

# %% mystnb={"figure": {"caption": "Least HUCL loss and the radius of the shape that has it. Lines: the bound. Signs: the lowest of 50 searches.", "name": "fig-least-hucl"}, "image": {"alt": "Left: least HUCL loss rising with hardness towards log 2, for 2 to 10 classes; right: radius of the ETF, 1 up to a critical hardness and then falling. The searches lie on the lines."}}
least = tables.hucl_table()
figures_minimisers.least_hucl(least)

# %%
assert least["above the bound"].abs().max() < 1e-8
assert least["gradient"].max() < explore.STATIONARY
report.show_table(
    least.drop(columns=["off a shrunken ETF", "stationary", "symmetry"]), 4
)

# %%
edges = {c: hucl.critical_beta(c) for c in (4, 10, 100)}
off = least["above the bound"].abs().max()
Markdown(
    "**No search ended below the bound, and the lowest of each is on it**, to "
    f"{off:.0e}. All have the full symmetry of an ETF, C! permutations. "
    "The ETF itself is best up to "
    + ", ".join(f"β = {b:.2f} at C = {c}" for c, b in edges.items())
    + ". So on 100 classes the paper's β = 2 has Neural-Collapse as its "
    "minimum, and β = 5, 10 and 30 do not: their best radius is "
    + ", ".join(f"{hucl.best_radius(100, b):.2f}" for b in (5, 10, 30))
    + ". (That is the minimum of the loss. The official code lets no gradient "
    "through the weights, D6, and may end elsewhere.) With ever more "
    "hardness the least loss tends to log 2, which is "
    "what one single point for all classes has at every hardness: little is "
    "left to win by telling classes apart."
)

# %% [markdown]
# ### With finitely many negatives
#
# There is no formula here. The search says the same: the lowest found is the best of all shrunken ETFs at that $k$, and its
# radius hardly depends on $k$.

# %%
finite = tables.finite_table()
assert finite["above the best shrunken ETF"].abs().max() < 1e-8
report.show_table(
    finite[
        [
            "ETF",
            "lowest found",
            "below the ETF",
            "above the best shrunken ETF",
            "radius",
            "gradient",
            "same loss",
        ]
    ],
    4,
)

# %% [markdown]
# ### On the unit sphere
#
# On the sphere nothing can shrink. The bound is still attained, if there is one dimension more: a regular simplex as small
# as the small ETF fits on the sphere off its centre. In $C - 1$ dimensions it does not, and the lowest found is above the
# bound and less regular. Class means of unit norm whose own mean is far from 0 are what the paper's HUCL runs at
# $\beta = 30$ look like ({doc}`table2_near_nc`).

# %%
report.show_table(
    tables.sphere_table().drop(columns=["stationary", "gradient"]), 4
)

# %% [markdown]
# ### With polynomial hardening
#
# The paper's other family weighs a negative with inner product $t$ by $(1 + t)^\varepsilon$ (Section B.4, D12). Unlike $e^{\beta t}$
# it asks where the points are, not only how far apart: of two inner products with the same difference, those near 1 have the
# more equal weights. The same proof, for $\varepsilon \ge 1$, gives a least loss here too. With $p = 1/C$ it is
#
# $$\min_{0 \le c \le C / (C - 1)}\ \log\Bigl(1 + \frac{p + (1 - p)\, v\, e^{-c}}{p + (1 - p)\, v}\Bigr),
# \qquad v = \Bigl(1 - \frac{c}{2}\Bigr)^{\varepsilon}.$$
#
# Up to a critical $\varepsilon$ the least is at $c = C / (C - 1)$, and the ETF has it. Beyond, it takes classes that are points
# *on the sphere*, each with inner product $1 - c$ with each other: a regular simplex off the centre. That needs $C$
# dimensions. In $C - 1$ there is none, and the search has to say what is best.

# %%
polynomial = tables.polynomial_table()
assert polynomial["gradient"].max() < explore.STATIONARY
report.show_table(
    polynomial[
        [
            "ETF",
            "lowest found",
            "below the ETF",
            "above the bound",
            "inner products",
            "symmetry",
            "same loss",
        ]
    ],
    4,
)

# %%
flat = polynomial[[d < C for C, d, _ in polynomial.index]]
spare = polynomial.drop(flat.index)
edges = {c: hucl.critical_epsilon(c) for c in (10, 100)}
Markdown(
    "**With C dimensions every search is at the bound**, to "
    f"{spare['above the bound'].abs().max():.0e}, at a regular simplex. With "
    f"C − 1 none is below it, and the lowest end "
    f"{flat['below the ETF'].min() + 0.0:.4f} to "
    f"{flat['below the ETF'].max():.4f} below the ETF and up to "
    f"{flat['above the bound'].max():.4f} above the bound. These shapes are "
    "no ETF of any radius: nearly all points lie on the sphere, the harder "
    "the more on one side of it, and their inner products are not all the "
    "same. The ETF is best up to "
    + ", ".join(f"ε = {e:.2f} at C = {c}" for c, e in edges.items())
    + ". So on 100 classes the paper's ε = 3 has Neural-Collapse as its "
    "minimum, and ε = 5, 10 and 20, which Figure 10 has besides, do not."
)

# %% [markdown]
# ## Too few dimensions
#
# Below $d = C - 1$ there is no ETF of $C$ classes. What takes its place? In the plane, a regular polygon. At half as many
# dimensions as classes, a *cross-polytope*: the classes pair up and sit at opposite ends of each axis. In between are other
# bodies, few of them regular. On a line classes have to merge.

# %%
few = tables.few_table()
report.show_table(
    few[
        [
            "shape",
            "lowest found",
            "above d = C − 1",
            "norm",
            "inner products",
            "symmetry",
            "same loss",
        ]
    ],
    4,
)

# %% [markdown]
# ## Classes that are not equally likely
#
# Three classes in the plane, one of them more frequent. Every class is still a point. But the rare ones move together, away
# from the frequent one, and from some ratio on **SCL and UCL put both rare classes at one point**: the least loss no
# longer tells them apart. HUCL at $\beta = 5$ does not: there all pairs of classes have the same inner product, and only
# the distance from the origin follows the weight, farther out the rarer the class.

# %% mystnb={"figure": {"caption": "SCL: three classes on the unit circle, one (blue, upwards) ever more frequent.", "name": "fig-rare-plane"}, "image": {"alt": "Circles with three points; at equal weights they form a regular triangle, with more weight on the first the other two move down and together until they coincide."}}
unequal = tables.weights_table()
figures_minimisers.in_the_plane(
    {
        f"{ratio:g} : 1 : 1": a.z.unflatten(0, (3, -1)).mean(1)
        for a in minimisers.answers("weights")
        for ratio in a.problem.class_weights[:1]
        if a.method == "SCL" and ratio in (1, 3, 5, 10)
    }
)

# %% mystnb={"figure": {"caption": "Inner product of the two rare classes. At 1 they are one point.", "name": "fig-rare-classes"}, "image": {"alt": "Lines of the inner product of two rare classes against the weight of the frequent one: SCL and UCL rise to 1, HUCL falls or stays below 0."}}
figures_minimisers.rare_classes(unequal)

# %%
scl, ucl = (tables.merging_ratio(s) for s in (True, False))
Markdown(
    "Where is the edge? With both rare classes at one point, let them part by "
    "a small angle: that takes them away from each other and nearer to the "
    f"frequent class. The two balance at **{scl:.2f} to 1 for SCL** and "
    f"**{ucl:.2f} to 1 for UCL**; with more weight on the frequent class it "
    "does not pay to part. The search agrees."
)

# %%
report.show_table(
    unequal.drop(columns=["symmetry", "stationary", "gradient"]), 4
)

# %% [markdown]
# ## Positives that depend on their anchors
#
# {prf:ref}`theorem-3` asks that anchor and positive are independent given the class. Two views of one image are not. Here the
# positive is the anchor itself with some probability, and any item of its class otherwise. What becomes of the minimum is an
# open question of the paper (Section 6).
#
# Up to a certain share, nothing: every class is a point. Beyond it **the items of a class part**. If there is a dimension to
# spare, the share is
#
# $$p^* = \frac{C x}{1 + (C - 1)\, x}, \qquad x = e^{-C / (C - 1)},$$
#
# whatever the number of items. *Why.* Let the items of a class part a little, in a new direction. Then negatives of the own
# class are less like the anchor, which lowers the loss in proportion; and so are positives that are other items, which raises
# it. At $p^*$ the two balance. That classes are points up to there was searched for, not proved. Where items part, the class
# means are still an ETF, of a smaller radius. With all positives their own anchors the labels are nowhere in the loss, and
# what is found is an ETF of all items. SCL does not mind, as {prf:ref}`theorem-2` says.

# %% mystnb={"figure": {"caption": "UCL, three classes of two items. Vertical line: the share from which classes cannot be points, with a dimension to spare.", "name": "fig-own-positives"}, "image": {"alt": "Left: the distance of an item from its class mean is 0 up to a share of own positives and then rises; right: the least loss falls below the bound of Theorem 3 from the same share on."}}
positives = tables.positives_table()
figures_minimisers.own_positives(
    positives, [(hucl.critical_share(3), f"p* = {hucl.critical_share(3):.3f}")]
)

# %%
report.show_table(positives.drop(columns=["symmetry", "stationary"]), 4)

# %%
apart, above = tables.etf_of_all_items()
Markdown(
    f"At three classes p* is {hucl.critical_share(3):.3f}; at ten it is "
    f"{hucl.critical_share(10):.2f}, at a hundred "
    f"{hucl.critical_share(100):.2f}: "
    "with many classes collisions are rare, and it takes nearly all positives "
    "to part a class. Without a dimension to spare (d = 2) it takes more. "
    "The six items whose positives are themselves are within "
    f"{apart:.0e} of an ETF "
    "of six."
)

# %% [markdown]
# ## A question of your own
#
# The parameters at the top of the notebook ask it; `hcl run minimisers -p num_classes=6 -p dim=3` does from the command line.
# In a program it is `explore(Problem(...))` of `hcl.explore`. Of the questions above most took a second or two
# of one core for their 50 starts, the longest 20 seconds ($C = 10$, $\beta = 30$, $k = 256$).

# %%
found = explore.explore(
    explore.Problem(
        num_classes=num_classes,
        dim=dim,
        supervised=supervised,
        hardening=hardening.make("exponential", hardness),
        k=k or None,
        class_weights=tuple(class_weights),
        collisions=None if collisions < 0 else collisions,
        own_positives=own_positives,
        per_class=per_class,
        space="unit_sphere" if sphere else "unit_ball",
    ),
    restarts=restarts,
    generator=torch.Generator().manual_seed(seed),
)
display(
    notes.origin(
        line="searched for when this page was built",
        Made=f"searched for when this page was built, {restarts} starts",
    )
)
shape = found.shape
answer = {
    "lowest loss found": f"{found.least:.9f}",
    "loss of the ETF": f"{tables.etf_loss(found.problem):.9f}",
    "projected gradient": f"{found.gradient:.1e}",
    "stationary": f"{int(found.converged.sum())} of {restarts}",
    "at the same loss": f"{found.reached()} of {restarts}",
    "shape": tables.body(shape, dim),
    "norms": ", ".join(f"{r:.4f} ({n})" for r, n in shape.norms),
    "inner products": tables.written(shape),
    "spectrum": ", ".join(f"{v:.3f}" for v in shape.spectrum if v > 1e-4),
    "symmetry": f"{shape.symmetry} permutations",
    "distance from an ETF": f"{shape.from_etf:.1e}",
    "from an ETF of radius": (
        f"{shape.radius:.4f}: {shape.from_shrunken_etf:.1e}"
    ),
    "norm of the mean": f"{shape.centre:.1e}",
    "within class": f"{shape.within_class:.1e}",
}
report.show_table(
    pd.DataFrame({"": answer}).rename_axis(
        f"C = {num_classes}, d = {dim}, β = {hardness:g}"
    )
)

# %% [markdown]
# ## What is seen, as claims
#
# Statements of this project, not of the paper. They are judged on the kept points as this page is built.

# %%
pages.show_verdicts(
    scoreboard.of_figure("minimisers").drop(columns=["reason", "runs"])
)
