"""Where records and data are looked for, from a checkout and installed without one."""

from pathlib import Path

import pytest
from helpers import ROOT
from typer.testing import CliRunner

from hcl.companion import book, cli, notebooks
from hcl.errors import HclError
from hcl.training import places
from hcl.training.places import NoCheckoutError


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The package as a wheel leaves it, and a current folder elsewhere."""
    package = tmp_path / "site-packages" / "hcl"
    package.mkdir(parents=True)
    monkeypatch.setattr(places, "PACKAGE", package)
    monkeypatch.chdir(tmp_path)
    return package.parent


@pytest.mark.parametrize(
    ("variable", "root", "name"), [("HCL_DATA", places.data_root, "data"), ("HCL_RUNS", places.runs_root, "runs")]
)
def test_a_folder_is_what_the_variable_says_else_of_the_checkout(variable, root, name, tmp_path, monkeypatch):
    monkeypatch.setenv(variable, str(tmp_path))
    assert root() == tmp_path
    monkeypatch.setenv(variable, "~/somewhere")
    assert root() == Path.home() / "somewhere"
    monkeypatch.chdir(tmp_path)
    for unset in (lambda: monkeypatch.setenv(variable, ""), lambda: monkeypatch.delenv(variable)):
        unset()
        assert root() == ROOT / name, "whatever the current folder is"


@pytest.mark.parametrize(
    ("variable", "root", "name"), [("HCL_DATA", places.data_root, "data"), ("HCL_RUNS", places.runs_root, "runs")]
)
def test_without_a_checkout_a_folder_is_in_the_current_one(variable, root, name, installed, monkeypatch):
    monkeypatch.delenv(variable, raising=False)
    assert places.checkout_root() is None and root() == Path(name)


def test_what_needs_the_checkout_says_so_in_one_line_and_touches_nothing(installed):
    (installed / "book" / "pages").mkdir(parents=True)  # of another package, by chance
    for command in (book.build, notebooks.sync, lambda: notebooks.path_of("theory"), places.project):
        with pytest.raises(NoCheckoutError, match="clone it, and run this there") as caught:
            command()
        assert "\n" not in str(caught.value)
    assert (installed / "book" / "pages").is_dir()


@pytest.mark.parametrize("command", ["book", "sync", "run theory", "verify", "runs check"])
def test_commands_that_need_the_checkout_end_with_2_and_one_line(command, installed, monkeypatch):
    for variable in ("HCL_RUNS", "HCL_DATA"):
        monkeypatch.delenv(variable, raising=False)
    (installed / "book" / "pages").mkdir(parents=True)
    result = CliRunner().invoke(cli.app, command.split())
    assert result.exit_code == 2 and result.stdout == "", result.output
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert "clone it" in result.stderr or "There are no records in runs: set HCL_RUNS" in result.stderr
    assert (installed / "book" / "pages").is_dir()


@pytest.mark.parametrize(("variable", "root"), [("HCL_DATA", places.data_root), ("HCL_RUNS", places.runs_root)])
def test_a_home_that_is_not_there_is_said_in_one_line(variable, root, monkeypatch):
    monkeypatch.setenv(variable, "~nobody-of-this-name/data")
    with pytest.raises(HclError, match=f"{variable}=~nobody-of-this-name/data: there is no home folder"):
        root()
