"""The example in the README runs as it stands, and so does that of the book's page about the library."""

import re

import pytest
import torch
from helpers import ROOT

EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def examples(name):
    text = (ROOT / name).read_text()
    if name == "README.md":
        text = text[text.index("## Use the library") :]
    return EXAMPLE.findall(text)


@pytest.mark.parametrize("name", ["README.md", "book/api.md"])
def test_the_example_runs_as_it_stands(name, capsys):
    """Its code blocks one after another, in a program of their own names."""
    blocks = examples(name)
    assert blocks
    names = {"__name__": "example"}
    with torch.random.fork_rng(devices=[]):
        for block in blocks:
            exec(compile(block, name, "exec"), names)


def test_the_example_of_the_readme_learns(capsys):
    """Its classes come near Neural-Collapse: what it prints is worth printing."""
    names = {}
    with torch.random.fork_rng(devices=[]):
        for block in examples("README.md"):
            exec(compile(block, "README.md", "exec"), names)
    printed = dict(re.findall(r"^(\S+) +(\S+)$", capsys.readouterr().out, re.MULTILINE))
    assert float(printed["nc1"]) < 0.1 and float(printed["effective_rank"]) > 2.5
