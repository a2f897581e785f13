"""layer-curve: its controls, and its verdict for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from qgeom.experiments import layer_curve


def synthetic(ratio: float, spread: float = 0.02, seeds: int = 12) -> xr.Dataset:
    """Trained curves ``ratio`` times as long as all controls, at equal distances."""
    generator = np.random.default_rng(0)
    shape = (3, 3, 2, 4, seeds, 1, 2)  # description, rule, kind, treatment, seed, draw, group
    length = np.ones(shape) * np.exp(spread * generator.normal(size=shape))
    length[:, :, :, 0] *= ratio
    length[:, :, 1] *= 3  # the state
    dims = ("description", "rule", "kind", "treatment", "seed", "draw", "group")
    return xr.Dataset(
        {
            "length": (dims, length),
            "distance": (("description", "kind", "treatment", "seed", "draw"), np.full((3, 2, 4, seeds, 1), 1.0)),
        },
        coords={
            "description": ["circuit", "ResNet", "MLP"], "rule": ["commuting", "disjoint", "given"],
            "kind": ["readout", "state"], "treatment": list(layer_curve.TREATMENTS), "seed": np.arange(seeds),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ratio", "spread", "outcome"),
    [(0.7, 0.02, "supported"), (1.0, 0.02, "refuted"), (1.4, 0.02, "refuted"), (0.9, 0.3, "inconclusive")],
)
def test_every_outcome_is_possible(ratio, spread, outcome):
    verdicts = layer_curve.verdict(synthetic(ratio, spread), layer_curve.Settings())
    assert [v.outcome for v in verdicts[:3]] == [outcome] * 3
    assert [v.side for v in verdicts[:3]] == ["circuit", "network", "circuit-quantum"]
    assert verdicts[0].estimate == pytest.approx(ratio, rel=3 * spread)


def test_a_curve_shorter_than_its_chord_fails_the_calibration():
    data = synthetic(0.2)
    assert layer_curve.verdict(data, layer_curve.Settings())[3].outcome == "calibration-fail"


def test_controls_keep_the_norm_of_every_array(key):
    params = ({"bias": jnp.asarray([1.0, 2.0]), "weight": jnp.asarray([[3.0, 4.0], [0.5, 0.1]])},)
    for change in (layer_curve._random_of_equal_norm, layer_curve._shuffled):
        new = change(key, params)
        for a, b in zip(jax.tree.leaves(params), jax.tree.leaves(new), strict=True):
            assert float(jnp.linalg.norm(a)) == pytest.approx(float(jnp.linalg.norm(b)))
    shuffled = layer_curve._shuffled(key, params)
    assert sorted(np.ravel(shuffled[0]["weight"])) == [0.1, 0.5, 3.0, 4.0]
