"""Where a figure comes from: the facts in a notebook's metadata, the cards made of them, the files they link to."""

import csv
import io
import json
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from docutils import nodes
from helpers import ROOT
from test_notebooks import HEADER
from test_paper import made_up

from hcl.companion import book, cards, downloads, estimates, facts, notebooks, notes
from hcl.companion import study as studies
from hcl.companion.extensions import cards as extension
from hcl.training.runs import save

MADE = {
    "device": "CPU Some Kind, 2 cores", "threads": 1, "torch": "2.0", "python": "3.11", "commit": "abcdef0123456789",
    "date": "2026-01-02T03:04:05+00:00", "data_source": "files", "data_fingerprint": "f00d", "peak_memory_mib": 1536,
}  # fmt: skip


def recorded(study, seconds=60.0):
    """Made-up records of a study, saved."""
    for number, spec in enumerate(study.specs):
        made = made_up(spec, equal_inner_product=0.1, loss=0.3)
        made = replace(made, arrays={"means": np.eye(3)}, provenance=MADE | {"wall_seconds": seconds + number})
        save(made, study.profile)
    return study.records()


@pytest.fixture
def told():
    """What a page of Figure 3 on stand-in data has in its metadata."""
    study = studies.study("fig03", "laptop", dataset="tinyimagenet100", hardness=[0, 5], seeds=[0, 1])
    said = notes.where([study], recorded(study)).metadata["hcl"]
    return json.loads(json.dumps(said)) | {"executed": MADE}


def test_facts_are_those_of_the_records(told):
    (group,) = told["groups"]
    assert (group["profile"], group["dataset"], group["stands_in_for"]) == ("laptop", "tinyimagenet100", "cifar100")
    assert (group["runs"], group["wanted"], group["seeds"], group["memory_mib"]) == (8, 8, [0, 1], 1536)
    assert group["seconds"] == 63.5 and group["data"] == [["files", "f00d"]] and group["commits"] == [MADE["commit"]]
    assert told["parameters"] == {
        "profile": "laptop", "dataset": "tinyimagenet100", "hardness": [0.0, 5.0], "seeds": [0, 1], "epochs": 60,
    }  # fmt: skip
    assert len(told["records"]) == 8 and all(name.startswith("laptop/tinyimagenet100-") for name in told["records"])


def test_a_closed_card_says_the_main_things_in_a_line(told):
    line = cards.line(told)
    assert line == (
        'laptop · tinyimagenet100 <span class="hcl-stand-in">stands in for cifar100</span> · seeds 0, 1 · 8 runs · '
        "64 s each · commit <code>abcdef0</code>"
    )
    assert cards.line(told | {"groups": [told["groups"][0] | {"wanted": 10}]}).count("8 of 10 runs") == 1
    computed = cards.line({"executed": MADE})
    assert computed == "computed when this page was built · commit <code>abcdef0123</code>"


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.open, self.links, self.commands = [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag == "a":
            self.links.append(dict(attributes))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] == "pre":
            self.commands.append(text.strip())


def test_an_open_card_says_everything(told):
    html = cards.card(told, downloads.links(told, "fig03_cifar100", "../../"), head=True)
    tags = Tags(html)
    assert html.startswith("<details") and "<dt>Data</dt>" in html and "f00d" in html and "torch 2.0" in html
    assert "1.5 GiB of memory at most" in html and "CPU Some Kind, 2 cores, 1 thread a run" in html
    assert tags.commands[:2] == ["hcl run fig03 --profile smoke", "hcl run fig03 --profile laptop -p 'seeds=[0,1]'"]
    assert [command.split()[4] for command in tags.commands] == ["smoke", "laptop", "workstation", "gpu", "paper"]
    assert all(link["download"] and link["href"].startswith("../../") for link in tags.links) and len(tags.links) == 5
    assert 'class="highlight"><pre>' in html, "where the copy button looks for commands"
    Tags(cards.card({"executed": MADE}))


