"""Point processes whose correlation function is known in closed form."""

import numpy as np


def pairs_of_points(count, gamma, low, high, d=2, seed=0):
    """Poisson points, each with a second one at a distance s of density s^(d - 1 - gamma): unit box.

    Of a Gauss-Poisson process (Newman 1970) the excess about a point is one partner, so that
    xi(r) = p(r) / (n S_d r^(d - 1)), a power law from `low` to `high`. Returns the points, and xi at 1.
    """
    rng = np.random.default_rng(seed)
    size, power = 1 + 2 * high, d - gamma
    number = rng.poisson(count * size**d)
    first = rng.uniform(-high, 1 + high, (number, d))
    ends = low**power, high**power
    distance = (ends[0] + rng.uniform(size=number) * (ends[1] - ends[0])) ** (1 / power)
    side = rng.standard_normal((number, d))
    second = first + distance[:, None] * side / np.linalg.norm(side, axis=1)[:, None]
    points = np.concatenate([first, second])
    sphere = {2: 2 * np.pi, 3: 4 * np.pi}[d]
    amplitude = power / (ends[1] - ends[0]) / (2 * count * sphere)
    return points[((points > 0) & (points < 1)).all(axis=1)], amplitude


def thomas(parents, children, width, seed=0):
    """Clusters of Gaussian shape about Poisson parents in the unit square (Thomas 1949).

    xi(r) = exp(-r^2 / 4 width^2) / (4 pi width^2 parents).
    """
    rng = np.random.default_rng(seed)
    edge = 6 * width
    number = rng.poisson(parents * (1 + 2 * edge) ** 2)
    centre = rng.uniform(-edge, 1 + edge, (number, 2))
    centre = np.repeat(centre, rng.poisson(children, number), axis=0)
    points = centre + width * rng.standard_normal(centre.shape)
    return points[((points > 0) & (points < 1)).all(axis=1)]


def thomas_xi(r, parents, width):
    return np.exp(-(r**2) / (4 * width**2)) / (4 * np.pi * width**2 * parents)
