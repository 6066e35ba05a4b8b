"""Alpha spending against published tables; the boundaries follow from what is spent by numerical integration."""

import math

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from helpers.stats.spending import LOOKS, PROMISED, SPENT, level, spent


def boundaries(errors):
    """Return the |z| crossed first at each of equally spaced looks with the two-sided errors given.

    Source: Armitage, McPherson and Rowe (1969).
    """
    found, density = [-special.ndtri(errors[0] / 2)], None
    grid = np.linspace(-found[0], found[0], 801)
    density = stats.norm.pdf(grid)
    for look in range(2, len(errors) + 1):
        ratio = (look - 1) / look
        scale = math.sqrt(1 - ratio)

        def above(z, grid=grid, density=density, ratio=ratio, scale=scale):
            return integrate.simpson(density * special.ndtr((math.sqrt(ratio) * grid - z) / scale), x=grid)

        found.append(optimize.brentq(lambda z, e=errors[look - 1]: above(z) - e / 2, 0, 9))
        onto = np.linspace(-found[-1], found[-1], 801)
        kernel = stats.norm.pdf((onto[:, np.newaxis] - math.sqrt(ratio) * grid) / scale) / scale
        density, grid = integrate.simpson(kernel * density, x=grid, axis=1), onto
    return found


def increments(total):
    return [spent(look, total) - spent(look - 1, total) for look in range(1, LOOKS + 1)]


def test_the_spending_function_gives_the_published_boundaries():
    """Five equally spaced looks, Pocock-type spending of 5 %, two-sided: Lan and DeMets (1983)."""
    assert increments(0.05)[0] == pytest.approx(0.0148, abs=5e-5)
    assert boundaries(increments(0.05)) == pytest.approx([2.438, 2.427, 2.410, 2.397, 2.386], abs=1e-3)


def test_the_integration_gives_pococks_own_boundary():
    """Five looks at a constant 2.413 err with 5 %: Pocock (1977), table 1."""

    def error(z):
        constant = optimize.brentq(lambda first: boundaries([first, 1e-3])[0] - z, 1e-4, 0.5)
        errors = [constant]
        for _ in range(LOOKS - 1):
            rest = optimize.brentq(lambda e, known=tuple(errors): boundaries([*known, e])[-1] - z, 1e-6, 0.1)
            errors.append(rest)
        return sum(errors)

    assert error(2.413) == pytest.approx(0.05, abs=2e-4)


def test_all_looks_spend_less_than_is_promised():
    assert spent(0) == 0
    assert spent(LOOKS) == pytest.approx(SPENT)
    assert SPENT < PROMISED
    levels = [level(look) for look in range(1, LOOKS + 1)]
    assert sum(1 - one for one in levels) == pytest.approx(SPENT)
    assert levels == sorted(levels)  # each look more is stricter


@pytest.mark.parametrize("look", [-1, 6])
def test_there_is_no_sixth_look(look):
    with pytest.raises(ValueError, match="has at most 5 looks"):
        spent(look)
