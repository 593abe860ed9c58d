import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from helpers import ROOT
from nbclient import NotebookClient
from test_notebooks import HEADER

from hcl.companion import book, kernels, notebooks


def project(tmp_path, page):
    """A project of one page."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "runs").mkdir()
    (tmp_path / "notebooks" / "page.py").write_text(f"{HEADER}\n# %% [markdown]\n# # A page\n\n{page}\n")
    (tmp_path / "book" / "index.md").write_text("# Title\n\nText.\n")
    (tmp_path / "_config.yml").write_text('only_build_toc_files: true\nexecute: {execute_notebooks: "off"}\n')
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/index\nchapters:\n- file: book/pages/page\n")
    notebooks.sync(tmp_path / "notebooks")
    return tmp_path


@pytest.mark.slow  # two builds, beside `make book`
def test_a_sound_page_is_published_with_its_output(tmp_path):
    index = book.build(project(tmp_path, "# %%\nprint('forty', 1 + 1)\n\n# %%\n6 * 7"), ["page"])
    assert index.exists()
    html = (tmp_path / "_build/html/book/pages/page.html").read_text()
    assert "forty 2" in html
    assert ">42\n" in html
    (tmp_path / "book" / "index.md").write_text("# Title\n\n[broken](nowhere.md)\n")
    with pytest.raises(book.BookError, match="warnings"):
        book.build(tmp_path, ["page"])


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("# %%\n1 / 0", "page: cell 1: ZeroDivisionError"),
        ("# %%\nNone", "page: code cell 0 shows nothing: 'None'"),
        ("# %%\nfrom hcl import paper\npaper.study('fig05', 'laptop').runs()", "MissingRunError.*HCL_TRAIN=0"),
    ],
    ids=["error", "hollow", "missing run"],
)
def test_a_broken_page_fails_the_build(tmp_path, page, message):
    with pytest.raises(book.BookError, match=f"(?s){message}"):
        book.build(project(tmp_path, page), ["page"])
    assert not (tmp_path / "_build").exists()


def test_a_pair_out_of_step_fails_the_build(tmp_path):
    root = project(tmp_path, "# %%\n1")
    (root / "notebooks/page.py").write_text(HEADER + "\n# %%\n2\n")
    with pytest.raises(book.BookError, match="out of step: page"):
        book.build(root, ["page"])


def test_an_image_that_is_not_there_is_found(tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "there.png").touch()
    tags = '<img alt="a" src="../there.png"/> <img src="../gone.png"> <img src="https://example.org/x.png">'
    (tmp_path / "pages/a.html").write_text(tags)
    assert book.missing_images(tmp_path) == ["pages/a.html: ../gone.png"]


def test_faults_see_what_jupyter_book_would_publish():
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("x = 1"),
            nbformat.v4.new_code_cell("x", execution_count=2),
            nbformat.v4.new_code_cell(
                "y", execution_count=3, outputs=[nbformat.v4.new_output("error", ename="NameError", evalue="y")]
            ),
            nbformat.v4.new_code_cell("# only a comment", execution_count=4),
            nbformat.v4.new_code_cell(
                "z = 1",
                execution_count=5,
                outputs=[nbformat.v4.new_output("stream", name="stderr", text="made.py:1:\n  UserWarning: no")],
            ),
            nbformat.v4.new_code_cell(
                "print(1)", execution_count=6, outputs=[nbformat.v4.new_output("stream", name="stdout", text="1")]
            ),
        ],
        metadata={"papermill": {"exception": True}},
    )
    assert book.faults(notebook) == [
        "papermill recorded an exception",
        "code cell 0 was not executed",
        "code cell 1 shows nothing: 'x'",
        "code cell 2 holds an error",
        "code cell 4 wrote a warning: 'made.py:1: UserWarning: no'",
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")
def test_a_forked_kernel_is_a_process_of_its_own_to_which_nothing_passes(tmp_path, monkeypatch):
    monkeypatch.setenv("HCL_SEEN", "from outside")
    cells = (
        "import os, sys, torch\nprint('torch' in sys.modules, hasattr(torch, 'left'), os.environ['HCL_SEEN'])",
        "torch.left = 1\nos.environ['HCL_SEEN'] = 'from a page'",
        "print(os.getpid(), os.getpgid(0), os.getcwd())\nimport matplotlib; print(matplotlib.get_backend())",
    )
    kernels_seen = []
    with kernels.forked():
        for _ in range(2):
            page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
            NotebookClient(page, resources={"metadata": {"path": str(tmp_path)}}, kernel_name="python3").execute()
            assert page.cells[0].outputs[0].text == "True False from outside\n"
            (pid, group, folder), (backend,) = (line.split() for line in page.cells[2].outputs[0].text.splitlines())
            assert pid == group and int(group) != os.getpgid(0) and Path(folder) == tmp_path
            assert "inline" in backend
            kernels_seen.append(int(pid))
    assert len(set(kernels_seen)) == 2 and not any(Path(f"/proc/{pid}").exists() for pid in kernels_seen)


def test_generated_pages_and_builds_are_not_committed():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert not [path for path in tracked if path.startswith(("book/pages/", "_build/", "data/", "runs/smoke/"))]


@pytest.mark.parametrize(
    ("source", "shows"),
    [
        ("x", True), ("x = 1\nx", True), ("await x", True), ("%matplotlib inline\nx", True), ("!ls\nx", True),
        ("x = 1", False), ("", False), ("# x", False), ("x;", False), ("?x", False), ("x?", False), ("x??", False),
        ("!ls", False), ("x = !ls", False), ("%timeit x", False), ("%%time\nx", False), ("%%bash\nls | head", False),
        ("x = %pwd", False), ("for x in y:\n    !ls {x}", False), ("x = (", False),
    ],
)  # fmt: skip
def test_cells_with_ipython_syntax_are_looked_at_as_ipython_reads_them(source, shows):
    assert book._shows_something(source) is shows
    cell = nbformat.v4.new_code_cell(source, execution_count=1)
    hollow = book.faults(nbformat.v4.new_notebook(cells=[cell]))
    assert len(hollow) == shows


def test_a_clone_has_the_same_line_ends_whatever_git_is_set_to():
    """Records have hashes, and pairs of notebooks are compared: no file may come with CR."""
    listed = subprocess.run(["git", "ls-files", "--eol"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        index, tree, *attributes = line.partition("\t")[0].split()
        path = line.partition("\t")[2]
        if path.endswith((".npz", ".png")):
            assert "attr/-text" in attributes, line
        else:
            assert index in ("i/lf", "i/none") and tree in ("w/lf", "w/none", "w/"), line
            assert {"eol=lf", "attr/-text"} & set(attributes), line
