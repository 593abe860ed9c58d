"""Neural-Collapse metrics and the spectrum of the class means."""

import numpy as np
import pytest
import torch

from hcl import geometry

CLASSES = [2, 3, 10, 100]


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("extra", [0, 3])
@pytest.mark.parametrize("num_classes", CLASSES)
def test_simplex_etf_is_one(num_classes, extra):
    means = geometry.simplex_etf(num_classes, num_classes - 1 + extra)
    assert means.shape == (num_classes, num_classes - 1 + extra) and means.dtype == torch.float64
    expected = torch.full((num_classes, num_classes), -1 / (num_classes - 1), dtype=torch.float64).fill_diagonal_(1)
    torch.testing.assert_close(means @ means.T, expected)


@pytest.mark.parametrize("num_classes", CLASSES)
def test_every_metric_vanishes_at_the_etf(num_classes):
    means = geometry.simplex_etf(num_classes, num_classes + 1)
    zeros = [
        geometry.zero_sum(means), geometry.zero_sum(means, "sum"), geometry.unit_norm(means),
        geometry.equal_inner_product(means), geometry.equal_inner_product(means, cosine=True),
    ]  # fmt: skip
    assert max(zeros) < 1e-12


@pytest.mark.parametrize("num_classes", CLASSES)
def test_spectrum_of_the_etf_is_flat_with_c_minus_1_values(num_classes):
    """D40: 99 of 99 ones at C=100."""
    spectrum = geometry.covariance_spectrum(geometry.simplex_etf(num_classes, num_classes + 1))
    torch.testing.assert_close(spectrum[: num_classes - 1], torch.zeros(num_classes - 1, dtype=torch.float64))
    assert (spectrum[num_classes - 1 :] < -30).all()


@pytest.mark.parametrize("num_classes", CLASSES)
def test_ranks_of_the_etf_are_c_minus_1(num_classes):
    means = geometry.simplex_etf(num_classes, num_classes + 1)
    assert geometry.spectrum_rank(means) == num_classes - 1
    assert float(geometry.effective_rank(means)) == pytest.approx(num_classes - 1)


def test_class_means_by_loop():
    z, labels = normal(20, 4), torch.arange(20) % 3
    means = geometry.class_means(z, labels, 3)
    for c in range(3):
        items = [z[i] for i in range(20) if labels[i] == c]
        torch.testing.assert_close(means[c], sum(items) / len(items))


def test_the_mean_of_an_empty_class_is_nan_and_the_others_are_not():
    means = geometry.class_means(normal(4, 2), torch.tensor([0, 0, 2, 2]), 4)
    assert means.isnan().all(1).tolist() == [False, True, False, True]


def test_zero_sum_and_unit_norm_by_loop():
    means = normal(5, 3)
    total = sum(means)
    assert float(geometry.zero_sum(means)) == pytest.approx(float((total / 5).norm()))
    assert float(geometry.zero_sum(means, "sum")) == pytest.approx(float(total.norm()))
    assert float(geometry.unit_norm(means)) == pytest.approx(sum(abs(float(m.norm()) - 1) for m in means) / 5)


def test_the_norm_of_the_sum_is_c_times_the_norm_of_the_mean():
    """D33."""
    means = normal(7, 3)
    torch.testing.assert_close(geometry.zero_sum(means, "sum"), 7 * geometry.zero_sum(means))


@pytest.mark.parametrize("cosine", [False, True])
def test_equal_inner_product_by_loop(cosine):
    """Condition (13), with cosines as in the official notebook (D34)."""
    means = normal(6, 3)
    rows = [m / m.norm() if cosine else m for m in means]
    terms = [abs(float(rows[j] @ rows[k]) + 1 / 5) for j in range(6) for k in range(6) if j != k]
    assert float(geometry.equal_inner_product(means, cosine=cosine)) == pytest.approx(np.mean(terms))


