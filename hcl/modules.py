"""The contrastive loss as a module, for training loops that hold their losses so."""

from typing import Literal, get_args

from torch import Tensor, nn

from hcl import distributed
from hcl.choices import Reduction, one_of
from hcl.hardening import Hardening, Uniform
from hcl.inputs import Labels, check_rows, check_temperature, whole_labels
from hcl.losses import contrastive_loss
from hcl.models import unit_ball, unit_sphere
from hcl.psi import InfoNCE, Psi
from hcl.sampling import Sampling, chosen

_NORMALIZATIONS = {"unit_ball": unit_ball, "unit_sphere": unit_sphere}


class ContrastiveLoss(nn.Module):
    """SCL, HSCL, UCL or HUCL (Algorithm 1) of raw features: `hcl.losses.contrastive_loss` with its options held.

    It has no parameters and no buffers, so that state dicts are as without it; under autocast and of half precision it
    computes in float32. To compile it to a single graph take `Exact`, or ``Drawn(per="anchor")``.

    Args:
        supervised: negatives of other classes if True, of the whole batch if False.
        hardening: eta; None is `Uniform`, the plain SCL and UCL losses.
        sampling: `Drawn` negatives, the default of 256 a pair, or `Exact`, their expectation.
        normalization: of features and positives: ``"unit_ball"``, the paper's, ``"unit_sphere"``, or None for features
            as they are.
        temperature: > 0, divides every inner product; 1 is the paper's, see `hcl.losses.contrastive_loss` (D11).
        reduction: ``"anchor"`` or ``"pair"`` (D1).
        exclude_self: drop the anchor from its own negatives (unsupervised).
        psi: contrastive loss function; None is `InfoNCE`.
        rows: anchors at a time, for large batches, as in `hcl.losses.contrastive_loss`; None takes all at once.
        gather: take the negatives, and the positives of a class, from the batches of all processes of a distributed
            training (`hcl.distributed.gather`), each of which then has the loss of the whole batch. Draws are equal on
            all of them if their generators are; otherwise the gradients are averaged over as many draws.

    Raises:
        ValueError: for an option that there is not.
    """

    def __init__(
        self,
        *,
        supervised: bool,
        hardening: Hardening | None = None,
        sampling: Sampling | None = None,
        normalization: Literal["unit_ball", "unit_sphere"] | None = "unit_ball",
        temperature: float = 1.0,
        reduction: Reduction = "anchor",
        exclude_self: bool = False,
        psi: Psi | None = None,
        rows: int | None = None,
        gather: bool = False,
    ) -> None:
        super().__init__()
        if normalization is not None:
            one_of("normalization", normalization, _NORMALIZATIONS)
        check_temperature(temperature)
        one_of("reduction", reduction, get_args(Reduction))
        check_rows(rows)
        self.supervised, self.exclude_self, self.rows, self.gather = supervised, exclude_self, rows, gather
        self.hardening = Uniform() if hardening is None else hardening
        self.sampling = chosen(sampling, {})
        self.normalization, self.temperature, self.reduction = normalization, temperature, reduction
        self.psi = InfoNCE() if psi is None else psi

    def forward(self, features: Tensor, labels: Labels | None = None, positives: Tensor | None = None) -> Tensor:
        """Return the loss of a batch, a scalar.

        Args:
            features: (n, d), normalised here unless ``normalization`` is None.
            labels: (n,) classes, as a tensor, list or array; None needs ``supervised=False`` and ``positives``.
            positives: (n, d) features of one given positive an anchor, such as a second view; None takes every item of
                the anchor's class.

        Raises:
            ValueError: for arguments of the wrong shape or value.
        """
        if self.normalization is not None:
            normalise = _NORMALIZATIONS[self.normalization]
            features = normalise(features)
            positives = None if positives is None else normalise(positives)
        if self.gather:
            features, labels, positives = _gathered(features, labels, positives)
        return contrastive_loss(
            features,
            labels,
            supervised=self.supervised,
            hardening=self.hardening,
            sampling=self.sampling,
            temperature=self.temperature,
            reduction=self.reduction,
            z_pos=positives,
            exclude_self=self.exclude_self,
            psi=self.psi,
            rows=self.rows,
        )

    def extra_repr(self) -> str:
        """Return the options that say which loss it is, the usual ones left out."""
        usual = {
            "temperature": 1.0, "reduction": "anchor", "exclude_self": False, "psi": InfoNCE(), "rows": None,
            "gather": False,
        }  # fmt: skip
        names = ["supervised", "hardening", "sampling", "normalization"]
        names += [name for name, value in usual.items() if getattr(self, name) != value]
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)


def _gathered(
    features: Tensor, labels: Labels | None, positives: Tensor | None
) -> tuple[Tensor, Labels | None, Tensor | None]:
    if labels is not None:
        labels = whole_labels(labels, len(features), features.device)
    features, *others = distributed.gather(features, *(x for x in (labels, positives) if x is not None))
    return (
        features,
        None if labels is None else others[0],
        None if positives is None else others[-1],
    )
