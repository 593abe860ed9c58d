# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Performance
#
# What the library costs, from the tables that `python benchmarks/run.py` has written, beside what was predicted before
# anything was measured and what was aimed at. Images are random, of the data sets' shapes: the time of a step does not
# depend on what they show. Times are medians of repeats; *spread* is their interquartile range over the median.

# %% tags=["parameters"]
results: str = ""  # folder of benchmarks/run.py's CSV files; empty: ours

# %%
from pathlib import Path

import pandas as pd
from hcl.companion import (
    benchmarks_peers,
    benchmarks_report,
    headings,
    notes,
    parameters,
    report,
)
from IPython.display import Markdown

parameters.check()
suites = benchmarks_report.load(Path(results) if results else None)
rows = pd.concat([frame.assign(suite=suite) for suite, frame in suites.items()])
rows["date"] = rows["date"].str[:10]
rows["commit"] = (
    rows["commit"]
    .fillna("without git, sources " + rows["sources"])
    .str.replace(r"(\w{10})\w{30}", r"\1", regex=True)
)
made = rows.groupby("kind")[
    ["device", "threads", "torch", "cuda", "commit", "date", "suite"]
]
devices = made.agg(
    lambda values: ", ".join(
        dict.fromkeys(map(benchmarks_report.written, values))
    )
)
report.show_table(devices.drop(columns=["commit", "date", "suite"]))

# %% tags=["remove-input"]
notes.origin(
    line="measured on " + "; ".join(devices["device"]),
    **{
        f"Measured_on_{kind}": f"{row['date']}, by benchmarks/run.py at commit "
        f"{row['commit']}"
        for kind, row in devices.iterrows()
    },
)

# %% [markdown]
# ## The loss against the loop over anchors
#
# Forward and backward of a batch of 512 at k = 256, d = C − 1, β = 5, supervised. `loop` is Algorithm 1 as it is
# written, anchor by anchor; with NumPy draws it waits for the host at each, as the official code does. `per_pair` draws
# afresh for every pair, as Algorithm 1 does, `per_anchor` once an anchor, `exact` takes the expectation. On a GPU
# `captured` is the form that training uses: compiled, draws of a fixed shape, replayed as a CUDA graph.

# %% mystnb={"figure": {"caption": "Time of the loss and its gradient at batch 512, k = 256, on each device that was measured. The axis is logarithmic.", "name": "fig-loss-times"}, "image": {"alt": "Horizontal bars of milliseconds for the loop over anchors and the vectorised forms of the loss, one panel for each device and number of classes."}}
loss = suites["loss"]
main = loss[
    (loss["batch"] == 512)
    & (loss["k"] == 256)
    & loss["classes"].isin([10, 100])
]
benchmarks_report.bars(
    main.assign(classes="C = " + main["classes"].astype(str)),
    ["kind", "classes"],
    "form",
    "ms",
    "milliseconds",
    log=True,
)
# %%
fastest = main[main["classes"] == 100].set_index(["kind", "form"])["times_loop"]
Markdown(
    "**What is seen.** At C = 100 the loop takes "
    + "; ".join(
        f"{fastest[kind, 'per_pair']:.0f} times as long as `per_pair` and "
        f"{fastest[kind, 'per_anchor']:.0f} times as long "
        f"as `per_anchor` on {kind}"
        for kind in fastest.index.unique("kind")
    )
    + "."
)

# %% [markdown]
# ### How it grows
#
# With the number of items B there are B² similarities, and B²/C pairs of k draws each.