def test_what_is_left_stands_in_the_card_at_the_top_alone(told):
    left = {"left": ["**Still to be made** at `gpu`: 1 < 2"]}
    assert "<b>Still to be made</b> at <code>gpu</code>: 1 &lt; 2" in cards.card(told | left, head=True)
    assert "Still to be made" not in cards.card(told | left)


def test_costs_are_measured_by_own_records_else_estimated_and_called_so(runs_root):
    small = studies.study("fig03", "laptop", dataset="tinyimagenet100", hardness=[0], seeds=[0])
    assert estimates.estimate(small.specs).source == "not known"
    recorded(small, seconds=100.0)
    own = estimates.estimate(small.specs)
    assert (own.seconds, own.memory_mib, own.source) == (100.5, 1536, "measured")
    assert own.words(2) == "measured: 3 min, 2 runs of 2 min, 1.5 GiB"
    longer = studies.study("fig03", "workstation", dataset="tinyimagenet100", hardness=[0], seeds=[0])
    kin = estimates.estimate(longer.specs)
    assert kin.source == "estimated" and kin.seconds == pytest.approx(1005), "ten times as many epochs"
    assert "2 other runs with this encoder" in kin.basis


def test_costs_on_a_gpu_are_by_the_benchmarks_measured_before_predicted(tmp_path, runs_root):
    (tmp_path / "results").mkdir()
    case = '"cifar stem, C=100, B=512, + graph"'
    (tmp_path / "predictions.csv").write_text(
        f"device,suite,case,quantity,predicted\nH100,step,{case},images_per_second,10000\n"
        f"H100,step,{case},memory_gb,6.5\n"
    )
    specs = studies.study("fig03", "paper", dataset="cifar100", seeds=[0]).specs
    predicted = estimates.estimate(specs, benchmarks=tmp_path)
    assert predicted.seconds == 400 * 50_000 / 10_000 and predicted.memory_mib == 6500
    assert predicted.source == "estimated" and "fp32 takes longer" in predicted.basis
    (tmp_path / "results" / "step_gpu.csv").write_text(
        f"case,images_per_second,memory_gb,device\n{case},20000,,A GPU\n" + f"{case},1,1,CPU\n"
    )
    measured = estimates.estimate(specs, benchmarks=tmp_path)
    assert measured.seconds == predicted.seconds / 2 and "A GPU" in measured.basis


# Files


def test_files_hold_every_epoch_and_every_setting(told, tmp_path, runs_root):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "a.py").write_text("β = 1\n", encoding="utf-8")
    (tmp_path / "runs").symlink_to(runs_root)
    html = tmp_path / "html"
    (html / "_sources/book/pages").mkdir(parents=True)
    (html / "_sources/book/pages/a.ipynb").write_text('{"é": "</script>"}', encoding="utf-8")
    written = downloads.write(told, "a", tmp_path, html)
    offered = {address.removeprefix("up/") for _, address, _ in downloads.links(told, "a", "up/")}
    assert {path.relative_to(html).as_posix() for path in written} | {"_sources/book/pages/a.ipynb"} == offered
    rows = list(csv.DictReader(io.StringIO((html / "records/fig03-history.csv").read_text())))
    assert {row["run"] for row in rows} == {name.partition("/")[2] for name in told["records"]}
    assert set(rows[0]) >= {"profile", "run", "epoch", "loss", "equal_inner_product"}
    runs = json.loads((html / "records/fig03-runs.json").read_text())
    assert len(runs) == 8 and all(run["spec"]["epochs"] == 60 and run["provenance"]["sha256"] for run in runs.values())
    packed = (html / "records/fig03-records.zip").read_bytes()
    assert len(zipfile.ZipFile(io.BytesIO(packed)).namelist()) == 8 * 3
    downloads.write(told, "a", tmp_path, html)
    assert (html / "records/fig03-records.zip").read_bytes() == packed, "the same bytes every time"
    for name in ("records/a.py", "records/fig03-runs.json", "_sources/book/pages/a.ipynb"):
        script = (html / f"{name}.js").read_text(encoding="utf-8")
        name_and_text = json.loads(f"[{script.strip().removeprefix('hclDownload(').removesuffix(')')}]")
        assert name_and_text == [name.rpartition("/")[2], (html / name).read_text(encoding="utf-8")]
    assert downloads.links({"executed": MADE}, "a", "")[0][0] == "a.ipynb", "no records, no files of them"


