"""Algorithm 1, lines 17 to 29, and eq. (42) as plain loops over float64 scalars: what the library is tested against.

Written from the paper alone; nothing of the library is used. What the paper leaves open follows the D-numbers.
"""

import itertools
import random

import torch


def uniform(t):
    return torch.ones_like(t)


def exponential(beta):
    return lambda t: torch.exp(beta * t)


def polynomial(epsilon):
    return lambda t: torch.clamp(t + 1, min=0) ** epsilon


def threshold(tau):
    return lambda t: (torch.exp(t) >= tau).to(t.dtype)


class InfoNCE:
    """psi_k(v) = log(1 + (1/k) sum_m exp(v_m)), line 22."""

    def finite(self, v):
        return torch.log(1 + sum(torch.exp(v_m) for v_m in v) / len(v))

    def limit(self, v, p):
        return torch.log(1 + sum(p_m * torch.exp(v_m) for v_m, p_m in zip(v, p, strict=True)))


class Triplet:
    """psi_1(v) = max(v + margin, 0)."""

    def __init__(self, margin):
        self.margin = margin

    def finite(self, v):
        (v_1,) = v
        return torch.clamp(v_1 + self.margin, min=0)

    def limit(self, v, p):
        return sum(p_m * self.finite([v_m]) for v_m, p_m in zip(v, p, strict=True))


def sampler(seed, k):
    """Return a draw of line 20 with its own source of randomness."""
    source = random.Random(seed)
    return lambda i, j, p: source.choices(list(p), weights=[float(q) for q in p.values()], k=k)


def given(indices):
    """Return a draw of line 20 that takes indices[i][j], k numbers."""
    return lambda i, j, p: [int(m) for m in indices[i][j]]


def negative_distribution(z, i, labels, *, supervised, eta, exclude_self=False, detach=True, temperature=1):
    """Return {m: p^-(m)} of anchor i, eqs. (5) and (7) over the batch, or None where no item is allowed (D16).

    Negatives are of other classes if supervised (D3), of the whole batch if not (D4); all weights 0 is uniform (D12).
    A temperature divides what eta takes (D11).
    """
    z = z.detach() if detach else z
    allowed = [
        m for m in range(len(z))
        if not (supervised and labels[m] == labels[i]) and not (exclude_self and m == i)
    ]  # fmt: skip
    if not allowed:
        return None
    weights = {m: eta(torch.dot(z[i], z[m]) / temperature) for m in allowed}
    gamma = sum(weights.values())
    if gamma == 0:
        return {m: torch.ones((), dtype=z.dtype) / len(allowed) for m in allowed}
    return {m: weight / gamma for m, weight in weights.items()}


def pair_loss(z, i, j, positive, p, k, draw, psi, temperature=1):
    """Return l_ij: of drawn negatives, or its mean over all k-tuples of negatives, or its limit (k=None)."""
    v = {m: (torch.dot(z[i], z[m]) - torch.dot(z[i], positive)) / temperature for m in p}  # line 21
    if k is None:
        return psi.limit(list(v.values()), list(p.values()))
    if draw is not None:
        drawn = draw(i, j, p)
        assert len(drawn) == k
        return psi.finite([v[m] for m in drawn])
    total = 0
    for drawn in itertools.product(p, repeat=k):
        probability = torch.ones((), dtype=z.dtype)
        for m in drawn:
            probability = probability * p[m]
        total = total + probability * psi.finite([v[m] for m in drawn])
    return total


def contrastive_loss(
    z,
    labels,
    *,
    supervised,
    eta=uniform,
    k=None,
    draw=None,
    reduction="anchor",
    exclude_self=False,
    z_pos=None,
    psi=None,
    detach=True,
    temperature=1,
):
    """Return the batch loss: exact over draws unless `draw` is given (see `sampler` and `given`)."""
    z = z.double()
    psi = psi or InfoNCE()
    rows = []
    for i in range(len(z)):
        p = negative_distribution(
            z, i, labels, supervised=supervised, eta=eta, exclude_self=exclude_self, detach=detach,
            temperature=temperature,
        )  # fmt: skip
        if p is None:
            continue
        if z_pos is not None:
            rows.append([pair_loss(z, i, i, z_pos[i].double(), p, k, draw, psi, temperature)])
            continue
        rows.append([
            pair_loss(z, i, j, z[j], p, k, draw, psi, temperature) for j in range(len(z)) if labels[i] == labels[j]
        ])  # fmt: skip
    if not rows:
        return (z * 0).sum()
    if reduction == "pair":  # the official code, D1
        return sum(sum(row) for row in rows) / sum(len(row) for row in rows)
    return sum(sum(row) / len(row) for row in rows) / len(rows)  # lines 27 and 29


def simclr_loss(z, z_pos, labels=None, *, eta=uniform, weight=None, detach=True, temperature=1):
    """Return eq. (42) over all 2n views, with Q = number of views - 2 by default (D12, D13, D14)."""
    views = torch.cat([z, z_pos]).double()
    count, images = len(views), len(z)
    weight = count - 2 if weight is None else weight
    losses = []
    for i in range(count):
        partner = (i + images) % count
        negatives = [
            m for m in range(count)
            if m not in (i, partner) and (labels is None or labels[m % images] != labels[i % images])
        ]  # fmt: skip
        if not negatives:
            continue
        source = views.detach() if detach else views
        weights = [eta(torch.dot(source[i], source[m]) / temperature) for m in negatives]
        gamma = sum(weights)
        if gamma == 0:
            weights, gamma = [torch.ones((), dtype=views.dtype)] * len(negatives), len(negatives)
        mean = sum(
            w / gamma * torch.exp(torch.dot(views[i], views[m]) / temperature)
            for w, m in zip(weights, negatives, strict=True)
        )
        losses.append(torch.log(1 + weight * mean / torch.exp(torch.dot(views[i], views[partner]) / temperature)))
    return sum(losses) / len(losses) if losses else (views * 0).sum()


def hard_means(z, z_pos, labels, eta, temperature):
    """Return for each view of a batch E[e^g] under UCL, SCL, H-UCL, H-SCL and Hcol, 0 of nothing, and w: (2n, 6).

    Of arXiv 2209.00078 as derived for this project; negatives are the views of other images, all weights 0 is uniform.
    """
    views, n, rows = torch.cat([z, z_pos]).double(), len(z), []
    for i in range(2 * n):
        g = {m: torch.dot(views[i], views[m]) / temperature for m in range(2 * n) if m % n != i % n}
        own = [m for m in g if labels[m % n] == labels[i % n]]
        others = [m for m in g if m not in own]

        def law(of, harden, g=g):
            weights = [float(harden(g[m])) for m in of]
            total = sum(weights)
            return {m: w / total if total else 1 / len(of) for m, w in zip(of, weights, strict=True)}

        laws = [law(g, uniform), law(others, uniform), law(g, eta), law(others, eta), law(own, eta)]
        means = [sum(p[m] * float(torch.exp(g[m])) for m in p) for p in laws]
        rows.append([*means, sum(laws[2][m] for m in own)])
    return torch.tensor(rows, dtype=torch.float64)


def value_and_gradient(function, z):
    """Return function(z) and its gradient in z."""
    z = z.detach().clone().requires_grad_()
    loss = function(z)
    loss.backward()
    return loss.detach(), z.grad
