"""What changes from epoch to epoch of a run, as functions of the epoch alone: a run gone on with needs no more."""

from math import cos, pi

DECAYS = ("none", "cosine", "step")
# K. He et al.: Deep Residual Learning, Sec. 4.2, on CIFAR-10: a tenth from half of the training on, and again.
_STEPS = (1 / 2, 3 / 4)


def hardness_in(epoch: int, epochs: int, first: float, last: float | None) -> float:
    """Return the hardness that an epoch is trained with: on a line from that of the first to that of the last.

    Args:
        epoch: 1 to ``epochs``; 0, before any training, has that of the first.
        epochs: of the run.
        first: hardness of the first epoch.
        last: of the last epoch; None is the same throughout. A run of one epoch keeps to the first.
    """
    if last is None or epochs == 1:
        return first
    done = max(epoch - 1, 0) / (epochs - 1)
    return (1 - done) * first + done * last


def lr_in(epoch: int, epochs: int, lr: float, decay: str) -> float:
    """Return the learning rate of an epoch.

    Args:
        epoch: 1 to ``epochs``.
        epochs: of the run.
        lr: of the first epoch.
        decay: ``"none"``; ``"cosine"``, half a period of it down to 0 after the last epoch; or ``"step"``, a tenth from
            half of the epochs on and a hundredth from three quarters on.
    """
    done = (epoch - 1) / epochs
    if decay == "cosine":
        return lr * (1 + cos(pi * done)) / 2
    if decay == "step":
        return lr / 10.0 ** sum(done >= at for at in _STEPS)
    return lr
