# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # On many machines
#
# A campaign is a list of runs that hardly depend on each other, so it can be spread over as many machines as there are.
# `hcl campaign --engine ray` does this with Ray, which has launchers of its own for Slurm and for Kubernetes. This page
# has the files for both, and a plan: how long the paper's own runs take on 8, 64 and 512 GPUs, what that costs, and
# where more GPUs stop helping.
#
# No GPU has been measured for this book. **The times on GPUs are predictions with a range**; those on CPUs are
# measured. The schedule is simulated from them: the next run goes to the first GPU that is free, as Ray does it
# {cite:p}`graham1969bounds`.

# %% tags=["parameters"]
gpus: list[int] = [1, 8, 64, 512]  # numbers of GPUs in the plan
price: float = 0.0  # of a GPU hour, in your currency; 0 leaves it out
a_node: int = 8  # GPUs of a machine, which fail together
seeds: list[int] = [1, 3, 5]  # numbers of seeds in the plan

# %%
from hcl.companion import (
    chains,
    cluster_plan,
    figures_cluster,
    gpu_times,
    parameters,
    report,
    schedule,
)
from IPython.display import Markdown

parameters.check()
times = gpu_times.GpuTimes()
jobs = {count: cluster_plan.jobs(seeds=range(count)) for count in seeds}
plans = {
    f"{len(listed)} runs": [
        cluster_plan.predicted(listed, bound, times)
        for bound in gpu_times.BOUNDS
    ]
    for listed in jobs.values()
}
least = next(iter(jobs.values()))
tasks = next(iter(plans.values()))[1]

# %%
longest, path = chains.longest_chain(tasks)
found = {job.spec.run_id: job.spec for job in least}
enough = chains.useful_gpus(tasks)
floor = cluster_plan.floor_at(tasks, a_node=a_node)
work = [sum(t.seconds for t in of) / 3600 for of in next(iter(plans.values()))]
Markdown(
    f"**In short.** All runs of this book's pages as in the paper, one seed, "
    f"are {len(tasks)} runs and some {work[1]:.0f} hours of an H100 "
    f"({work[0]:.0f} to "
    f"{work[2]:.0f}). Up to {enough:.0f} GPUs share them well. No number of "
    f"GPUs is done before the longest run, which takes {longest / 60:.0f} "
    "minutes. More seeds are as much work again each, and take as many more "
    "GPUs."
)

# %% [markdown]
# ## With Slurm
#
# Submit {download}`ray.sbatch <../cluster/ray.sbatch>` in the folder of a checkout with its `.venv`, on a file system
# that all nodes share:
#
# ```bash
# pip install -e '.[companion,cluster]'
# sbatch book/cluster/ray.sbatch                    # everything
# sbatch --nodes=1 book/cluster/ray.sbatch fig03    # or some figures
# ```
#
# It has `ray symmetric-run` start Ray on every node, make the campaign from the first one, and stop Ray. A run is a
# task with one GPU. The campaign ends before the job's time does, with the state of each run kept; submitted again, it
# goes on. Without Ray, {doc}`../rerun` has a job array whose tasks share the work through the file system alone.
#
# ```{literalinclude} ../cluster/ray.sbatch
# :language: bash
# ```
#
# ## With Kubernetes
#
# With the KubeRay operator installed, build an image, put its name and that of a volume that many pods can write
# to into {download}`rayjob.yaml <../cluster/rayjob.yaml>`, and apply it:
#
# ```bash
# docker build -f book/cluster/Dockerfile \
#     --build-arg HCL_COMMIT="$(git rev-parse HEAD)" \
#     -t registry.example.org/hcl:1 .
# docker push registry.example.org/hcl:1
# kubectl apply -f book/cluster/rayjob.yaml
# kubectl logs -f -l job-name=hcl                   # progress
# ```
#
# The job starts Ray on its pods, makes the campaign and takes all of it down. A pod that is lost is replaced, and what
# it had goes on from its state on the volume. Neither the image nor the job has been tried on Kubernetes itself: the tests
# check both files against KubeRay's fields and this project's commands.
#
# ```{literalinclude} ../cluster/rayjob.yaml
# :language: yaml
# ```
#
# {download}`Dockerfile <../cluster/Dockerfile>`:
#
# ```{literalinclude} ../cluster/Dockerfile
# :language: docker
# ```

