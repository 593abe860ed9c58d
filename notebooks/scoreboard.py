# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Scoreboard
#
# Every empirical claim of the paper's Section 5 and Appendix B, and what came of it when it was run again. A claim is
# *reproduced* if each of its parts holds, *partly* if some do, *not reproduced* if none does, and *not run at this scale*
# if the runs that are recorded cannot tell: too small a scale, or none. The verdicts are computed from the records when
# this page is built; the same is printed by `hcl verify`.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, gpu or paper; auto takes for each figure the best that has been run

# %%
from IPython.display import Markdown
from myst_nb import glue

from hcl import figures, pages
from hcl.scoreboard import counted, scoreboard

figures.set_theme()
board = scoreboard(profile=profile)
counts = counted(board)
glue("scoreboard-counts", f"{len(board)} claims: {counts}", display=False)
data = ", ".join(sorted({f"{d} ({p})" for d, p in zip(board["data"], board["profile"], strict=True) if d})) or "no runs"
Markdown(f"**{len(board)} claims: {counts}.** They were tested on {data}.")

# %% mystnb={"figure": {"caption": "Verdicts by figure and table of the paper.", "name": "fig-scoreboard"}, "image": {"alt": "Stacked bars of the number of claims of each figure that were reproduced, partly reproduced, not reproduced, or not run at a scale that can tell.", "classes": "dark-light"}}
figures.verdict_bars(board)

# %% [markdown]
# ## Claim by claim
#
# ✗ marks the numbers that do not agree. CIFAR-100 is not to be had where the shipped records were made:
# `tinyimagenet100` stands in for it, and a verdict says something of the claim on that data only.

# %%
pages.show_verdicts(board.set_index(["figure", "claim"])[["published", "measured", "verdict", "runs"]])
