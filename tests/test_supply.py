"""What comes from elsewhere: packages, data, states, archives; and that tests reach no network."""

import ast
import os
import pickle
import re
import socket
import subprocess
import sys
import threading

import pytest
import torchvision
from helpers import ROOT

from hcl.training import data
from hcl.training.images import DataError

SOURCES = sorted(
    [*(ROOT / "hcl").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py"), *(ROOT / "notebooks").glob("*.py")]
)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

# Packages


def test_packages_are_installed_by_their_hashes_only():
    assert re.findall(r"pip install .*requirements\.txt", MAKEFILE) == re.findall(
        r"pip install --quiet --require-hashes --requirement requirements\.txt", MAKEFILE
    ) != []  # fmt: skip
    assert "--generate-hashes --output-file requirements.txt" in MAKEFILE


def test_the_lock_is_looked_through_for_known_faults_by_a_command():
    (recipe,) = re.findall(r"^audit:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert "pip-audit==" in recipe and "--requirement requirements.txt" in recipe and "--require-hashes" in recipe
    assert "--strict" in recipe  # else what the list does not know passes for sound


# Files


def calls(tree):
    """Yield (name, keywords) of every call of a module, the name with what stands before it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {each.arg: ast.unparse(each.value) for each in node.keywords}


# By the end of a call's name, what it has to be told; None is never called.
NEEDED = {
    "torch.load": ("weights_only", "True"), "extractall": ("filter", "'data'"), "tar.extract": ("filter", "'data'"),
    "pickle.load": None, "pickle.loads": None, "unpack_archive": None, "yaml.load": None, "joblib.load": None,
    "os.system": None,
}  # fmt: skip


def careless(source):
    """Return the calls of a source that would run what a file says, or write where an archive says."""
    found = []
    for name, keywords in calls(ast.parse(source)):
        for end, told in NEEDED.items():
            if name == end or name.endswith(f".{end}"):
                found += [name] if told is None or keywords.get(told[0]) != told[1] else []
        wrong = keywords.get("shell", "False"), keywords.get("allow_pickle", "False")
        found += [name] if name in ("eval", "exec") or wrong != ("False", "False") else []
    return found


def test_no_file_is_run_and_no_archive_is_unpacked_where_it_says():
    assert {path.relative_to(ROOT).as_posix(): found for path in SOURCES if (found := careless(path.read_text()))} == {}
    bad = "torch.load(p)\nnp.load(p, allow_pickle=True)\ntar.extractall(p)\npickle.load(p)\nrun(p, shell=True)\n"
    good = "torch.load(p, weights_only=True)\nnp.load(p, allow_pickle=False)\nt.extractall(p, filter='data')\n"
    assert len(careless(bad)) == 5 and careless(good) == []


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_a_data_set_in_torchvisions_form_is_not_run_unless_it_is_the_original(tmp_path, name):
    """These files are pickles; torchvision looks at their hashes before it opens one."""
    kind = getattr(torchvision.datasets, name.upper())
    folder = tmp_path / kind.base_folder
    folder.mkdir()

    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    for file in (*kind.train_list, *kind.test_list, (kind.meta["filename"], None)):
        (folder / file[0]).write_bytes(pickle.dumps(Harm()))
    with pytest.raises(DataError, match="truncated or not the original"):
        data.load(name, tmp_path)
    assert not (tmp_path / "harm").exists()


# The network

ELSEWHERE = "192.0.2.1"  # an address that is nobody's, for texts


@pytest.mark.parametrize(
    "reach",
    [
        lambda: socket.create_connection((ELSEWHERE, 80), timeout=0.1),
        lambda: socket.socket(type=socket.SOCK_DGRAM).connect_ex((ELSEWHERE, 80)),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", (ELSEWHERE, 80)),
        lambda: socket.create_connection(("2001:db8::1", 80), timeout=0.1),
        lambda: socket.getaddrinfo("example.invalid", 80),
        lambda: socket.gethostbyname("example.invalid"),
    ],
    ids=["connection", "datagram's connection", "datagram", "IPv6", "name", "old name"],
)
def test_a_test_cannot_reach_the_network(reach):
    with pytest.raises(AssertionError, match="tests reach loopback only"):
        reach()


def test_nor_can_a_process_that_it_starts():
    code = f"import urllib.request\nurllib.request.urlopen('http://{ELSEWHERE}/', timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode != 0 and f"A test reaches for ('{ELSEWHERE}', 80)" in done.stderr


def test_this_machine_can_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: server.accept()[0].sendall(b"here"))
        thread.start()
        with socket.create_connection(("localhost", server.getsockname()[1]), timeout=5) as client:
            assert client.recv(4) == b"here"
        thread.join()