# On the page


def page_of(*cells):
    """A document as MyST-NB makes it: cells with their source, and an output each."""
    tree = nodes.document(None, None)
    for source, output in cells:
        shown = nodes.container("", output, classes=["cell_output"])
        given = nodes.container("", nodes.literal_block("", source), classes=["cell_input"])
        tree += nodes.container("", given, shown, classes=["cell"])
    return tree


def app_of(path):
    """What of Sphinx the extension asks, for a page that is this file."""
    env, builder = SimpleNamespace(doc2path=lambda page: str(path)), SimpleNamespace(format="html")
    return SimpleNamespace(env=env, builder=builder)


def test_cards_stand_under_figures_and_tables_and_not_under_words(told, tmp_path):
    path = tmp_path / "book/pages/fig03_cifar100.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(nbformat.v4.new_notebook(metadata={"hcl": told}), path)

    html = lambda text: nodes.raw("", text, format="html")  # noqa: E731
    tree = page_of(
        ("page.note()", html(notes.MARK)),
        ("draw()", nodes.figure("", nodes.image(uri="a.png"))),
        ("page.table()", html("<style></style><table></table>")),
        ("page.verdict_table()", html("<table></table>")),
        ("print(1)", nodes.literal_block("", "1")),
    )
    extension.add_cards(app_of(path), tree, "book/pages/fig03_cifar100")
    placed = [node.astext() for node in tree.findall(nodes.raw) if "hcl-card" in node.astext()]
    assert len(placed) == 3
    assert "hcl-card-head" in placed[0] and "Not cifar100: tinyimagenet100" in placed[0]
    assert "Not cifar100" not in placed[1] and 'href="../../records/fig03-history.csv"' in placed[1]
    figure = next(iter(tree.findall(nodes.figure)))
    assert "hcl-card" in figure.parent.next_node(descend=False, siblings=True).astext()
    assert notes.MARK not in "".join(node.astext() for node in tree.findall(nodes.raw))
    path.with_suffix(".md").write_text("# Words\n")
    assert extension.told(path.with_suffix(".md")) is None


# In the notebook


def test_an_executed_notebook_says_what_made_it_and_no_path_of_the_machine(tmp_path, runs_root, monkeypatch):
    monkeypatch.setenv("HCL_TRAIN", "0")
    study = studies.study("fig05", "laptop", hardness=[0, 5], seeds=[0, 1])
    recorded(study)
    (tmp_path / "page.py").write_text(
        f'{HEADER}\n# %% tags=["parameters"]\nprofile: str = "auto"  # of it\n\n# %%\n'
        "from hcl.companion import pages, parameters\n\nparameters.check()\n"
        'page = pages.load("fig05", profile, hardness=[0, 5])\npage.note()\n'
    )
    notebooks.sync(tmp_path)
    output = notebooks.execute("page", tmp_path / "out" / "page.ipynb", {"profile": "laptop"}, tmp_path)
    text = output.read_text(encoding="utf-8")
    for path in (tmp_path, ROOT, runs_root, "/home", "/tmp"):
        assert str(path) not in text
    about = nbformat.read(output, as_version=4).metadata
    assert about.papermill.input_path == "notebooks/page.ipynb" and about.papermill.output_path == "page.ipynb"
    assert about.hcl.parameters == {
        "profile": "laptop", "dataset": "cifar10", "hardness": [0.0, 5.0], "seeds": [0, 1], "epochs": 60,
    }  # fmt: skip
    assert about.hcl.commits == [MADE["commit"]] and {"commit", "torch", "date", "device"} <= set(about.hcl.executed)
    assert text.count('"fingerprint') == 0 and text.count(study.specs[0].run_id) == 1, "told once"
    nbformat.validate(nbformat.read(output, as_version=4))


