"""Kernels that begin with the libraries loaded: each forked from a process that has imported them once.

A page of the book needs four seconds of a core to import what it uses, and less than that for itself. On Linux its
kernel is a fork of a process that has done this; it is a process of its own all the same, and nothing passes from page
to page. Elsewhere kernels are started as Jupyter does.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import jupyter_client.provisioning.local_provisioner

# What nearly every page imports.
LOADED = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "matplotlib.pyplot", "pandas", "torch", "hcl.companion.claims",
    "hcl.companion.figures", "hcl.companion.notes", "hcl.companion.pages", "hcl.companion.report",
)  # fmt: skip


class _Kernel:
    """A forked kernel, with what Jupyter asks of a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, process: BaseProcess) -> None:
        assert process.pid is not None
        self._process, self.pid = process, process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int | None:
        self._process.join(timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _begin(arguments: Sequence[str], env: Mapping[str, str], cwd: str | None, ready: Connection) -> None:
    """Be a kernel, in the fork."""
    os.setsid()  # before anyone asks for its group, which gets its signals
    ready.send(os.getpid())
    os.environ.clear()
    os.environ.update(env)
    if cwd:
        os.chdir(cwd)
    from ipykernel import kernelapp

    # It ends when the process that it was forked from does, which ends with the one that asked for it.
    sys.argv = ["ipykernel_launcher", *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    kernelapp.launch_new_instance()


def _launch(cmd: Sequence[str], env: Mapping[str, str] | None = None, cwd: Any = None, **_: Any) -> _Kernel:
    """Fork a kernel for which Jupyter has a command."""
    context = multiprocessing.get_context("forkserver")
    heard, ready = context.Pipe(duplex=False)
    given = {name: value for name, value in (os.environ if env is None else env).items() if name != "JPY_PARENT_PID"}
    arguments = list(cmd)[list(cmd).index("-f") :]
    process = context.Process(target=_begin, args=(arguments, given, cwd and str(cwd), ready), daemon=True)
    process.start()
    ready.close()
    heard.recv()
    return _Kernel(process)


@contextmanager
def forked() -> Iterator[None]:
    """Have the kernels that are started within begin as forks, on Linux."""
    if sys.platform != "linux":
        yield
        return
    os.environ.setdefault(
        "MPLBACKEND", "module://matplotlib_inline.backend_inline"
    )  # as a kernel has it from the start
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(LOADED))
    local: Any = jupyter_client.provisioning.local_provisioner
    as_before, local.launch_kernel = local.launch_kernel, _launch
    try:
        yield
    finally:
        local.launch_kernel = as_before
