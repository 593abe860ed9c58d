r"""The least HUCL loss, for InfoNCE in the limit of many negatives and positives that are independent of their anchors.

The paper leaves it open (Sec. 4.4, 6). What follows was derived for this project, first for exponential hardening.

Let an anchor with representation z be of class y, a = z . mu_y, p the probability that a negative is of its class, and
M(t) = E exp(t z . f(x^-)) before hardening. With hardness beta the anchor's loss is at least log(1 + e^-a A), by
Jensen's inequality over its positives, where A = M(beta + 1) / M(beta). Write c for a separation and

.. math:: g(c) = \frac{p + (1 - p) e^{-(\beta + 1) c}}{p + (1 - p) e^{-\beta c}}.

For rho > 0 the function h(s) = e^(beta s) (e^s - rho) has its least value where e^s = rho beta / (beta + 1), is convex
from there on, and lies above each of its tangents of positive slope. Let c* be where g is least; there g(c*) is
(1 + 1/beta) e^-c*. With rho = g(c*) e^a the least value of h is at s = a - c*. So the mean of h over negatives is at
least p h(a) + (1 - p) h(a - c*), which is 0 by the choice of rho. Hence A >= g(c*) e^a, and the loss is at least
log(1 + g(c*)), of any representation whatever, in the ball or not. It is attained exactly where classes are points
whose inner products with each other are c* less than their squared norms.
"""

from math import exp, inf, log, log1p


def separation(beta: float, collisions: float) -> float:
    """Return c*, what the inner product with one's own class exceeds that with others by where the HUCL loss is least.

    It solves (1 - p) e^-((beta + 1) c) + p ((beta + 1) e^-c - beta) = 0.

    Args:
        beta: hardness, >= 0; at 0, UCL, it is infinite.
        collisions: p, the probability that a negative is of the anchor's class, in (0, 1).

    Raises:
        ValueError: for other values.
    """
    if not beta >= 0 or beta == inf or not 0 < collisions < 1:
        raise ValueError(f"beta must be a finite number >= 0 and collisions in (0, 1), got {beta!r}, {collisions!r}.")
    if beta == 0:
        return inf
    from scipy.optimize import brentq  # takes a second: only where it is needed

    odds = (1 - collisions) / collisions

    def slope(x: float) -> float:
        return odds * x ** (beta + 1) + (beta + 1) * x - beta

    return -log(float(brentq(slope, 0.0, 1.0, xtol=1e-300, rtol=1e-15)))


def loss_at(distance: float, beta: float, collisions: float) -> float:
    """Return the HUCL loss, k -> infinity, where every class is a point and separated from all others by ``distance``.

    Args:
        distance: c, the inner product with one's own class less that with any other, >= 0.
        beta: hardness.
        collisions: probability that a negative is of the anchor's class.
    """
    near, far = collisions, (1 - collisions) * exp(-beta * distance)
    return log1p((near + far * exp(-distance)) / (near + far))


def hucl_lower_bound(num_classes: int, beta: float, collisions: float | None = None) -> float:
    """Return the least HUCL loss of unit-ball representations, k -> infinity, C equally likely classes.

    An ETF of radius r separates classes by r^2 C / (C - 1). Up to `critical_beta` the best radius is 1: the ETF itself
    minimises HUCL. Beyond it is less, and the loss is at least log(1 + (1 + 1/beta) e^-c*) whatever the norms are.

    Args:
        num_classes: C >= 2.
        beta: hardness, >= 0; at 0 this is `hcl.bounds.ucl_lower_bound`.
        collisions: probability that a negative is of the anchor's class; None is 1 / C.

    Raises:
        ValueError: for fewer than two classes, or as `separation`.
    """
    return loss_at(best_separation(num_classes, beta, collisions), beta, _share(num_classes, collisions))


def best_separation(num_classes: int, beta: float, collisions: float | None = None) -> float:
    """Return the separation of the minimum in the unit ball: c*, or C / (C - 1) where that is less."""
    widest = num_classes / (num_classes - 1) if num_classes > 1 else 0.0
    return min(separation(beta, _share(num_classes, collisions)), widest)


def best_radius(num_classes: int, beta: float, collisions: float | None = None) -> float:
    """Return the radius of the ETF of least HUCL loss: 1 up to `critical_beta`, then less."""
    return (best_separation(num_classes, beta, collisions) * (num_classes - 1) / num_classes) ** 0.5


def critical_beta(num_classes: int, collisions: float | None = None) -> float:
    """Return the hardness beyond which no ETF of radius 1 minimises HUCL: .75 for C = 4, 1.41 for 10, 3.09 for 100."""
    from scipy.optimize import brentq

    share, widest = _share(num_classes, collisions), num_classes / (num_classes - 1)
    return float(brentq(lambda beta: separation(beta, share) - widest, 1e-9, 1e3, xtol=1e-14))


