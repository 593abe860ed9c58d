"""The shape that points have, whatever way they are turned and numbered: inner products, spectrum, symmetry."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hcl.geometry import class_means, simplex_etf

Counts = tuple[tuple[float, int], ...]


@dataclass(frozen=True)
class Shape:
    """What is left of class means when turning and renumbering do not count.

    Attributes:
        norms: distinct norms of the class means with their numbers, falling.
        inner_products: distinct inner products of two class means with the numbers of pairs, rising.
        spectrum: eigenvalues of the Gram matrix of the class means, falling; all C / (C - 1) but a 0 at an ETF.
        rank: number of eigenvalues above the tolerance.
        symmetry: number of permutations of the classes that leave all inner products as they are: C! at an ETF.
        clusters: number of distinct class means.
        centre: norm of the mean of all class means.
        radius: of the ETF that is nearest in inner products.
        from_etf: largest difference to the inner products of the ETF of radius 1.
        from_shrunken_etf: the same of the ETF of that radius.
        within_class: mean distance of an item from its class mean.
    """

    norms: Counts
    inner_products: Counts
    spectrum: tuple[float, ...]
    rank: int
    symmetry: int
    clusters: int
    centre: float
    radius: float
    from_etf: float
    from_shrunken_etf: float
    within_class: float


def shape_of(z: Tensor, labels: Tensor, tolerance: float = 1e-4) -> Shape:
    """Return the shape of representations.

    Args:
        z: (n, d) representations.
        labels: (n,) int64 classes, each of 0 to C - 1 present.
        tolerance: numbers nearer than this are one. A minimum found to a gradient g is exact to g over its curvature,
            which may be small: 1e-4 goes with gradients of 1e-6 and below.
    """
    count = int(labels.max()) + 1
    means = class_means(z.double(), labels, count)
    gram = means @ means.mT
    pairs = gram[torch.ones_like(gram, dtype=torch.bool).triu(1)]
    spectrum = torch.linalg.eigvalsh(gram).flip(0).clamp_min(0)
    etf = simplex_etf(count, count - 1)
    etf = etf @ etf.mT
    square = float(((gram * etf).sum() / etf.square().sum()).clamp_min(0))
    near = torch.cdist(means, means, compute_mode="donot_use_mm_for_euclid_dist") < tolerance**0.5
    return Shape(
        norms=tuple(reversed(distinct(means.norm(dim=1).tolist(), tolerance))),
        inner_products=distinct(pairs.tolist(), tolerance),
        spectrum=tuple(spectrum.tolist()),
        rank=int((spectrum > tolerance).sum()),
        symmetry=symmetries(_classes(gram, tolerance)),
        clusters=int((near.double().argmax(1) == torch.arange(count)).sum()),
        centre=float(means.mean(0).norm()),
        radius=square**0.5,
        from_etf=float((gram - etf).abs().max()),
        from_shrunken_etf=float((gram - square * etf).abs().max()),
        within_class=float((z - means[labels]).norm(dim=1).mean()),
    )


def distinct(values: Sequence[float], tolerance: float) -> Counts:
    """Return values with how many there are of each, those nearer than the tolerance to their lower neighbour as one.

    Args:
        values: any.
        tolerance: >= 0.

    Returns:
        Pairs of the mean of a group and its size, rising.
    """
    groups: list[list[float]] = []
    for value in sorted(values):
        if groups and value - groups[-1][-1] <= tolerance:
            groups[-1].append(value)
        else:
            groups.append([value])
    return tuple((sum(group) / len(group), len(group)) for group in groups)


def symmetries(colours: Sequence[Sequence[int]]) -> int:
    """Return the number of permutations p with ``colours[p[i]][p[j]] == colours[i][j]`` for all i and j.

    By orbits and stabilisers: the number of places to which an item can go with all items before it where they are,
    multiplied over the items.

    Args:
        colours: (n, n) symmetric; what is on the diagonal tells items apart.
    """
    n, order = len(colours), 1

    def fits(image: list[int], to: int) -> bool:
        at = len(image)
        return (
            to not in image
            and colours[to][to] == colours[at][at]
            and all(colours[to][image[i]] == colours[at][i] for i in range(at))
        )

    def extends(image: list[int]) -> bool:
        return len(image) == n or any(fits(image, to) and extends([*image, to]) for to in range(n))

    for at in range(n):
        fixed = list(range(at))
        order *= sum(fits(fixed, to) and extends([*fixed, to]) for to in range(n))
    return order


def _classes(gram: Tensor, tolerance: float) -> list[list[int]]:
    """Return a whole number for each entry, the same for those that are one within the tolerance."""
    levels = torch.tensor([value for value, _ in distinct(gram.flatten().tolist(), tolerance)], dtype=gram.dtype)
    return (gram[..., None] - levels).abs().argmin(-1).tolist()
