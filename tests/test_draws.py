"""Draws with replacement: right law, independent of one another, nothing of probability zero."""

from math import inf, log

import pytest
import torch
from scipy.stats import chi2

from hcl import draws

COUNT = 102_400


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def flat_to_peaked(dtype=torch.float32, m=12):
    scale = torch.tensor([[0.0], [1.0], [3.0]], dtype=dtype)
    return (torch.randn(3, m, generator=generator(1), dtype=dtype) * scale).softmax(1)


def by_inversion(p, count, seed):
    return draws.invert(p, torch.rand(len(p), 1, count, dtype=p.dtype, generator=generator(seed)))[:, 0]


def by_tables(p, count, seed):
    return draws.from_tables(p, count, generator(seed))


@pytest.fixture(params=["eager", "as on an accelerator"])
def each_inversion(request, monkeypatch):
    """Both ways to sum up the distribution function."""
    monkeypatch.setattr(draws, "eager_on_cpu", lambda x: request.param == "eager")


def assert_law(counts, p):
    """Chi-square at a level of 1e-6, fixed seed."""
    expected = p.double() * counts.sum()
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert statistic < chi2.ppf(1 - 1e-6, len(p) - 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inverted_draws_have_the_frequencies_of_the_distribution(each_inversion, dtype):
    p = flat_to_peaked(dtype)
    drawn = by_inversion(p, COUNT, 2)
    assert drawn.shape == (3, COUNT) and drawn.dtype == torch.int64
    for row, of_row in zip(drawn, p, strict=True):
        assert_law(row.bincount(minlength=12), of_row)


@pytest.mark.parametrize("bits", [0, 3, 6, 15])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draws_from_tables_have_the_frequencies_of_the_distribution(monkeypatch, dtype, bits):
    """Whether nearly all are drawn again or nearly none."""
    monkeypatch.setattr(draws, "_table_size", lambda count, m: 2**bits)
    p = flat_to_peaked(dtype)
    drawn = by_tables(p, COUNT, 2)
    assert drawn.shape == (3, COUNT) and drawn.dtype == torch.int64
    for row, of_row in zip(drawn, p, strict=True):
        assert_law(row.bincount(minlength=12), of_row)


@pytest.mark.parametrize("bits", [2, 15])
@pytest.mark.parametrize("lag", [1, 2, 4, 32])
def test_draws_from_tables_are_independent_of_one_another(monkeypatch, bits, lag):
    """Of neighbours, which come from one random number, and of neighbouring sets."""
    monkeypatch.setattr(draws, "_table_size", lambda count, m: 2**bits)
    p = flat_to_peaked(m=4)[1:2]
    (drawn,) = by_tables(p, COUNT, 3)
    drawn = drawn.view(-1, 2, lag)  # disjoint pairs
    counts = (4 * drawn[:, 0] + drawn[:, 1]).flatten().bincount(minlength=16)
    assert_law(counts, (p.T @ p).flatten())


def test_rows_are_drawn_independently():
    p = flat_to_peaked(m=4)[1:2]
    first, second = by_tables(p.repeat(2, 1), COUNT, 3)
    assert_law((4 * first + second).bincount(minlength=16), (p.T @ p).flatten())


def with_zeros(m):
    """Items of probability 0 at either end, in between, and all but one; and probabilities of 1/3."""
    allowed = torch.ones(5, m, dtype=torch.bool)
    allowed[0, [0, -1]] = False
    allowed[1, :-1] = False
    allowed[2, 1:] = False
    allowed[3, ::2] = False
    allowed[4, 3:] = False
    return allowed, torch.zeros(5, m).masked_fill(~allowed, -inf).softmax(1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("m", [5, 257])
@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24, 1 - 2**-53])
def test_inversion_never_draws_an_item_of_probability_zero(each_inversion, m, uniform, dtype):
    """Not even for the extreme uniform numbers, nor where one rounds to 1."""
    allowed, p = with_zeros(m)
    uniforms = torch.full((5, 2, 3), uniform, dtype=torch.float64)
    assert allowed.gather(1, draws.invert(p.to(dtype), uniforms).flatten(1)).all()


