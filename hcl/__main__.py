"""``python -m hcl``: the same as the ``hcl`` command, from a bare checkout."""

from hcl.companion.cli import app

if __name__ == "__main__":  # processes that train import this again
    app(prog_name="hcl")