# %% [markdown]
# ## What a run takes on a GPU
#
# The runs of all figures at the profile `paper`: ResNet-50 on 32 by 32 pixels, fp32, 400 epochs, each made once
# however many figures show it.

# %%
report.show_table(cluster_plan.by_kind(least, times), 2)

# %% [markdown]
# *How this is predicted.* {doc}`performance` lists what a model of the bytes that a step moves says of an H100:
# 15,000 to 18,000 images a second at batch 512 in bf16, and how much slower smaller batches are. In fp32 a step moves
# twice the bytes, and tensor cores do half the work (TF32), so it takes twice as long; published comparisons say up to
# three times. To this are added the evaluations and what setting an engine up takes. The range has all favourable ends
# together, and all others. Reading data and writing checkpoints are left out.
#
# ## The plan
#
# *Worked* is the time of the runs. *Held* is what is paid if all GPUs are kept until the last run has ended.
# *Busy* is the one over the other. Set `price` to have what it costs: prices differ too much to print one.

# %%
report.show_table(
    cluster_plan.table(plans, gpus, price=price, a_node=a_node), 2
)

# %% mystnb={"figure": {"caption": "Predicted hours of the profile `paper` (one, three and five seeds) by the number of GPUs, with their range (shaded), and what they would be if all GPUs were busy all the time (dashed). Right: the share of the paid time that is used.", "name": "fig-cluster-paper"}, "image": {"alt": "Hours by number of GPUs, falling in proportion until the longest run sets a floor; and the share of busy time, near 100 % and then falling."}}
counts = sorted({*gpus, *(2**power for power in range(11))})
curves = {
    name: tuple(
        cluster_plan.curve(of_bound, counts, a_node) for of_bound in lists
    )
    for name, lists in plans.items()
}
figures_cluster.scaling(
    curves,
    "GPUs",
    gpus,
    "Predicted hours and busy share by the number of GPUs.",
)

# %%
start = max(
    (task for task in tasks if task.after), key=lambda task: task.seconds
)
Markdown(
    f"**Where it stops scaling.** A run is made by one GPU, so the campaign "
    f"takes at least as long as its longest run: {longest / 60:.0f} minutes, "
    f"at batch {found[path[-1]].batch_size}. All work of one seed is "
    f"{enough:.0f} times that. **With fewer GPUs than {enough:.0f} the work "
    f"sets the time; with more the longest run does**, and from {floor} on "
    "the campaign takes as long as that run alone. Runs that start from a "
    "near-NC model wait for it, but it and they together take less: "
    f"{2 * start.seconds / 60:.0f} minutes."
)

# %% [markdown]
# ## Does the order matter?
#
# Runs are made in the order of the campaign, the most important first. Long ones that begin late are waited for. The other
# order begins with the longest.

# %% mystnb={"figure": {"caption": "Which of 64 GPUs makes a run when (predicted, one seed), in the order of the campaign and with the longest first. A bar is a run, a row a GPU.", "name": "fig-cluster-places"}, "image": {"alt": "Bars of runs on 64 rows, in the order of the campaign and with the longest first."}}
machines = schedule.Machines(gpus=64, a_node=a_node)
orders = {
    "As in the campaign": schedule.simulate(tasks, machines),
    "Longest first": schedule.simulate(chains.longest_first(tasks), machines),
}
long = [task.name for task in tasks if task.seconds > 3600]
figures_cluster.places(
    orders,
    long,
    "over an hour",
    "Runs on 64 GPUs in two orders: the campaign's, and the longest first.",
)

# %%
asis, sorted_ = (of.seconds / 3600 for of in orders.values())
same = f"The order of the campaign is no worse: {asis:.1f} hours on 64 GPUs"
worse = (
    f"The order of the campaign costs {asis - sorted_:.1f} of {asis:.1f} "
    "hours on 64 GPUs"
)
packed = schedule.simulate(
    tasks,
    schedule.Machines(
        gpus=64, a_node=a_node, at_once=2, slowdown=2 / times.packing_gain()
    ),
)
Markdown(
    f"**What is seen.** {worse if asis - sorted_ >= 0.05 else same}. "
    f"Two runs on each GPU (`--gpus 0.5`) are no remedy: a step fills the "
    f"GPU, two at a time do at most {times.packing_gain():.2f} times as much, "
    f"and each run takes "
    f"nearly twice as long: {packed.seconds / 3600:.1f} hours in all."
)