@pytest.mark.parametrize("bits", [0, 2, 15])
@pytest.mark.parametrize("m", [5, 257])
@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-24, None])
def test_tables_never_draw_an_item_of_probability_zero(monkeypatch, m, uniform, bits):
    monkeypatch.setattr(draws, "_table_size", lambda count, m: 2**bits)
    allowed, p = with_zeros(m)
    if uniform is not None:
        monkeypatch.setattr(torch, "rand", lambda *size, generator=None, **kw: torch.full(size, uniform, **kw))
    assert allowed.gather(1, by_tables(p, 2000, 3)).all()


def test_both_ways_to_invert_take_the_same_items(monkeypatch):
    p = flat_to_peaked(torch.float64, m=300)
    uniforms = torch.rand(3, 2, 50, dtype=torch.float64, generator=generator())
    eager = draws.invert(p, uniforms)
    monkeypatch.setattr(draws, "eager_on_cpu", lambda x: False)
    assert draws.invert(p, uniforms).sort(-1).values.equal(eager)


def test_inversion_leaves_the_given_numbers_as_they_are():
    uniforms = torch.tensor([[[0.9, 0.1, 0.5]]])
    draws.invert(torch.tensor([[0.5, 0.5]]), uniforms)
    assert uniforms.flatten().tolist() == pytest.approx([0.9, 0.1, 0.5])


@pytest.mark.parametrize("bad", [float("nan"), inf])
def test_a_distribution_that_is_not_finite_gives_indices_all_the_same(each_inversion, bad):
    p = torch.full((2, 4), bad)
    index = draws.invert(p, torch.rand(2, 3, 5, generator=generator()))
    assert index.shape == (2, 3, 5) and index.ge(0).all() and index.lt(4).all()


@pytest.mark.parametrize(("count", "m", "size"), [(1536, 512, 4096), (13_312, 512, 16_384), (10**6, 512, 2**15)])
def test_a_larger_table_serves_more_draws(count, m, size):
    assert draws._table_size(count, m) == size


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_mean_of_own_draws_and_its_gradient_are_those_of_autograd(monkeypatch, dtype):
    """Rows of 1 to 3 sets; sets beyond a row's own have no gradient."""
    s = torch.randn(4, 6, generator=generator(), dtype=dtype)
    p, sets, k = s.softmax(1), torch.tensor([2, 1, 3, 2]), 4
    index = torch.randint(6, (4, 3, k), generator=generator(1))
    monkeypatch.setattr(
        draws, "from_tables", lambda rows, count, source: torch.cat([index[p.eq(row).all(1)] for row in rows])
        .flatten(1)[:, :count],
    )  # fmt: skip
    own = torch.arange(3) < sets[:, None]
    upstream = torch.randn(4, 3, generator=generator(2), dtype=dtype) * own
    ours, theirs = s.clone().requires_grad_(), s.clone().requires_grad_()
    value = draws.log_mean_exp_of_draws(ours, p, sets, k, None)
    expected = theirs.gather(1, index.flatten(1)).view(4, 3, k).logsumexp(-1) - log(k)
    torch.testing.assert_close(value[own], expected[own])
    (value * upstream).sum().backward()
    (expected * upstream).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_a_second_derivative_is_refused_rather_than_wrong():
    s = torch.rand(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    level = draws.log_mean_exp_of_draws(
        s, s.detach().softmax(1), torch.tensor([1, 2, 1]), 8, torch.Generator().manual_seed(1)
    )
    (grad,) = torch.autograd.grad(level[:, 0].square().sum(), s, create_graph=True)
    with pytest.raises(RuntimeError, match="marked with @once_differentiable"):
        grad.sum().backward()
