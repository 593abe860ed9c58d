"""How a loss takes its negatives: `Drawn` with replacement, as in the paper, or `Exact`, their expectation."""

from dataclasses import dataclass, field
from typing import Literal, TypedDict, get_args

import numpy as np
import torch
from torch import Tensor

from hcl.choices import Negatives, meant, one_of

Per = Literal["pair", "anchor"]


@dataclass(frozen=True)
class Drawn:
    """k negatives drawn with replacement from the hardened distribution, without a gradient through it (D6).

    Attributes:
        k: number of negatives, >= 1.
        per: ``"pair"`` draws afresh for every pair of an anchor and a positive (line 20 of Algorithm 1), ``"anchor"``
            once an anchor (D2): the same expectation, far fewer draws.
        generator: source of the draws, on the device of the representations; None uses PyTorch's global one.
        max_positives: sets of draws kept an anchor with ``per="pair"``, >= 1. Pairs are drawn independently as long as
            no class has more items in the batch; beyond that they share draws, which leaves the expectation as it is.
            None counts on a CPU and takes n, the most there can be, on an accelerator.
        uniforms: (n, sets, k) numbers, uniform in [0, 1), in place of the generator's: what a compiled or captured step
            passes in, best by `from_uniforms`. ``sets`` is 1 with ``per="anchor"`` or given positives, else
            ``max_positives``, which must then be given. None draws them from the generator; but on a CPU, if
            ``max_positives`` is None, each anchor makes just the draws that its own positives need (`hcl.draws`), which
            is several times faster.

    Raises:
        ValueError: for a value that is out of range, or ``uniforms`` that do not fit ``k`` and ``max_positives``.
    """

    k: int = 256
    per: Per = "pair"
    generator: torch.Generator | None = None
    max_positives: int | None = None
    uniforms: Tensor | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.k, int | np.integer) or self.k < 1:
            raise ValueError(f"k must be a whole number >= 1, got {self.k!r}: its limit is Exact(), of before k=None.")
        one_of("per", self.per, get_args(Per))
        if self.max_positives is not None and self.max_positives < 1:
            raise ValueError(f"max_positives must be >= 1, or None, got {self.max_positives}.")

    @classmethod
    def from_uniforms(cls, uniforms: Tensor, per: Per = "pair") -> "Drawn":
        """Return the draws that uniform numbers give: their shape says how many.

        Args:
            uniforms: (n, sets, k) numbers in [0, 1); ``sets`` as in the attributes of `Drawn`.
            per: as in the attributes.

        Raises:
            ValueError: for another number of dimensions.
        """
        if uniforms.ndim != 3:
            raise ValueError(f"uniforms must be (n, sets, k), got shape {tuple(uniforms.shape)}.")
        return cls(uniforms.shape[2], per, max_positives=uniforms.shape[1], uniforms=uniforms)


@dataclass(frozen=True)
class Exact:
    """The expectation under the hardened distribution in place of draws: the k -> infinity loss (D8).

    Attributes:
        detach: no gradient through the hardened distribution, as in the official code (D6).
    """

    detach: bool = True


Sampling = Drawn | Exact


class Keywords(TypedDict, total=False):
    """The options of `hcl.losses.contrastive_loss` that said this before `Drawn` and `Exact` did."""

    k: int | None
    negatives: Negatives
    detach_weights: bool
    max_positives: int | None
    generator: torch.Generator | None
    uniforms: Tensor | None


def chosen(sampling: Sampling | None, keywords: Keywords) -> Sampling:
    """Return what one of the two ways to say it says; `Drawn` if neither is used.

    Raises:
        TypeError: for a keyword that there is not.
        ValueError: if both are used, or for keywords that exclude each other.
    """
    for name in keywords:
        if name not in Keywords.__annotations__:
            near = meant(name, [*Keywords.__annotations__, "hardening", "psi", "reduction", "sampling", "temperature"])
            raise TypeError(f"contrastive_loss() got an unexpected keyword argument {name!r}{near}.")
    if sampling is None:
        return from_keywords(**keywords)
    if keywords:
        raise ValueError(f"sampling and {', '.join(keywords)} both say how negatives are taken: pass sampling alone.")
    if not isinstance(sampling, Drawn | Exact):
        raise ValueError(f"sampling must be Drawn(...) or Exact(...), got {sampling!r}.")
    return sampling


def from_keywords(
    *,
    k: int | None = 256,
    negatives: Negatives = "per_pair",
    detach_weights: bool = True,
    max_positives: int | None = None,
    generator: torch.Generator | None = None,
    uniforms: Tensor | None = None,
) -> Sampling:
    """Return what the keywords of before mean.

    Args:
        k: of `Drawn`; None is `Exact`.
        negatives: ``"per_pair"`` or ``"per_anchor"``, the ``per`` of `Drawn`.
        detach_weights: the ``detach`` of `Exact`; False needs ``k=None``.
        max_positives: of `Drawn`.
        generator: of `Drawn`.
        uniforms: of `Drawn`.

    Raises:
        ValueError: for a combination without a meaning.
    """
    one_of("negatives", negatives, get_args(Negatives))
    if not detach_weights and k is not None:
        raise ValueError("detach_weights=False needs k=None: a drawn index has no gradient in the weights.")
    if k is not None:
        per: Per = "pair" if negatives == "per_pair" else "anchor"
        return Drawn(k, per, generator, max_positives, uniforms)
    if max_positives is not None and max_positives < 1:
        raise ValueError(f"max_positives must be >= 1, or None, got {max_positives}.")
    if uniforms is not None:
        raise ValueError("uniforms needs k and, if pairs have draws of their own, max_positives: they are its shape.")
    return Exact(detach_weights)
