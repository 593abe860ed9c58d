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
# Every claim of the paper's Sections 4 and 5 and its Appendix B, and what came of it when it was run or computed again. The
# verdicts are computed from the records when this page is built; `hcl verify` prints the same. Claims of other works, and
# statements of our own on what the paper leaves open, come last, under headings of their own. They count for nothing of the
# paper.

# %% tags=["parameters"]
profile: str = "auto"  # smoke, laptop, workstation, gpu, paper; auto: can judge

# %%
from hcl.companion import board_html, notes, parameters, report
from hcl.companion.scoreboard import (
    Judges,
    changes_table,
    counted,
    limits_table,
    of_others,
    of_paper,
    scoreboard,
    sensitivity,
)
from IPython.display import Markdown, display
from myst_nb import glue

parameters.check()
judges = Judges(
    profile=profile
)  # which reads each record once, for all that follows
everything = scoreboard(judges=judges)
board = of_paper(everything)
others = of_others(everything)
ours = others.pop("")
waiting = board["verdict"] == "waiting"
counts = counted(board[~waiting]) or "none yet"
glue(
    "scoreboard-counts",
    f"{(~waiting).sum()} claims with runs: {counts}; {waiting.sum()} wait for "
    "theirs",
    display=False,
)
data = (
    ", ".join(
        sorted(
            {
                f"{d} ({p})"
                for d, p in zip(board["data"], board["profile"], strict=True)
                if d
            }
        )
    )
    or "no runs"
)
Markdown(
    f"**{(~waiting).sum()} claims have their runs: {counts}.** {waiting.sum()} "
    f"wait. They were tested on {data}. Of this project's own {len(ours)} "
    f"statements: {counted(ours)}."
    + "".join(
        f" Of the {len(claims)} claims of {work}: {counted(claims)}."
        for work, claims in others.items()
    )
)

# %% tags=["remove-input"]
notes.origin(
    line=f"judged from {judges.records} records when this page was built",
    Made=f"judged from {judges.records} records when this page was built; each "
    "claim says by which",
)

# %%
board_html.matrix(everything)

# %% [markdown]
# Each mark leads to its claim below. CIFAR-100 is not to be had where the shipped records were made: `tinyimagenet100`
# stands in for it, and a verdict says something of the claim on that data only.
#
# ## What a verdict means

# %%
board_html.meanings()

# %% [markdown]
# A claim about geometry is judged where the runs last long enough for it to settle, a claim about accuracy where most
# images are. Seeds are averaged; a single seed has the spread of the nearest setting with several.
#
# ## Claim by claim
#
# The statements lead to their figures, and from there back. Claims that wait for their runs are at the end;
# `hcl campaign --profile workstation` makes these runs, most important first.

# %%
board_html.claims(board)

# %% [markdown]
# ## Claims of other works
#
# Works that argue about the same losses, re-run here with the same code.

# %%
for work, claims in others.items():
    display(Markdown(f"**{work}**"), board_html.claims(claims, filters=False))

# %% [markdown]
# ## Our own statements
#
# None of these is the paper's: they are about what it leaves open. *Reproduced* says that what was computed bears them out.

# %%
board_html.claims(ours, filters=False)

# %% [markdown]
# ## What the verdicts hang on
#
# A verdict compares a number with a limit: when is a metric "near zero", when do two curves "agree"? Each limit was fixed
# before the runs it judges were looked at, for the reason in the last column. Another choice might have led to other
# verdicts. So each limit is here halved and doubled, one at a time, and all claims are judged again: the table counts the
# verdicts that change. Two zeros mean that nothing hangs on that limit.

# %%
changed = sensitivity(judges=judges)
report.show_table(limits_table(changed))

# %% [markdown]
# These are the verdicts that change, and what they become with the limit in the first column.

# %%
report.show_table(changes_table(changed))

# %%
from hcl.companion import front
from IPython.display import HTML

glue("front-outcome", HTML(front.outcome(board)), display=False)
