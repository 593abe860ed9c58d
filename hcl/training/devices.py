"""Devices to train on, by name."""

import re

import torch


def device_named(name: str | None = None) -> torch.device:
    """Return the device of a name, or the GPU where there is one, else the CPU.

    Args:
        name: ``"cpu"``, ``"cuda"`` or, of several GPUs, ``"cuda:1"``; None chooses.

    Raises:
        ValueError: for another name, or a GPU that is not there.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return torch.device(name)
    if not re.fullmatch(r"cuda(:\d{1,3})?", name):
        raise ValueError(f"Unknown device {name!r}: expected cpu, cuda or, of several GPUs, one such as cuda:1.")
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if there == 0:
        raise ValueError(f"Device {name}: PyTorch finds no GPU here; expected cpu, or nothing.")
    number = int(name.partition(":")[2] or torch.cuda.current_device())
    if number >= there:
        raise ValueError(f"Device {name}: there are {there} GPUs; expected cuda:0 to cuda:{there - 1}, or cpu.")
    return torch.device("cuda", number)