def test_zero_sum_determines_the_mean_inner_product_of_unit_means():
    """Fidelity 2E: C ||mean||^2 = 1 + (C - 1) mean(ip)."""
    means = torch.nn.functional.normalize(normal(9, 4))
    products = means @ means.T
    mean_product = (products.sum() - products.trace()) / (9 * 8)
    torch.testing.assert_close(9 * geometry.zero_sum(means) ** 2, 1 + 8 * mean_product)


def test_table_2_agrees_with_the_norm_of_the_mean():
    """D33: zero-sum .761 forces mean(ip) + 1/(C-1) = .585 at C=100."""
    assert round((100 * 0.761**2 - 1) / 99 + 1 / 99, 3) == 0.585


def test_within_class_variation_by_loop():
    z, labels = normal(12, 3), torch.tensor([0, 1, 1, 3] * 3)  # class 2 is empty
    distances = []
    for i in range(12):
        items = [z[j] for j in range(12) if labels[j] == labels[i]]
        distances.append(float((z[i] - sum(items) / len(items)).norm()))
    assert float(geometry.within_class_variation(z, labels)) == pytest.approx(np.mean(distances))


def test_collapsed_classes_have_no_within_class_variation():
    labels = torch.arange(30) % 3
    assert geometry.within_class_variation(geometry.simplex_etf(3, 2)[labels], labels) < 1e-15


@pytest.mark.parametrize("shape", [(10, 9), (5, 8), (20, 2)])
def test_spectrum_is_the_log_of_numpys_normalised_singular_values(shape):
    """D40: np.cov(means.T), SVD, natural logarithm."""
    means = normal(*shape)
    values = np.linalg.svd(np.cov(means.numpy().T), compute_uv=False)
    spectrum = geometry.covariance_spectrum(means).numpy()
    rank = min(shape[0] - 1, shape[1])
    np.testing.assert_allclose(spectrum[:rank], np.log(values / values[0])[:rank], atol=1e-9)
    assert spectrum[0] == 0 and (spectrum[rank:] < -30).all()


def test_spectrum_is_blind_to_a_common_shift():
    """D40: the covariance is centred."""
    means = normal(6, 3)
    torch.testing.assert_close(geometry.covariance_spectrum(means + 5), geometry.covariance_spectrum(means))


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_rank_of_degenerate_means_in_float32(rank):
    """Rounding noise of float32 lies near ln = -32 (D40)."""
    means = (normal(50, rank) @ normal(rank, 40, seed=1)).float()
    assert geometry.spectrum_rank(means) == rank
    assert 1 - 1e-6 <= float(geometry.effective_rank(means)) <= rank + 1e-3


def test_means_on_a_line_have_effective_rank_1():
    means = torch.arange(5.0)[:, None] * torch.tensor([[1.0, 2.0, -1.0]])
    assert float(geometry.effective_rank(means)) == pytest.approx(1)


