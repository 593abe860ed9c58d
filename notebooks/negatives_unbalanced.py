# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # More negatives: classes of unequal size
#
# {doc}`negatives` shows that with equally likely classes the number of negatives does not matter to what minimises the loss. In the
# world classes are not equally likely. Awasthi, Dikkala and Kamath {cite:p}`awasthi2022negative` show that a class is still one point, say that the
# distances between classes then follow their probabilities, and **conjecture that the downstream loss of the minimiser
# does not grow with $k$**. (Their last slides print "non-decreasing" for it: a slip.) They have no proof. This page looks for a counterexample.
#
# *How.* As on {doc}`minimisers`: points on the sphere are moved until the loss falls no further, for each $k$ anew. The
# best linear classifier on them is then found, with a proof that there is no better one.

# %% tags=["parameters"]
ratio: float = 10  # of the panels below: 10 or 100, first class to last

# %%
from hcl.companion import (
    figures,
    figures_negatives,
    minimisers,
    negatives,
    pages,
    parameters,
    report,
    scoreboard,
)
from hcl.companion import negatives_tables as tables
from IPython.display import Markdown

parameters.check()
figures.set_theme()
made = minimisers.kept(negatives.PATH)["made"]
Markdown(
    f"Kept points: {negatives.RESTARTS} random starts each, found on "
    f"{made['date'][:10]} by commit {made['commit'][:10]}; all that is said of "
    "them is computed as this page is built."
)

# %% tags=["remove-input"]
negatives.origin()

# %% [markdown]
# ## One frequent class and two rare ones
#
# Three classes, one of them 2 to 20 times as frequent as each of the others. {doc}`minimisers` found, for infinitely many
# negatives, that the rare ones move together and at last merge. How does that depend on $k$?

# %% mystnb={"figure": {"caption": "Three classes with weights r : 1 : 1, a line for each r. Left: where the two rare classes are one point the line is at 1.", "name": "fig-negatives-frequent"}, "image": {"alt": "Left: inner product of the two rare classes, falling with the number of negatives; at ratios of 10 and 20 it is 1 for few negatives. Right: downstream loss, falling a little with the number of negatives for every ratio."}}
frequent = tables.frequent_table()
ratios = list(dict.fromkeys(frequent.index.get_level_values("ratio")))
figures_negatives.by_count(
    {
        title: {f"r = {r:g}": frequent.loc[r][column] for r in ratios}
        for title, column in (
            ("Inner product of the two rare classes", "rare with rare"),
            ("Downstream loss of the minimiser", "downstream loss"),
        )
    },
    "Rare classes part, and the downstream loss falls, as negatives are added.",
)

# %%
together = frequent[frequent["clusters"] < 3]
apart = {
    r: int(together.loc[r].index.max())
    for r in dict.fromkeys(together.index.get_level_values("ratio"))
}
Markdown(
    "**More negatives help the rare classes.** With few of them the two merge "
    "from some ratio on, and a classifier can no longer tell them apart: of "
    "the numbers tried, "
    + ", ".join(f"at {r:g} : 1 : 1 up to k = {k}" for r, k in apart.items())
    + ". With more negatives they part again. Why: a sum over many negatives "
    "is dominated by those that are near, and two rare classes at one point "
    "are as near as can be; a single negative is nearly always of the "
    "frequent class, and only pushes away from that."
)

# %%
report.show_table(
    frequent.drop(columns=["proved to", "within class", "same loss"]), 4
)

# %% [markdown]
# ## Ten classes, from frequent to rare
#
# Ten classes whose weights fall by equal factors from the first to the last. At the minimiser frequent classes are far from
# all others and rare ones near each other. *follows* is a rank correlation: $-1$ where a pair of classes is always
# the nearer the rarer it is.

# %% mystnb={"figure": {"caption": "Cosine similarities at the minimiser: for each class those with the nine others.", "name": "fig-negatives-tail"}, "image": {"alt": "Dots of cosine similarities for ten classes from frequent to rare, for few and for many negatives: near the value of an ETF for frequent classes, higher for rare ones, less so with many negatives."}}
tail = tables.tail_table()
grams = {
    f"k = {a.problem.k}": (a.z @ a.z.mT).numpy()
    for a in negatives.answers("tail")
    if abs(1 / a.problem.class_weights[-1] - ratio) < 1e-6
    and a.problem.k in (1, 16, 512)
}
figures_negatives.cosines(grams, "class, from frequent to rare")

# %%
report.show_table(
    tail.drop(columns=["proved to", "within class", "same loss"]), 3
)

# %% [markdown]
# ## The conjecture
#
# Beside these, class distributions are drawn at random: three to five classes, the logarithms of their weights normal. For
# each the minimiser is searched for with 1, 4, 64 and 512 negatives. The table below has the probabilities, the downstream
# loss for each $k$, and over all $k$ the least accuracy and the weakest correlation of separations with weights.

# %% mystnb={"figure": {"caption": "Downstream loss less that at k = 1, a line for each distribution. A line that rises would refute the conjecture.", "name": "fig-negatives-conjecture"}, "image": {"alt": "Lines that start at 0 and fall or stay level as the number of negatives grows; none rises."}}
random = tables.random_table()
figures_negatives.changes(random)

# %%
rises = {
    name: tables.falls(table)
    for name, table in (
        ("one frequent class", frequent),
        ("ten classes", tail),
        ("random", random),
    )
}
Markdown(
    "Largest rise of the downstream loss from one k to the next: "
    + "; ".join(
        f"{name}, {len(of)} distributions: {of.max():.1e}"
        for name, of in rises.items()
    )
    + ". **No counterexample to the conjecture was found.**"
)

# %%
report.show_table(tables.by_distribution(random), 4)

# %% [markdown]
# ## Too few dimensions
#
# With fewer than $C - 1$ dimensions there is no ETF, and nothing is claimed. Equally likely classes:

# %%
report.show_table(tables.few_table().drop(columns="within class"), 4)

# %% [markdown]
# ## The claims of that work, our own statements, and what came of them

# %%
pages.show_verdicts(
    scoreboard.of_figure("negatives_unbalanced", "negatives_merging").drop(
        columns=["reason", "runs"]
    )
)
