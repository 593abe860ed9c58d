"""The page on the book's own making, and what is said before anything is trained."""

from dataclasses import replace

import nbformat
import numpy as np
from test_paper import made_up

from hcl.companion import registry, status
from hcl.companion import study as studies
from hcl.training.runs import save

MADE = {"date": "2026-01-02T03:04:05+00:00", "commit": "abc", "sources": "123", "device": "A CPU", "python": "3.11"}


def page(folder, name, **metadata):
    cells = [nbformat.v4.new_markdown_cell(f"# Page {name}\n\nWords.")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), folder / f"{name}.ipynb")


def test_the_page_says_what_was_executed_for_how_long_and_what_is_recorded(tmp_path, runs_root):
    folder = tmp_path / "book/pages"
    folder.mkdir(parents=True)
    groups = [{"runs": 4, "profile": "laptop"}, {"runs": 3, "profile": "gpu"}]
    page(folder, "one", hcl={"executed": MADE, "groups": groups}, papermill={"duration": 100.0})
    page(folder, "two", hcl={"executed": MADE | {"date": "2026-01-03T00:00:00+00:00"}}, papermill={"duration": 12.0})
    page(folder, "bare")
    for spec in studies.study("fig03", "laptop", dataset="tinyimagenet100", hardness=[0], seeds=[0]).specs:
        made = {"device": "CPU Some Kind, 2 cores", "threads": 1, "wall_seconds": 9.0}
        save(replace(made_up(spec), arrays={"means": np.eye(3)}, provenance=made), "laptop")
    (tmp_path / "runs").symlink_to(runs_root)
    text = status.write(tmp_path).read_text(encoding="utf-8")
    assert "| Executed | 2026-01-03 00:00 UTC |" in text and "| Commit | `abc` |" in text and "| torch | " in text
    assert "| {doc}`Page one <one>` | 2 min | 7 | laptop, gpu |" in text
    assert "| {doc}`Page two <two>` | 12 s | – | – |" in text and "| {doc}`Page bare <bare>` | – | – | – |" in text
    assert "3 notebooks, 2 min one after another" in text
    assert "- `laptop`: 2 on CPU Some Kind, 2 cores, 1 thread a run\n- `workstation`: none yet" in text
    assert "| Figure 3, `fig03` | 2 of 10 (stand-in) | – | – | – |" in text
    trained = [figure for figure in registry.FIGURES.values() if figure.dataset is not None]
    assert sum(f"`{figure.name}` |" in text for figure in trained) == len(trained)


def test_a_book_without_notebooks_and_records_has_a_page_too(tmp_path):
    (tmp_path / "runs").mkdir()
    text = status.write(tmp_path).read_text(encoding="utf-8")
    assert "0 notebooks" in text and "0 runs are recorded." in text
