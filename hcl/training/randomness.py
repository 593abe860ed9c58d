"""Randomness keyed on (seed, epoch, purpose), so that nothing has to be carried from epoch to epoch or stored."""

import torch

_STREAMS = {"weights": 0, "order": 1, "draws": 2, "evaluation": 3}


def seed_for(seed: int, epoch: int, stream: str) -> int:
    """Return the number that seeds one epoch's randomness for one purpose.

    Args:
        seed: of the run.
        epoch: from 0.
        stream: ``"weights"``, ``"order"``, ``"draws"`` (negatives, noise and augmentation) or ``"evaluation"``.

    Raises:
        ValueError: for a seed or an epoch out of the range in which no two give the same number.
    """
    if not (0 <= seed < 2**32 and 0 <= epoch <= 1_000_000):
        raise ValueError(f"seed={seed}, epoch={epoch}: expected a seed from 0 to 2^32 - 1, an epoch to 1,000,000.")
    return (seed * 1_000_003 + epoch) * len(_STREAMS) + _STREAMS[stream]


def generator_for(seed: int, epoch: int, stream: str, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator seeded with `seed_for`, on a device."""
    return torch.Generator(device).manual_seed(seed_for(seed, epoch, stream))
