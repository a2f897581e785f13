"""mps-mera: causal cones and free fermions against brute force, and its verdict for every outcome."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import xarray as xr

from circuits import mera
from circuits.local import LocalHamiltonian
from qgeom.experiments import base, mps_mera
from qgeom.experiments import mps_mera_sides as sides
from qgeom.experiments.mera_cones import reduced_density


def synthetic(mps: float, mera_power: float, noise: float = 0.01, seeds: int = 12) -> xr.Dataset:
    """``ln|C| = -share * r - (1 - share) * 4 ln r``: exponential at share 1 and a power at 0, for each network."""
    rng = np.random.default_rng(0)
    r = np.array([1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 18])
    starts = 4
    shape = (2, 1, 2, seeds, 2, len(r), starts)
    ln = np.log(54 / np.pi * np.sin(np.pi * r / 54))
    log_c = np.zeros(shape)
    for a, share in enumerate((mps, mera_power)):
        log_c[a] = (-share * r - (1 - share) * 4 * ln)[:, None]
    spread = rng.normal(size=(*shape[:-1], 1))
    correlation = np.exp(log_c + noise * spread)
    exact = np.stack([np.exp(-ln), np.exp(-r)])[:, None, None] * np.ones((1, seeds, 2, 1))
    path = np.stack([np.tile(r[:, None] + 1.0, starts), np.tile(np.round(2 * ln)[:, None] + 1.0, starts)])
    null = rng.permuted(np.broadcast_to(path[:, None], (2, 20, len(r), starts)).reshape(2, 20, -1), axis=2)
    return xr.Dataset(
        {
            "correlation": (("network", "bond", "field", "seed", "operator", "r", "start"), correlation),
            "exact": (("field", "seed", "operator", "r"), exact),
            "path": (("network", "r", "start"), path),
            "null_path": (("network", "draw", "r", "start"), null.reshape(2, 20, len(r), starts)),
            "entropy": (("network", "bond", "field", "seed", "length"), np.full((2, 1, 2, seeds, 3), 0.5)),
            "cut": (("network", "bond", "length"), np.ones((2, 1, 3))),
            "bond_dimension": (("network", "bond"), [[4], [4]]),
            "shape": (("network", "quantity"), [[0.0, 1.0], [0.25, np.nan]]),
        },
        coords={
            "network": list(sides.NETWORKS), "field": list(sides.FIELDS), "operator": list(sides.OPERATORS), "r": r,
            "seed": np.arange(seeds),
        },
        attrs={"sites": 54},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("share", "noise", "mps", "mera_cell"),
    [
        (1.0, 0.01, "supported", "refuted"),
        (0.0, 0.01, "refuted", "supported"),
        (0.45, 2.0, "refuted", "refuted"),
    ],
)
def test_every_cell_can_be_supported_and_refuted(share, noise, mps, mera_cell):
    verdicts = mps_mera.verdict(synthetic(share, share, noise), mps_mera.Settings())
    assert [v.outcome for v in verdicts[:4]] == [mps, mera_cell] * 2
    assert all(v.outcome == "calibration-pass" for v in verdicts[6:])


def test_a_cell_between_the_two_is_inconclusive():
    found = {
        mps_mera.verdict(synthetic(share, share, 0.6), mps_mera.Settings())[0].outcome
        for share in (0.35, 0.45, 0.55)
    }
    assert "inconclusive" in found


def test_paths_that_are_no_better_than_rewired_ones_are_refuted():
    data = synthetic(1.0, 0.0)
    assert [v.outcome for v in mps_mera.verdict(data, mps_mera.Settings())[4:6]] == ["supported"] * 2
    data["path"] = data["null_path"].isel(draw=3)
    assert [v.outcome for v in mps_mera.verdict(data, mps_mera.Settings())[4:6]] == ["refuted"] * 2


def test_calibrations_can_fail():
    data = synthetic(1.0, 0.0)
    data["entropy"][0, 0, 0, 0, 1] = 1.1
    data["exact"] = data["exact"][::-1].assign_coords(field=list(sides.FIELDS))
    outcomes = [v.outcome for v in mps_mera.verdict(data, mps_mera.Settings())[6:]]
    assert outcomes == ["calibration-fail", "calibration-pass", "calibration-fail", "calibration-fail"]


def test_the_difference_of_aic_is_that_of_the_residuals():
    r = np.array([1.0, 2.0, 3.0, 4.0])
    y = np.array([0.0, -1.1, -1.9, -3.0])
    rss = [float(np.polyfit(x, y, 1, full=True)[1][0]) for x in (r, np.log(r))]
    found = mps_mera.aic_difference(y[None], r, np.log(r))
    np.testing.assert_allclose(found, 4 * np.log(rss[0] / rss[1]), rtol=1e-10)


@pytest.mark.parametrize("scheme", [pytest.param("ternary", marks=pytest.mark.slow), "binary"])
def test_causal_cones_give_the_density_matrices_of_the_whole_vector(scheme):
    n = {"ternary": 18, "binary": 16}[scheme]
    with pytest.warns(RuntimeWarning, match="converged"):
        state = mera.ground_state(
            sides.bond(0.7, 1.0), 3, sites=n, scheme=scheme, key=jax.random.key(1), max_iterations=5
        ).mera
    assert isinstance(state, mera.FiniteMERA)
    vector = np.asarray(state.to_vector()).reshape((2,) * n)
    for sites in ((0, 7), (3, 4), (n - 1, 0), (2, 9), (5, 3, 1)):
        rest = [i for i in range(n) if i not in sites]
        table = vector.transpose(*sites, *rest).reshape(2 ** len(sites), -1)
        np.testing.assert_allclose(reduced_density(state, sites), table @ table.T, atol=1e-13)
    with pytest.raises(ValueError, match="different numbers"):
        reduced_density(state, (1, 1))


@pytest.mark.parametrize("field", [1.0, 1.5])
def test_exact_correlations_are_those_of_the_diagonalised_ring(field):
    n, g = 8, 0.7
    ring = LocalHamiltonian(n, 2, [((i, (i + 1) % n), sides.bond(g, field)) for i in range(n)])
    vector = np.asarray(ring.ground_state()[0].vector).reshape((2,) * n)
    found = sides.exact_correlations(g, field, n, [1, 3])
    for k, r in enumerate((1, 3)):
        rho = _pair(vector, r)
        x, z, one = sides.MATRICES["X"], sides.MATRICES["Z"], np.eye(2)
        mean = np.trace(rho @ np.kron(z, one)).real
        np.testing.assert_allclose(found[0, k], abs(np.trace(rho @ np.kron(x, x))), atol=1e-8)
        np.testing.assert_allclose(found[1, k], abs(np.trace(rho @ np.kron(z, z)).real - mean**2), atol=1e-8)


def _pair(vector: np.ndarray, r: int) -> np.ndarray:
    table = np.moveaxis(vector, (0, r), (0, 1)).reshape(4, -1)
    return table @ table.conj().T


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="18, 27, 54"):
        base.parse_settings(mps_mera.Settings, ["sites=50"])
    with pytest.raises(ValueError, match="growing separations"):
        base.parse_settings(mps_mera.Settings, ["separations=1,2,3,4,40"])