# %% [markdown]
# ## When machines fail
#
# Each run keeps its state every minute, at the end of an epoch. When a machine fails, its runs go on from there on
# others. Here each machine fails at random moments (a Poisson process), is away for half an hour, and its runs wait two
# minutes before they begin again. Numbers are means over 20 simulations. How often a machine fails is taken from the training of Llama 3 {cite:p}`grattafiori2024llama`: 419
# unexpected interruptions in 54 days on 2,048 machines of 8 GPUs, one in 6,300 hours a machine. The other rows are
# assumptions: *once in 24 h* is a machine that is lent and taken back.

# %%
HOUR = 3600.0
RATES = {
    "once in 6,300 h (Llama 3)": 2048 * 54 * 24 / 419,
    "once in 24 h": 24,
    "once in 3 h": 3,
}
CASES = {
    name: schedule.Failures(
        between=hours * HOUR, away=HOUR / 2, delay=120, every=70
    )
    for name, hours in RATES.items()
}
several = [count for count in gpus if count > 1] or gpus
failing = cluster_plan.with_failures(tasks, several, CASES, a_node=a_node)
report.show_table(failing, 2)

# %%
whole = schedule.Failures(
    between=3 * HOUR, away=HOUR / 2, delay=120, every=3 * HOUR
)
without = cluster_plan.outcome(
    tasks, schedule.Machines(gpus=several[-1], a_node=a_node), whole, 20
)
shared = len(tasks) * times.checkpoint_mib() / 60
Markdown(
    f"**What is seen.** A failure costs about a minute of each run that it "
    f"stops, at most. What it costs beyond that is the machine: while it is "
    f"away the others have its work. Without checkpoints, failures every "
    f"three hours would lose {without['lost']:.0f} GPU hours on "
    f"{several[-1]} GPUs in place of "
    f"{failing['GPU hours lost'].iloc[-1]:.1f}. Their price: "
    f"a state has {times.checkpoint_mib():.0f} MiB, so {len(tasks)} runs at a "
    f"time write {shared / 1024:.1f} GiB a second to the shared file system. "
    "Where that is too much, `--checkpoint-every 600` writes a tenth."
)

# %% [markdown]
# ## Measured: the recorded runs on two-core machines
#
# The runs of profile `workstation` that are recorded, with the times that they took, each on one core of a machine
# that had two. The schedule is simulated: what these runs would take on more such machines.

# %% mystnb={"figure": {"caption": "The recorded runs of profile `workstation` on machines of two cores: hours from their measured times, what they would be if all cores were busy all the time (dashed), and the share of busy time.", "name": "fig-cluster-workstation"}, "image": {"alt": "Hours by number of two-core machines, falling until the longest run sets a floor, and the share of busy time."}}
recorded = cluster_plan.measured()
none = Markdown("No run of `workstation` is recorded here.")
MACHINES = [2**power for power in range(7)]
cores = cluster_plan.curve(
    recorded or tasks, [2 * count for count in MACHINES], 2
)
cores.index = [count // 2 for count in cores.index]
figures_cluster.scaling(
    {f"{len(recorded)} runs": (cores,)},
    "machines of two cores",
    MACHINES,
    "Hours and busy share by the number of machines, from measured times.",
) if recorded else none

# %%
report.show_table(
    cores.rename_axis("machines").rename(
        columns={
            "work": "hours if all are busy",
            "path": "hours of the longest chain",
        }
    ),
    2,
) if recorded else none

# %%
longest, path = chains.longest_chain(recorded or tasks)
Markdown(
    f"**What is seen.** {len(recorded)} runs took "
    f"{sum(task.seconds for task in recorded) / 3600:.1f} hours of a core. "
    f"The longest chain is {longest / 3600:.1f} hours"
    + (
        ": a near-NC model and a run that starts from it. "
        if len(path) > 1
        else ". "
    )
    + f"Beyond {chains.useful_gpus(recorded or tasks):.0f} cores more bring "
    "little, for the same reason as above."
) if recorded else none
