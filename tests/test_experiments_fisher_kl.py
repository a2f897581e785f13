"""fisher-kl: its divergences, its slopes, and its verdict on data made to pass and to fail."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from circuits.description import Distribution, Gaussian, State
from qgeom.experiments import base, fisher_kl


def test_divergences_are_the_textbook_ones():
    p, q = np.array([0.2, 0.5, 0.3]), np.array([0.25, 0.35, 0.4])
    found = fisher_kl.divergence(Distribution(jnp.asarray(p)), Distribution(jnp.asarray(q)))
    assert float(found) == pytest.approx(np.sum(p * np.log(p / q)), rel=1e-12)
    a, b = np.array([0.6, 0.8j]), np.array([1.0, 1.0]) / np.sqrt(2)
    found = fisher_kl.divergence(State(jnp.asarray(a)), State(jnp.asarray(b)))
    assert float(found) == pytest.approx(-2 * np.log(abs(np.vdot(a, b)) ** 2), rel=1e-12)
    found = fisher_kl.divergence(Gaussian(jnp.asarray([1.0, 0.0])), Gaussian(jnp.asarray([0.0, 2.0])))
    assert float(found) == pytest.approx(2.5)


def synthetic(power: float, seeds: int = 10) -> xr.Dataset:
    """One case whose remainder is |d|^power."""
    sizes = np.geomspace(1e-3, 1e-1, 5)
    form = np.broadcast_to(sizes**2, (1, seeds, 4, 5))
    noise = 1 + 0.01 * np.random.default_rng(0).random((1, seeds, 4, 1))
    return xr.Dataset(
        {
            "divergence": (("case", "seed", "direction", "size"), form + 0.2 * noise * sizes**power),
            "form": (("case", "seed", "direction", "size"), form),
            "wrong": 0.1,
            "epsilon": 2.2e-16,
        },
        coords={
            "case": ["state"], "side": ("case", ["circuit-quantum"]), "even": ("case", [0]),
            "kind": ("case", ["D"]), "size": sizes, "seed": np.arange(seeds),
        },
    )  # fmt: skip


@pytest.mark.parametrize(("power", "outcome"), [(3.0, "calibration-pass"), (2.5, "calibration-fail")])
def test_the_verdict_goes_by_the_slope(power, outcome):
    verdict = fisher_kl.verdict(synthetic(power), fisher_kl.Settings())[0]
    assert verdict.estimate == pytest.approx(power, abs=0.01)
    assert verdict.outcome == outcome
    assert all(row["outcome"] == outcome for row in verdict.multiverse)


def test_sizes_out_of_order_are_refused():
    with pytest.raises(ValueError, match="smallest must be below largest"):
        base.parse_settings(fisher_kl.Settings, ["smallest=0.5"])