def polynomial_separation(epsilon: float, collisions: float) -> float:
    """Return c*, by which inner products with one's own class, of 1, exceed those with others at the least HUCL loss.

    For polynomial hardening, of representations in the unit ball. It solves
    (2 - c) e^-c (p + (1 - p) (1 - c/2)^epsilon) = epsilon p (1 - e^-c).

    Args:
        epsilon: hardness, >= 1; for less, what is proved at the top of the module does not hold.
        collisions: p, the probability that a negative is of the anchor's class, in (0, 1).

    Raises:
        ValueError: for other values.
    """
    if not 1 <= epsilon < inf or not 0 < collisions < 1:
        raise ValueError(
            f"epsilon must be a finite number >= 1 and collisions in (0, 1), got {epsilon!r}, {collisions!r}."
        )
    from scipy.optimize import brentq

    return float(brentq(_polynomial_slope, 0.0, 2.0, (epsilon, collisions), xtol=1e-15))


def polynomial_loss_at(distance: float, epsilon: float, collisions: float) -> float:
    """Return the HUCL loss, k -> infinity, where classes are points on the sphere with inner products 1 - distance.

    Args:
        distance: c, in [0, 2].
        epsilon: hardness of polynomial hardening, >= 0.
        collisions: probability that a negative is of the anchor's class.
    """
    near, far = collisions, (1 - collisions) * (1 - distance / 2) ** epsilon
    return log1p((near + far * exp(-distance)) / (near + far))


def polynomial_lower_bound(num_classes: int, epsilon: float, collisions: float | None = None) -> float:
    """Return the least HUCL loss of unit-ball representations with polynomial hardening, k -> infinity.

    Up to `critical_epsilon` it is that of the ETF. Beyond, it takes C dimensions: in C - 1 every loss is above it.

    Args:
        num_classes: C >= 2, equally likely.
        epsilon: hardness, >= 1.
        collisions: probability that a negative is of the anchor's class; None is 1 / C.

    Raises:
        ValueError: for fewer than two classes, or as `polynomial_separation`.
    """
    share = _share(num_classes, collisions)
    distance = min(polynomial_separation(epsilon, share), num_classes / (num_classes - 1))
    return polynomial_loss_at(distance, epsilon, share)


def critical_epsilon(num_classes: int, collisions: float | None = None) -> float:
    """Return the hardness beyond which the ETF does not minimise HUCL with polynomial hardening: 1.55 for C = 10.

    Where it is less than 1, as for few classes, it is said of epsilon >= 1 only.

    Args:
        num_classes: C >= 3.
        collisions: probability that a negative is of the anchor's class; None is 1 / C.

    Raises:
        ValueError: for fewer than three classes: opposite points have no weight as each other's negatives.
    """
    if num_classes < 3:
        raise ValueError(f"num_classes must be >= 3, got {num_classes}.")
    from scipy.optimize import brentq

    share, widest = _share(num_classes, collisions), num_classes / (num_classes - 1)
    return float(brentq(lambda epsilon: _polynomial_slope(widest, epsilon, share), 0.0, 1e3, xtol=1e-14))


def _polynomial_slope(distance: float, epsilon: float, collisions: float) -> float:
    """Return a number of the sign of -g', for polynomial hardening at a = 1."""
    x, own = exp(-distance), collisions
    return (2 - distance) * x * (own + (1 - own) * (1 - distance / 2) ** epsilon) - epsilon * own * (1 - x)


def critical_share(num_classes: int) -> float:
    r"""Return the share of positives that are their own anchors beyond which UCL does not end at Neural-Collapse.

    For InfoNCE, k -> infinity and d >= C. The items of a class, however many, part by a little in a direction of their
    own, at unit norm: to first order the mean over negatives falls, and the loss of a positive that is another item
    rises. With x = e^(-C/(C-1)) the two are equal at

    .. math:: p^* = \frac{C x}{1 + (C - 1) x},

    .46 for 3 classes, .83 for 10, .98 for 100. Beyond it Neural-Collapse is no minimum, not even a local one. Derived
    for this project; that it is the minimum up to there was only searched.

    Args:
        num_classes: C >= 2.
    """
    x = exp(-num_classes / (num_classes - 1))
    return num_classes * x / (1 + (num_classes - 1) * x)


def _share(num_classes: int, collisions: float | None) -> float:
    if num_classes < 2:
        raise ValueError(f"num_classes must be >= 2, got {num_classes}.")
    return 1 / num_classes if collisions is None else collisions
