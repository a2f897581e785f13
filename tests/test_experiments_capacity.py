"""capacity: its problem, its members, and its verdict for every outcome."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
from circuits.description import Distribution, State
from qgeom.experiments import capacity

NAMES = ("measured", "state", "ising", "network", "random-features")


def synthetic(below: float, above: float, starts: int = 100, seeds: int = 12) -> xr.Dataset:
    """Success rates below and above saturation, at sizes 2, 4, 6, 8 with a bound of 6."""
    generator = np.random.default_rng(0)
    rate = np.array([below, below, above, above])[:, None]
    passed = generator.random((len(NAMES), 2, seeds, 4, starts)) < rate
    return xr.Dataset(
        {
            "parameters": (("family", "size"), np.tile([2.0, 4, 6, 8], (len(NAMES), 1))),
            "rank": (("family", "size"), np.tile([2.0, 4, 6, 6], (len(NAMES), 1))),
            "loss": (("family", "target", "seed", "size", "start"), np.where(passed, 1e-6, 1.0)),
            "bound": ("family", [6] * len(NAMES)),
        },
        coords={
            "family": list(NAMES),
            "side": ("family", ["circuit", "circuit-quantum", "circuit-quantum", "network", "null"]),
            "target": list(capacity.TARGETS), "seed": np.arange(seeds),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("below", "above", "starts", "outcome"),
    [
        (0.2, 0.9, 100, "supported"),
        (0.5, 0.5, 100, "refuted"),
        (0.9, 0.2, 100, "refuted"),
        (0.5, 0.6, 5, "inconclusive"),
    ],
)
def test_every_outcome_is_possible(below, above, starts, outcome):
    verdicts = capacity.verdict(synthetic(below, above, starts), capacity.Settings())
    assert [v.outcome for v in verdicts[:3]] == [outcome] * 3
    assert verdicts[0].estimate == pytest.approx(above - below, abs=0.5 / starts**0.5)


def test_a_rank_above_its_bound_fails():
    data = synthetic(0.2, 0.9)
    data["rank"][0, -1] = 7.0
    assert "calibration-fail" in [v.outcome for v in capacity.verdict(data, capacity.Settings())]


def test_members_have_the_parameters_they_say():
    families = {f.name: f for f in capacity.families(capacity.Settings())}
    assert families["network"].sizes == tuple(6 * h + 3 for h in range(1, 11))
    assert families["random-features"].sizes == families["network"].sizes
    assert families["state"].bound == 14
    assert families["ising"].bound == 8
    for family in families.values():
        assert family.masks.sum(axis=1).tolist() == list(family.sizes)


def test_the_divergence_is_zero_at_the_target_and_textbook_elsewhere():
    problem = capacity.Storing(circuits.hardware_efficient(2, 1), "float64")
    a, b = np.array([0.6, 0.8j, 0, 0]), np.array([0.5, 0.5, 0.5, 0.5])
    context = {"target_re": jnp.asarray(a.real)[None], "target_im": jnp.asarray(a.imag)[None]}
    assert float(problem.loss(State(jnp.asarray(a)[None]), context)) == pytest.approx(0, abs=1e-12)
    expected = 2 * (1 - abs(np.vdot(a, b)) ** 2)
    assert float(problem.loss(State(jnp.asarray(b + 0j)[None]), context)) == pytest.approx(expected)
    p, q = np.array([[0.2, 0.8]]), np.array([[0.5, 0.5]])
    found = problem.loss(Distribution(jnp.asarray(q)), {"target_re": jnp.asarray(p)})
    assert float(found) == pytest.approx(np.sum(p * np.log(p / q)))
