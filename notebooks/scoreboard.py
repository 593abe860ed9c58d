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
# Every claim of the paper's Sections 4 and 5 and its Appendix B, and what came of it when it was run or computed again. They are
# computed from the records when this page is built; the same is printed by `hcl verify`.
#
# | verdict | what it means |
# |---|---|
# | *reproduced* | every part of the claim holds |
# | *partly* | some parts hold and some do not |
# | *not reproduced* | no part holds |
# | *undecided* | a difference is within what another seed would do, or a value too near its limit: more seeds decide |
# | *not judged* | a metric still moves and more epochs could turn the answer, the images are not fitted, there are too few of them, or two runs are the same run |
# | *waiting* | the runs that decide are still to be made |
#
# A claim about geometry is judged where the runs last long enough for it to settle, a claim about accuracy where most
# images are. Seeds are averaged; a single seed has the spread of the nearest setting with several.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu or paper; auto takes for each claim the runs that can judge it

# %%
from IPython.display import Markdown
from myst_nb import glue

from hcl.companion import figures, pages, parameters, report
from hcl.companion.scoreboard import counted, limits_table, scoreboard, sensitivity

parameters.check()
figures.set_theme()
board = scoreboard(profile=profile)
waiting = board["verdict"] == "waiting"
counts = counted(board[~waiting]) or "none yet"
glue(
    "scoreboard-counts",
    f"{(~waiting).sum()} claims with runs: {counts}; {waiting.sum()} wait for theirs",
    display=False,
)
data = ", ".join(sorted({f"{d} ({p})" for d, p in zip(board["data"], board["profile"], strict=True) if d})) or "no runs"
Markdown(f"**{(~waiting).sum()} claims have their runs: {counts}.** {waiting.sum()} wait. They were tested on {data}.")

# %% mystnb={"figure": {"caption": "Verdicts by figure and table of the paper.", "name": "fig-scoreboard"}, "image": {"alt": "Stacked bars of the number of claims of each figure that were reproduced, partly reproduced, not reproduced, undecided, not judged, or still wait for their runs.", "classes": "dark-light"}}
figures.verdict_bars(board)

# %% [markdown]
# ## Claim by claim
#
# ✗ marks the numbers that do not agree, (?) those that another seed could turn, (…) those that still move. CIFAR-100 is not
# to be had where the shipped records were made: `tinyimagenet100` stands in for it, and a verdict says something of the
# claim on that data only.

# %%
pages.show_verdicts(
    board[~waiting].set_index(["figure", "claim"])[["published", "measured", "verdict", "reason", "runs"]]
)

# %% [markdown]
# ## Waiting for their runs
#
# `hcl campaign --profile workstation` makes them, most important first.

# %%
pages.show_verdicts(board[waiting].set_index(["figure", "claim"])[["published", "verdict", "reason"]])

# %% [markdown]
# ## What the verdicts hang on
#
# The constants were fixed, each for the reason given, before the runs they judge were looked at. Beside each stands how
# many verdicts change where it is half, or twice, what it is; below the table, which.

# %%
changed = sensitivity() if profile == "auto" else sensitivity().iloc[:0]
report.show_table(limits_table(changed))

# %%
report.show_table(changed.set_index(["limit", "value"]))

# %%
from IPython.display import HTML

from hcl.companion import front

glue("front-outcome", HTML(front.outcome(board)), display=False)
