# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Slips of the text
#
# What the paper prints and what it should, P1 to P17. None touches the main results: Theorems 1 to 3 hold as they stand,
# but for one letter in a property of Theorem 2 (P13). Two statements beside them do not: on fixed batches (P2, P3) and on
# a weaker constraint (P17). The others are small.
#
# Numbers are computed as the page is built; where only a citation is wrong, the number shows what is cited. The same
# numbers head the rows of {doc}`points`, which has the differences between text and official code as well.

# %%
from IPython.display import Markdown

from hcl.companion import figures, report, slips

figures.set_theme()
found = slips.slips()
Markdown("; ".join(f"{what.lower()}: **{len(names)}**" for what, names in slips.KINDS.items()).capitalize() + ".")

# %% [markdown]
# ## A result that fails as printed
#
# {doc}`theory` computes the counterexamples to {eq}`eq-29` and to {prf:ref}`remark-2` again, with descent beside them.

# %%
report.show_table(found.loc[list(slips.KINDS["A result that fails as printed"])])

# %% [markdown]
# ## A sentence or an example that does not hold

# %%
report.show_table(found.loc[list(slips.KINDS["A sentence or an example that does not hold"])])

# %% [markdown]
# ## A wrong number, letter or citation

# %%
report.show_table(found.loc[list(slips.KINDS["A wrong number, letter or citation"])])

# %% [markdown]
# ## Right as it stands
#
# This one looks like a slip, and has a number so that nobody has to look twice.

# %%
report.show_table(found.loc[list(slips.KINDS["Right as it stands"])])