def test_effective_rank_of_two_equal_clusters_is_below_that_of_the_etf():
    etf = geometry.simplex_etf(10, 9)
    assert geometry.effective_rank(etf[torch.arange(10) // 2]) < geometry.effective_rank(etf)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_means_in_one_point_have_no_rank(value):
    """Complete collapse is the worst case of Dimensional-Collapse, and not its opposite."""
    means = torch.full((5, 4), value)
    assert geometry.covariance_spectrum(means).isfinite().all()
    assert geometry.spectrum_rank(means) == 0
    assert geometry.effective_rank(means) <= 1


def test_one_dimensional_means_are_accepted():
    assert geometry.covariance_spectrum(torch.tensor([[1.0], [-1.0]])).tolist() == [0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_metrics_keep_the_dtype_and_the_spectrum_is_float64(dtype):
    """D48."""
    means = normal(4, 3, dtype=dtype)
    assert geometry.zero_sum(means).dtype == geometry.unit_norm(means).dtype == dtype
    assert geometry.equal_inner_product(means).dtype == dtype
    assert geometry.covariance_spectrum(means).dtype == torch.float64


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="'mean' or 'sum', got 'max'"):
        geometry.zero_sum(normal(3, 2), "max")
    for num_classes, dim in ((4, 2), (1, 3)):
        with pytest.raises(ValueError, match="dim >= num_classes - 1"):
            geometry.simplex_etf(num_classes, dim)


def test_clusters_are_counted_at_and_between_an_etf_and_a_point():
    etf = geometry.simplex_etf(6, 5)
    assert geometry.cluster_count(etf) == 6
    assert geometry.cluster_count(etf[[0, 0, 0, 1, 1, 2]]) == 3
    assert geometry.cluster_count(torch.zeros(6, 5)) == 1
    line = torch.arange(5.0)[:, None] * 0.4  # neighbours are close, the ends are not: still one
    assert geometry.cluster_count(line) == 1 and geometry.cluster_count(2 * line) == 5


# Distances and scatters


@pytest.mark.parametrize("num_classes", CLASSES)
def test_means_of_an_etf_are_equally_far_apart(num_classes):
    means = geometry.simplex_etf(num_classes, num_classes - 1)
    assert float(geometry.least_distance(means)) == pytest.approx((2 * num_classes / (num_classes - 1)) ** 0.5)
    merged = torch.cat([means[:1], means])
    assert float(geometry.least_distance(merged)) == 0


def test_nc1_is_the_quotient_of_the_scatters():
    """Against explicit covariance matrices; 0 at Neural-Collapse, and of no unit."""
    labels = torch.arange(4).repeat_interleave(5)
    z = normal(20, 3)
    means = torch.stack([z[labels == c].mean(0) for c in range(4)])
    within = sum(torch.outer(x - means[c], x - means[c]) for x, c in zip(z, labels, strict=True)) / 20
    between = sum(torch.outer(m - means.mean(0), m - means.mean(0)) for m in means) / 4
    expected = float(within.trace() / between.trace())
    assert float(geometry.nc1(z, labels)) == pytest.approx(expected)
    assert float(geometry.nc1(7 * z + 1, labels)) == pytest.approx(expected)
    assert float(geometry.nc1(geometry.simplex_etf(4, 3)[labels], labels)) == pytest.approx(0, abs=1e-30)


def test_similarities_are_counted_within_and_between_classes():
    labels = torch.tensor([0, 1, 0, 1, 1])
    z = torch.nn.functional.normalize(normal(5, 3))
    counts = torch.zeros(2, 8, dtype=torch.int64)
    for i in range(5):
        for j in range(5):
            if i != j:
                counts[int(labels[i] != labels[j]), min(int((float(z[i] @ z[j]) + 1) * 4), 7)] += 1
    assert geometry.similarity_histogram(z, labels, bins=8).equal(counts)
    ends = geometry.similarity_histogram(torch.tensor([[2.0], [2.0], [-2.0]]), torch.tensor([0, 0, 0]), bins=4)
    assert ends.tolist() == [[4, 0, 0, 2], [0, 0, 0, 0]]


# Precision, labels, what is not finite


LABELS = torch.arange(24) % 4
METRICS = {
    "zero_sum": geometry.zero_sum,
    "unit_norm": geometry.unit_norm,
    "equal_inner_product": geometry.equal_inner_product,
    "cosine": lambda means: geometry.equal_inner_product(means, cosine=True),
    "least_distance": geometry.least_distance,
    "covariance_spectrum": geometry.covariance_spectrum,
    "spectrum_rank": geometry.spectrum_rank,
    "effective_rank": geometry.effective_rank,
    "cluster_count": lambda means: torch.tensor(geometry.cluster_count(means)),
    "class_means": lambda z: geometry.class_means(z, LABELS, 4),
    "within_class_variation": lambda z: geometry.within_class_variation(z, LABELS),
    "nc1": lambda z: geometry.nc1(z, LABELS),
    "similarity_histogram": lambda z: geometry.similarity_histogram(z, LABELS),
}


@pytest.mark.parametrize("scale", [0.3, 3000.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", METRICS)
def test_half_precision_is_measured_as_the_same_numbers_in_float32(name, dtype, scale):
    """Also where squares and sums are beyond it."""
    half = (scale * normal(24, 3)).to(dtype)
    result, expected = METRICS[name](half), METRICS[name](half.float())
    assert result.equal(expected) and result.dtype == expected.dtype and result.isfinite().all()


@pytest.mark.parametrize("lower", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", METRICS)
def test_autocast_shifts_no_metric(name, dtype, lower):
    z = 0.3 * normal(24, 3, dtype=dtype)
    with torch.autocast("cpu", lower):
        result = METRICS[name](z)
    assert result.equal(METRICS[name](z)) and result.dtype == METRICS[name](z).dtype


def test_autocast_leaves_the_simplex_alone():
    with torch.autocast("cpu", torch.bfloat16):
        inside = geometry.simplex_etf(5, 6)
    assert inside.equal(geometry.simplex_etf(5, 6))


def test_the_first_argument_may_be_named():
    means = normal(4, 3)
    assert geometry.zero_sum(means=means) == geometry.zero_sum(means)
    assert geometry.class_means(z=normal(24, 3).half(), labels=LABELS, num_classes=4).dtype == torch.float32


@pytest.mark.parametrize(
    "labels", [LABELS.tolist(), LABELS.numpy(), LABELS.int(), LABELS.to(torch.uint8)], ids=lambda x: type(x).__name__
)
def test_labels_may_be_any_whole_numbers(labels):
    z = 0.3 * normal(24, 3)
    for metric in (
        lambda of: geometry.class_means(z, of, 4), lambda of: geometry.within_class_variation(z, of),
        lambda of: geometry.nc1(z, of), lambda of: geometry.similarity_histogram(z, of),
    ):  # fmt: skip
        assert metric(labels).equal(metric(LABELS))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS.double(), "labels must be whole numbers, got torch.float64"),
        (LABELS[:5], r"labels must be \(24,\), one for an item, got shape \(5,\)"),
        (LABELS.to("meta"), "labels are on meta, their items on cpu"),
        (LABELS - 1, r"labels must be in \[0, [34]\), got -1 to 2"),
        (LABELS.numpy() * 0.5, "labels must be whole numbers, got float64"),
    ],
)
def test_other_labels_are_refused_in_one_line(labels, message):
    z = normal(24, 3)
    metrics = [lambda: geometry.class_means(z, labels, 4), lambda: geometry.within_class_variation(z, labels)]
    metrics += [lambda: geometry.nc1(z, labels)]
    if "in" not in message.split():
        metrics += [lambda: geometry.similarity_histogram(z, labels)]
    for metric in metrics:
        with pytest.raises(ValueError, match=message):
            metric()


def test_a_class_beyond_their_number_is_refused():
    with pytest.raises(ValueError, match=r"labels must be in \[0, 3\), got 0 to 3"):
        geometry.class_means(normal(24, 3), LABELS, 3)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_nan_or_refused(bad):
    """Refused where NaN would be no number of clusters or ranks, and would stop a decomposition."""
    z = normal(24, 3)
    z[5, 1] = bad
    means = geometry.class_means(z, LABELS, 4)
    assert means[:, [0, 2]].isfinite().all() and not means[1, 1].isfinite()
    for metric in (geometry.zero_sum, geometry.unit_norm, geometry.equal_inner_product):
        assert not metric(means).isfinite()
    assert not geometry.within_class_variation(z, LABELS).isfinite() and geometry.nc1(z, LABELS).isnan()
    for metric in (
        geometry.covariance_spectrum, geometry.spectrum_rank, geometry.effective_rank, geometry.cluster_count,
    ):  # fmt: skip
        with pytest.raises(ValueError, match="A class mean is not finite: its class has no items, or"):
            metric(means)
