"""What is computed of the slips in Section 5 and Appendix B: P5, P6, P9, P10 and P14 to P16."""

import itertools
from collections.abc import Callable, Mapping

import torch

from hcl.companion.published import TABLE_1, TABLE_1_THEORY
from hcl.companion.report import positives_frame
from hcl.companion.representations import class_labels, neural_collapse
from hcl.companion.slips_theory import Found
from hcl.geometry import class_means, simplex_etf, unit_norm
from hcl.losses import simclr_loss
from hcl.training.catalogue import CATALOGUE

_C = CATALOGUE["cifar100"].num_classes


def _definition() -> Found:
    rank = int(torch.linalg.matrix_rank(simplex_etf(_C, _C - 1)))
    return (
        f"the citation was read; rank of an ETF of C = {_C} vertices, which needs d = C - 1",
        str(rank),
    )


def _equation() -> Found:
    z, labels = neural_collapse(_C, 1)
    values = [float(simclr_loss(z, z, labels, weight=weight)) for weight in (2 * 512 - 2, 512 - 2, 1)]
    return (
        f"the citation was read; value of (42) at Neural-Collapse for C = {_C} and Q = 1022, 510 and 1 (D13)",
        ", ".join(f"{value:.4f}" for value in values),
    )


def _hardware() -> Found:
    sold = {"A100": (40, 80), "V100": (16, 32)}  # GB, NVIDIA's data sheets: nothing to compute
    return (
        "not computable here: GB with which the two were sold",
        "; ".join(f"{name}: {' or '.join(map(str, memory))}" for name, memory in sold.items()),
    )


def _images() -> Found:
    of = CATALOGUE["tinyimagenet"]
    total = (of.num_train or 0) + 2 * 50 * of.num_classes  # 50 images of a class each to validate and to test
    return (
        "classes × images of a class: all splits of Tiny-ImageNet; its training split",
        f"{total:,}; {of.num_train:,}",
    )


def _features_and_means() -> Found:
    generator = torch.Generator().manual_seed(0)
    labels = class_labels(_C, 500)
    noise = torch.randn(len(labels), _C - 1, generator=generator, dtype=torch.float64) / (_C - 1) ** 0.5
    z = torch.nn.functional.normalize(simplex_etf(_C, _C - 1)[labels] + noise)
    means = class_means(z, labels, _C)
    return (
        f"{len(labels):,} items on the unit sphere around an ETF of C = {_C}: largest distance of a norm from 1; "
        "unit-norm metric of the class means",
        f"{float((z.norm(dim=1) - 1).abs().max()):.0e}; {float(unit_norm(means)):.4f}",
    )


def _batch_32() -> Found:
    left = positives_frame(_C, (64, 32))
    return (
        f"not computable, two sentences against each other; what batches of 64 and 32 leave an anchor, C = {_C}: other "
        "items of its class, and share of anchors without any (D5)",
        "; ".join(f"B = {b}: {others:.2f}, {none:.0%}" for b, others, none in left.itertuples()),
    )


def _invariably() -> Found:
    printed = list(TABLE_1.values())
    worse = sum(later > earlier for earlier, later in itertools.pairwise(printed))
    return (
        f"Table 1 less its bound {TABLE_1_THEORY:.4f}, β = 0, 2, 5, 10, 30; steps to more hardness at which it rises",
        ", ".join(f"{value - TABLE_1_THEORY:.4f}" for value in printed) + f"; {worse} of {len(printed) - 1}",
    )


EXPERIMENTS: Mapping[str, Callable[[], Found]] = {
    "P5": _definition,
    "P6": _equation,
    "P9": _hardware,
    "P10": _images,
    "P14": _features_and_means,
    "P15": _batch_32,
    "P16": _invariably,
}
