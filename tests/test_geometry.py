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
