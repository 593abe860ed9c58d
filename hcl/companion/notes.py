"""What stands at the top of a page: data that stand in for the paper's, what made the runs, what is left."""

from collections import Counter
from collections.abc import Sequence

from IPython.display import Markdown

from hcl.companion.costs import cost_note
from hcl.companion.facts import facts, grouped
from hcl.companion.facts import origin as facts_of_runs
from hcl.companion.labels import label, training
from hcl.companion.registry import row_of
from hcl.companion.study import BY_ROW, Study
from hcl.companion.unseen import UNSEEN
from hcl.training.catalogue import NUM_TRAIN
from hcl.training.runs import Run
from hcl.training.spec import RunSpec

MARK = '<div class="hcl-note"></div>'  # where the book puts the card of a page


def stand_in_note(study: Study) -> str:
    """Return HTML, for the top of a page, that says which data set stands in for the paper's; empty where none does."""
    if not study.stands_in:
        return ""
    own, name = study.figure.dataset, study.figure.name
    spec = study.specs[0]
    each = f"{(spec.num_train or NUM_TRAIN[study.dataset]) // spec.num_classes} training images"
    return (
        f'<div class="admonition warning"><p class="admonition-title">Not {own}: {study.dataset}</p>'
        f"<p>The paper trains on {own}, whose files were not at hand. These runs are on {study.dataset}: the first "
        f"{spec.num_classes} classes of Tiny-ImageNet at 32 by 32 pixels, {each} each: the same shape, harder images. "
        f"What is said of the paper's claims here is said of this data. Where the files of {own} are, or can be "
        "downloaded, the first command makes these runs on them, and the second those of the paper:</p>"
        f'<div class="highlight-bash notranslate"><div class="highlight"><pre>hcl run {name} --profile {study.profile} '
        f'-p dataset={own}\n</pre></div></div><div class="highlight-bash notranslate"><div class="highlight"><pre>'
        f"hcl run {name} --profile paper -p dataset={own}\n</pre></div></div></div>\n\n"
    )


def note(studies: Sequence[Study], runs: Sequence[Run], begun: Sequence[Study] = ()) -> str:
    """Return what stands at the top of a page, as Markdown: data that stand in, what made the runs, what is left.

    Args:
        studies: that the page shows, rows of a figure that were run at different profiles being studies of their own.
        runs: of them.
        begun: studies at better profiles of which less than half is made.
    """
    groups = grouped(studies)
    text = "".join(stand_in_note(study) for study in {study.dataset: study for study in studies}.values())
    paragraphs = []
    for of in groups:
        specs = {spec for study in of for spec in study.specs}
        rows = "; ".join(row_of(study.specs[0]) for study in of) if len(groups) > 1 else ""
        paragraphs.append(provenance_note(of[0], [run for run in runs if run.spec in specs], rows))
    paragraphs += [left_note(study) for study in studies if study.partial]
    paragraphs += [begun_note(study) for study in begun]
    return text + "\n\n".join([*paragraphs, cost_note(studies[0].dataset)])


def where(studies: Sequence[Study], runs: Sequence[Run], begun: Sequence[Study] = ()) -> Markdown:
    """Return `note` to be shown in a notebook, and with it the facts that the book makes a card of.

    Args:
        studies: see `note`.
        runs: see `note`.
        begun: see `note`.
    """
    left = [left_note(study) for study in studies if study.partial] + [begun_note(study) for study in begun]
    stand_ins = [stand_in_note(study) for study in {study.dataset: study for study in studies}.values()]
    said = facts(studies, runs) | {"left": left, "stand_in": "".join(stand_ins)}
    return Markdown(f"{MARK}\n\n{note(studies, runs, begun)}", metadata={"hcl": said})


def origin(runs: Sequence[Run] = (), line: str = "", **said: str) -> Markdown:
    """Return nothing to be seen, with the facts that the book makes a card of.

    Shown in a cell with a drawing or table it speaks of these; in a cell of its own, of the whole page.

    Args:
        runs: that what is shown was made from.
        line: what a closed card says instead, where it was made from something else.
        **said: what an open one says, by name; ``_`` is a space.
    """
    told = {"line": line, "said": [[name.replace("_", " "), text] for name, text in said.items()]} if line else {}
    return Markdown(UNSEEN, metadata={"hcl": told or facts_of_runs(runs)})


def begun_note(study: Study) -> str:
    """Return Markdown that says which runs there are of a study at a better profile than the one that is shown."""
    made = [label(spec) for spec in study.recorded()]
    row = f", {row_of(study.specs[0])}" if study.figure.name in BY_ROW else ""
    return (
        f"**Begun** at `{study.profile}`{row}: {len(made)} of {len(study.specs)} runs ({'; '.join(made)}), to be shown "
        "here once half are made. Claims on geometry are judged by these, and wait for the others."
    )


def left_note(study: Study) -> str:
    """Return Markdown that names the runs of a partial study that are still to be made."""
    several = len({row_of(spec) for spec in study.specs}) > 1

    def name(spec: RunSpec) -> str:
        row = f" ({row_of(spec)})" if several else ""
        return label(spec) + row + (f", seed {spec.seed}" if spec.seed else "")

    left = [name(spec) for spec in study.left()]
    row = f", {row_of(study.specs[0])}" if study.figure.name in BY_ROW else ""
    return (
        f"**Still to be made** at `{study.profile}`{row}, {len(left)} of {len(study.specs)} runs: {'; '.join(left)}. "
        "Their curves and rows are missing here."
    )


def provenance_note(study: Study, runs: Sequence[Run], rows: str = "") -> str:
    """Return Markdown that says which profile, data, device, code and time made the runs.

    Args:
        study: that the runs are of.
        runs: the records.
        rows: names of the rows of a figure that it is about, where it is not about all of them.
    """
    about = f"Row{'s' * (';' in rows)} {rows}: profile" if rows else "Profile"
    if not runs:
        return f"**{about} `{study.profile}`**: no run yet."

    def each(key: str, of: Sequence[Run] = runs) -> str:
        return ", ".join(sorted({str(run.provenance[key]) for run in of}))

    trained = [run for run in runs if not run.same_as] or runs
    commits = ", ".join(sorted({str(run.provenance["commit"])[:10] for run in trained}))
    ways = Counter(training(run.spec) for run in runs).most_common()
    others = f"; and {sum(n for _, n in ways[2:])} runs that were trained otherwise" if len(ways) > 2 else ""
    seeds = ", ".join(str(seed) for seed in sorted({run.spec.seed for run in runs}))
    minutes = sum(run.provenance["wall_seconds"] for run in trained) / 60
    folders = " and ".join(sorted({f"`runs/{run.path.parent.name}`" for run in runs if run.path is not None}))
    twice = len(runs) - len(trained)
    once = f", {twice} of them on the sphere shown by the run on the ball that they are to the bit" if twice else ""
    return (
        f"**{about} `{study.profile}`**: {'; '.join(name for name, _ in ways[:2])}{others}.\n\n"
        f"{len(runs)} runs{once}, seed {seeds}, {minutes:.0f} minutes in all on {each('device')}, with torch "
        f"{each('torch')} and the library at commit {commits}. Records: {folders}; times and fingerprints of the data "
        f"({each('data_source')}) are in each run's `provenance.json`."
    )