# %% mystnb={"figure": {"caption": "Time of the loss and its gradient as batch size, number of classes or negatives a pair change, the others at 512, 100 and 256. Both axes are logarithmic.", "name": "fig-loss-scaling"}, "image": {"alt": "Milliseconds of four forms of the loss against batch size, number of classes and number of negatives a pair."}}
benchmarks_report.scaling(loss)
# %% [markdown]
# ## The loss beside other packages
#
# Only what computes the same is compared. A batch has B points in 128 dimensions, of 64 classes of the same size; forward
# and backward, from points that are normalised first:
#
# - **NT-Xent**, the SimCLR loss: B/2 images in two views each, at temperature .5.
# - **SupCon** and **SINCERE**, of {doc}`other works <neighbours>`, at temperature .5. The code of their authors was written
#   anew here, with the same operations in the same order. pytorch-metric-learning's NT-Xent, given classes for labels,
#   computes SINCERE.
# - **Algorithm 1** at β = 5 and k = 256, for which there is no other package: the loop, and the library's forms. `exact`
#   is its expectation, another number.
#
# Where values are *not* the same: pytorch-metric-learning takes the mean over all pairs at once, so where classes differ in
# size its SINCERE is another. In the code of the authors a point without positives makes the loss NaN; here it brings 0.
# The paper's own loss has the mean over negatives where the others have a sum, and takes a point as one of its own
# positives: none of these packages has it.
#
# First, that they agree, value and gradient:

# %%
peers = suites["peers"]
agree = benchmarks_peers.checks(peers)
report.show_table(
    benchmarks_report.shown(agree, ["value", "tolerance", "passed", "of"])
)

# %% [markdown]
# Then what they cost. Time is the processor's, on one thread; memory is what a step adds to its inputs, at most, of which
# each may take 8 GiB. *256 rows* are as many points at a time, whose similarities are computed once more for the
# gradient (`rows=256`): no matrix of n × n is ever there.

# %% mystnb={"figure": {"caption": "Processor time of a loss and its gradient by points in a batch. A line that ends early needs more than 8 GiB, or minutes, beyond. All axes are logarithmic.", "name": "fig-peers-times"}, "image": {"alt": "Milliseconds against batch size for four losses, one line for each package or form that computes it."}}
benchmarks_peers.growth(peers, "ms", "Milliseconds")
# %% mystnb={"figure": {"caption": "Peak memory of a loss and its gradient by points in a batch. All axes are logarithmic.", "name": "fig-peers-memory"}, "image": {"alt": "Mebibytes of memory against batch size for four losses, one line for each package or form that computes it."}}
benchmarks_peers.growth(peers, "memory_mb", "Memory, MiB")
# %%
table = benchmarks_peers.beside(peers).set_index(["loss", "by"])
report.show_table(table.map(benchmarks_report.written))

# %%
Markdown(f"**What is seen.** {benchmarks_peers.seen(peers)}")

# %% [markdown]
# With other numbers of classes and of negatives, at 512 points:

# %%
report.show_table(benchmarks_peers.varied(peers))

# %% [markdown]
# ## The training step
#
# Techniques are added one after the other; none changes the result but for rounding. On a CPU the encoder is the small
# ResNet in fp32, with a convolutional stem and with the patch stem of the `laptop` profile, which makes a step four times
# cheaper. There the convolutions of small maps are products of matrices (`products`). On a GPU it is ResNet-50 with both
# stems, in bf16.

# %% mystnb={"figure": {"caption": "Images a second in training, with each technique and those above it.", "name": "fig-step-rates"}, "image": {"alt": "Horizontal bars of images a second in training as techniques are added, one panel for each device and encoder."}}
step = suites["step"]
ladder = step[
    step["case"].str.contains(r", (?:plain|\+)") & (step["batch"] > 64)
]
TECHNIQUES = [
    "plain fp32",
    "+ bf16",
    "+ channels_last",
    "+ fused_adam",
    "+ products",
    "+ compile",
    "+ graph",
]
ladder = ladder.assign(technique=ladder["case"].str.rpartition(", ")[2])
ladder = ladder.sort_values(
    "technique", key=lambda names: names.map(TECHNIQUES.index), kind="stable"
)
benchmarks_report.bars(
    ladder,
    ["kind", "encoder"],
    "technique",
    "images_per_second",
    "images a second",
)
# %%
COLUMNS = [
    "ms", "spread", "images_per_second", "gain", "tflop_per_second",
    "gb_per_second", "of_roofline", "loss_share", "augmentation_share",
    "setup_seconds", "memory_gb",
]  # fmt: skip
report.show_table(benchmarks_report.shown(step, COLUMNS))

# %% [markdown]
# *gain* is that of the step without its loss, against the technique before it in the figure. *share of the loss* is the time of the loss by itself over that of the step,
# *share of augmentation* likewise for two augmented views against two plain ones. *set-up, seconds* is what an engine takes
# to be made, compilation and capture included; a campaign makes one for many runs.
#
# ## Evaluation, data, several runs at once
#
# *share* is that of all evaluations in the time of a run, at the schedule of the profile (`eval_every`).

