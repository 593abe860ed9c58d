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

# %% tags=["parameters"]
at_most: int = 0  # of each kind, at least 0; 0 shows all

# %%
from hcl.companion import parameters, slips
from IPython.display import Markdown

parameters.check()
found = slips.slips()


def of(kind: str) -> object:
    names = list(slips.KINDS[kind])
    shown = names[:at_most] if at_most else names
    return slips.listed(shown, found)


Markdown(
    "; ".join(
        f"{kind.lower()}: **{len(names)}**"
        for kind, names in slips.KINDS.items()
    ).capitalize()
    + "."
)

# %% [markdown]
# ## A result that fails as printed
#
# {doc}`theory` computes the counterexamples to {eq}`eq-29` and to {prf:ref}`remark-2` again, with descent beside them.

# %%
of("A result that fails as printed")

# %% [markdown]
# ## A sentence or an example that does not hold

# %%
of("A sentence or an example that does not hold")

# %% [markdown]
# ## A wrong number, letter or citation

# %%
of("A wrong number, letter or citation")

# %% [markdown]
# ## Right as it stands
#
# This one looks like a slip, and has a number so that nobody has to look twice.

# %%
of("Right as it stands")
