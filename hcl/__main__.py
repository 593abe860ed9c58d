"""``python -m hcl``: the same as the ``hcl`` command, from a bare checkout."""

from hcl.cli import app

app(prog_name="hcl")
