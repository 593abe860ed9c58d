"""Which classes k negatives come from: collisions with the anchor's own class, and coverage of all, exactly."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

import numpy as np

_STATES = 5_000  # of the chain of classes seen, at most


def shares(class_weights: Sequence[float]) -> tuple[float, ...]:
    """Return class weights as probabilities rho.

    Args:
        class_weights: of each class up to a factor, > 0.

    Raises:
        ValueError: for fewer than two classes, or a weight that is not > 0 and finite.
    """
    total = sum(class_weights)
    if len(class_weights) < 2 or not all(0 < weight < np.inf for weight in class_weights):
        raise ValueError(f"class_weights must be two or more finite numbers > 0, got {tuple(class_weights)}.")
    return tuple(weight / total for weight in class_weights)


def collided(class_weights: Sequence[float], k: int) -> float:
    r"""Return the probability that one of k negatives, or more, is of the anchor's class.

    .. math:: \sum_c \rho_c \bigl(1 - (1 - \rho_c)^k\bigr)

    Args:
        class_weights: rho up to a factor.
        k: number of negatives, >= 1.
    """
    rho = np.array(shares(class_weights))
    return float(rho @ -np.expm1(_checked(k) * np.log1p(-rho)))


def collisions(class_weights: Sequence[float], k: int) -> float:
    r"""Return the expected number of negatives of the anchor's class, :math:`k \sum_c \rho_c^2`."""
    rho = np.array(shares(class_weights))
    return float(_checked(k) * (rho @ rho))


def seen(class_weights: Sequence[float], k: int) -> float:
    r"""Return the expected share of the classes that are among k negatives.

    .. math:: \frac{1}{C} \sum_c \bigl(1 - (1 - \rho_c)^k\bigr)
    """
    rho = np.array(shares(class_weights))
    return float(-np.expm1(_checked(k) * np.log1p(-rho)).mean())


def covered(class_weights: Sequence[float], k: int) -> float:
    """Return the probability that each class is among k negatives, by the chain of the classes seen so far.

    Args:
        class_weights: rho up to a factor.
        k: number of negatives, >= 1.

    Raises:
        ValueError: where so many classes differ in weight that the chain has more than 5,000 states.
    """
    return float(np.linalg.matrix_power(_chain(shares(class_weights)), _checked(k))[0, -1])


def batches_to_cover(class_weights: Sequence[float], k: int) -> float:
    r"""Return the expected number of sets of k negatives until each class has been in one.

    With Q the chain of the classes seen, without its last state, it is the first entry of
    :math:`(1 - Q^k)^{-1} (1, \dots, 1)`. For k = 1 and equal weights that is C (1 + 1/2 + ... + 1/C), the coupon
    collector's number; it falls to 1 as k grows.

    Args:
        class_weights: rho up to a factor; of a single class it is 1.
        k: number of negatives, >= 1.

    Raises:
        ValueError: as of `covered`.
    """
    _checked(k)
    if len(class_weights) == 1:
        return 1.0
    within = np.linalg.matrix_power(_chain(shares(class_weights))[:-1, :-1], k)
    return float(np.linalg.solve(np.eye(len(within)) - within, np.ones(len(within)))[0])


def _checked(k: int) -> int:
    if k < 1:
        raise ValueError(f"k must be >= 1, got {k}.")
    return k


@lru_cache(maxsize=64)
def _chain(rho: tuple[float, ...]) -> np.ndarray:
    """Return the probabilities of steps between states: how many classes of each weight have been seen."""
    _, which, counts = np.unique(np.round(rho, 12), return_inverse=True, return_counts=True)
    weights = np.bincount(which, weights=rho) / counts
    states = list(product(*(range(count + 1) for count in counts.tolist())))
    if len(states) > _STATES:
        raise ValueError(f"{len(states):,} states, more than {_STATES:,}: fewer classes, or fewer different weights.")
    place = {state: at for at, state in enumerate(states)}
    steps = np.zeros((len(states), len(states)))
    for at, state in enumerate(states):
        steps[at, at] = np.array(state) @ weights
        for of, (weight, count) in enumerate(zip(weights, counts, strict=True)):
            if new := int(count) - state[of]:
                steps[at, place[(*state[:of], state[of] + 1, *state[of + 1 :])]] = new * weight
    return steps
