"""How many images each class has where classes are not equally frequent: numbers that fall by equal factors."""

from collections.abc import Sequence


def shares(num_classes: int, ratio: float) -> list[float]:
    """Return the shares of the classes, falling by equal factors from the first to the last, which is 1/ratio of it.

    Args:
        num_classes: C >= 2.
        ratio: >= 1; 1 is equal shares.
    """
    weights = [ratio ** (-c / (num_classes - 1)) for c in range(num_classes)]
    return [weight / sum(weights) for weight in weights]


def sizes(number: int, num_classes: int, ratio: float) -> list[int]:
    """Return how many of a number of images each class has, by largest remainders.

    Args:
        number: of all images.
        num_classes: C >= 2.
        ratio: of the most frequent class, the first, to the rarest, the last; >= 1.

    Returns:
        C numbers that sum to ``number``.
    """
    exact = [number * share for share in shares(num_classes, ratio)]
    whole = [int(each) for each in exact]
    for c in sorted(range(num_classes), key=lambda c: whole[c] - exact[c])[: number - sum(whole)]:
        whole[c] += 1
    return whole


def most(available: Sequence[int], ratio: float) -> list[int]:
    """Return the most images that the classes can have in such proportions, of those available of each."""
    of = shares(len(available), ratio)
    total = min(count / share for count, share in zip(available, of, strict=True))
    return [min(count, int(total * share + 1e-6)) for count, share in zip(available, of, strict=True)]
