"""Which values of a run's specification go together; what does not is said in a line before anything is trained."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hcl.training.spec import RunSpec

# Losses of other works (`hcl.neighbours`), by whether their negatives are chosen by label, as those of SCL are.
OF_OTHERS: Mapping[str, bool] = {"supcon": False, "sincere": True, "debiased": False, "spectral": False}
OBJECTIVES = ("algorithm1", "simclr", *OF_OTHERS)


def check(spec: "RunSpec") -> None:
    """Refuse values that are each in order and do not go together.

    Args:
        spec: of a run.

    Raises:
        ValueError: what does not go with what, and what to do.
    """
    if spec.objective == "simclr" and spec.positives == "label":
        raise ValueError('objective="simclr" takes two views: set positives to "augmentation" or "noise".')
    if spec.positives == "augmentation" and spec.dataset == "synthetic":
        raise ValueError('positives="augmentation" takes images; for the synthetic data there is "noise".')
    if not spec.detach_weights and spec.objective != "debiased" and (spec.k or spec.objective != "algorithm1"):
        raise ValueError("detach_weights=False needs k=None: drawing negatives has no gradient (D6).")
    if spec.alpha is not None and (spec.k is None or spec.objective != "algorithm1"):
        raise ValueError("alpha needs a finite k and the loss of Algorithm 1: log(alpha + sum) grows as log k.")
    if spec.stem == "patch" and spec.encoder == "resnet50":
        raise ValueError('stem="patch" is of the small ResNet: ResNet-50 has "cifar" and "torchvision" (D21).')
    _check_others(spec)


def _check_others(spec: "RunSpec") -> None:
    """Refuse what the triplet loss and the losses of other works have not."""
    name = spec.objective
    if spec.margin is not None and (spec.k not in (1, None) or spec.alpha is not None or name != "algorithm1"):
        raise ValueError("margin, the triplet loss, needs k=1 or None, no alpha and the loss of Algorithm 1.")
    if spec.collisions and name != "debiased":
        raise ValueError(f'collisions={spec.collisions:g}: there is nothing to take off, unless objective="debiased".')
    if name not in OF_OTHERS:
        return
    if spec.positives != "label":
        raise ValueError(f'objective="{name}" takes positives="label"; two views without labels are those of "simclr".')
    if spec.supervised != OF_OTHERS[name]:
        said = "leaves the anchor's class out of" if OF_OTHERS[name] else "has the anchor's class among"
        raise ValueError(f'objective="{name}" {said} its negatives: set supervised={OF_OTHERS[name]}.')
    if (spec.hardness or spec.hardness_end) and name != "debiased":
        raise ValueError(f'objective="{name}" has no hard negatives: set hardness=0; "debiased" has them.')
    if name == "spectral" and spec.temperature != 1:
        raise ValueError('objective="spectral" has no temperature: set temperature=1.')
    if spec.exclude_self or spec.init == "near_nc":
        field = "exclude_self=True" if spec.exclude_self else 'init="near_nc"'
        raise ValueError(f'{field} is of Algorithm 1: leave it out with objective="{name}".')