ORIGINS = """
# %%
from hcl.companion import notes
from hcl.companion.study import study
from IPython.display import HTML, display

notes.origin(line="measured <once>", Measured_on="a machine")

# %%
display(notes.origin(study("fig05", "laptop", hardness=[5], seeds=[0]).records()))
HTML("<svg></svg>")

# %%
HTML("<table></table>")
"""


def test_what_a_cell_shows_can_come_from_elsewhere_than_the_page(tmp_path, runs_root, monkeypatch):
    monkeypatch.setenv("HCL_TRAIN", "0")
    recorded(studies.study("fig05", "laptop", hardness=[0, 5], seeds=[0]))
    (tmp_path / "mixed.py").write_text(f"{HEADER}{ORIGINS}", encoding="utf-8")
    notebooks.sync(tmp_path)
    notebook = nbformat.read(notebooks.execute("mixed", tmp_path / "out/mixed.ipynb", {}, tmp_path), as_version=4)
    page, cells = notebook.metadata["hcl"], [cell.metadata.get("hcl") for cell in notebook.cells]
    assert page["said"] == [["Measured on", "a machine"]] and "groups" not in page
    assert [bool(told) for told in cells] == [False, True, False]
    assert [len(cell.outputs) for cell in notebook.cells] == [1, 1, 1], "beside a drawing it would be drawn too"
    assert not book.faults(notebook)
    (group,) = cells[1]["groups"]
    assert (group["profile"], group["dataset"], group["runs"], group["wanted"]) == ("laptop", "cifar10", 2, 2)

    tree = page_of(*((cell.source, nodes.raw("", cell.outputs[-1].data["text/html"])) for cell in notebook.cells[1:]))
    for cell, container in zip(notebook.cells[1:], tree.children, strict=True):
        container["cell_metadata"] = dict(cell.metadata)
    extension.add_cards(app_of(tmp_path / "out/mixed.ipynb"), tree, "book/pages/mixed")
    own, other = [node.astext() for node in tree.findall(nodes.raw) if "hcl-card" in node.astext()]
    assert "laptop · cifar10 · seed 0 · 2 runs" in own and "measured" not in own
    assert "measured &lt;once&gt; · page of commit" in other and "<dt>Measured on</dt><dd>a machine</dd>" in other
    assert "built" not in other and "laptop" not in other


def test_runs_of_two_profiles_and_data_sets_are_groups_of_their_own(runs_root):
    one, two = (studies.study("fig03", p, dataset="tinyimagenet100", hardness=[5]) for p in ("laptop", "workstation"))
    three = studies.study("fig05", "laptop", hardness=[0])
    runs = [run for study in (one, two, three) for run in recorded(study)]
    groups = facts.origin(runs)["groups"]
    assert [(g["profile"], g["dataset"], g["stands_in_for"], g["runs"]) for g in groups] == [
        ("laptop", "tinyimagenet100", "cifar100", len(one.specs)),
        ("workstation", "tinyimagenet100", "cifar100", len(two.specs)),
        ("laptop", "cifar10", "", len(three.specs)),
    ]


def test_a_figure_without_runs_yet_has_facts_too():
    study = studies.study("fig05", "laptop")
    said = facts.facts([study], [])
    assert said["groups"][0]["runs"] == 0 and said["parameters"]["seeds"] == [0]
    assert "no run yet" in cards.card(said | {"executed": MADE})