# %% mystnb={"figure": {"caption": "Time of an evaluation of all images: plain, with batch normalisation folded into the convolutions, and compiled.", "name": "fig-evaluation-times"}, "image": {"alt": "Horizontal bars of milliseconds for an evaluation in three forms, one panel for each device and encoder."}}
benchmarks_report.bars(
    suites["evaluation"], ["kind", "encoder"], "form", "ms", "milliseconds"
)
# %%
report.show_table(
    benchmarks_report.shown(
        suites["evaluation"],
        [
            "images",
            "ms",
            "spread",
            "ms_per_512",
            "evaluations",
            "epochs",
            "share",
        ],
    )
)

# %% [markdown]
# Images stay on the device as bytes; a step fetches its batch by index. That costs the same whatever their number:

# %%
report.show_table(
    benchmarks_report.shown(
        suites["data"],
        ["ms", "ms_min", "spread", "gb_per_second", "resident_mb"],
    )
)

# %% [markdown]
# Several runs at once, engines on streams of a GPU or processes on the cores of a CPU, and their gain over the same work
# one after the other:

# %%
report.show_table(
    benchmarks_report.shown(
        suites["concurrency"],
        [
            "ms",
            "spread",
            "images_per_second",
            "one_after_the_other",
            "gain",
            "memory_gb",
        ],
    )
)

# %% [markdown]
# A run from beginning to end, and one after it in the same process, which takes over its engine:

# %%
COLUMNS = [
    "wall_seconds",
    "setup_seconds",
    "train_seconds",
    "evaluation_seconds",
    "evaluation_share",
    "overhead_seconds",
]
report.show_table(benchmarks_report.shown(suites["run"], COLUMNS))

# %% [markdown]
# ## As records become many
#
# The recorded runs again under other seeds: processor time of the commands that look at every record. The build of this
# book looks at all of them once, for its checks, the explorer and the status page; beyond that a page reads the records
# that it shows, however many there are.

# %%
growth = suites["growth"]
report.show_table(
    benchmarks_report.shown(growth, ["records", "seconds", "ms_a_record"])
)

# %%
Markdown(f"**What is seen.** Of records: {benchmarks_report.grown(growth)}.")

# %% [markdown]
# ## Does the fast path compute the same?
#
# Checked on the device itself: single steps from equal states, an evaluation of equal weights, draws, a run stopped and
# gone on with. A value above its tolerance fails the benchmark.

# %%
exactness = suites["exactness"]
report.show_table(
    benchmarks_report.shown(exactness, ["value", "tolerance", "passed", "of"])
)

# %%
checked = exactness["passed"].dropna().astype(bool)
Markdown(
    f"**What is seen.** Of {len(checked)} checks on "
    f"{', '.join(exactness['kind'].unique())}, {checked.sum()} hold."
)

# %% [markdown]
# ## Predictions beside measurements
#
# The predictions for a GPU come from a model of the bytes that a step moves, calibrated on published figures at 224
# pixels, and were made before anything was measured; *source* is a section of that work. Ranges are low–high.

# %%
compared = benchmarks_report.compare(suites)
absent = ~compared["device"].str.lower().isin(devices.index)
compared["measured"] = (
    compared["measured"].map(benchmarks_report.written).replace("–", "not yet")
)
compared["quantity"] = [headings.heading(q)[0] for q in compared["quantity"]]
report.show_table(compared.drop(columns="suite").set_index(["device", "case"]))

# %%
seen = compared[compared["verdict"] != ""]
counts = seen["verdict"].str.split(", ").explode().value_counts()
Markdown(
    f"**What is seen.** Of {len(compared)} numbers predicted or aimed at, "
    f"{len(seen)} have been measured"
    + (f", on {', '.join(seen['device'].unique())}: " if len(seen) else ".")
    + ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    + (". " if len(seen) else " ")
    + (
        "Not measured yet, as no GPU was at hand: "
        f"{', '.join(compared.loc[absent, 'device'].unique())}. "
        "Those numbers are estimates."
        if absent.any()
        else ""
    )
)
