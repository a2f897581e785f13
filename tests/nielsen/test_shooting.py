"""Shooting: Newton's method with Jacobi fields, dense and matrix-free."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from qgeom.nielsen import local_penalty, shooting
from qgeom.nielsen.flow import end_of
from qgeom.nielsen.shooting import shoot

PENALTY = local_penalty(2, 6.0, max_weight=1)
STEPS = 32


@pytest.mark.parametrize("solver", ["singular values", "normal equations", "matrix-free"])
def test_newton_finds_the_momentum_of_a_geodesic_near_by(solver, monkeypatch):
    if solver != "singular values":
        monkeypatch.setattr(shooting, "DENSE", 0)
    if solver == "matrix-free":
        monkeypatch.setattr(shooting, "NORMAL_EQUATIONS", 0)
    rng = np.random.default_rng(0)
    wanted = rng.normal(size=15) * np.sqrt(np.asarray(PENALTY.weights)) * 0.3
    target = end_of(PENALTY.group, PENALTY.inverse, jnp.asarray(wanted), STEPS)
    found = shoot(PENALTY, target, wanted * (1.0 + 0.05 * rng.normal(size=15)), STEPS)
    assert found.converged
    assert found.misfit < 1e-10
    np.testing.assert_allclose(found.momentum, wanted, atol=1e-7)


def test_a_start_too_far_away_is_said_not_to_converge():
    target = end_of(PENALTY.group, PENALTY.inverse, jnp.asarray(np.full(15, 2.0)), STEPS)
    found = shoot(PENALTY, target, np.full(15, 1e-3), STEPS, iterations=1)
    assert not found.converged
