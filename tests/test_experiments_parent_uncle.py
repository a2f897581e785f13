"""parent-uncle: rings and networks against closed forms and brute force, and its verdict for every outcome."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import circuits
from circuits.mps import exact, parent_hamiltonian, uncle_hamiltonian
from qgeom.experiments import base, parent_uncle
from qgeom.experiments import linear_network_kernel as linear
from qgeom.experiments import parent_uncle_sides as sides
from qgeom.experiments.ring_levels import lowest_levels
from qgeom.information import information_metric


def synthetic(uncle: float, over: float, noise: float = 0.0, seeds: int = 12) -> xr.Dataset:
    """Gaps that scale as ``n^uncle`` and Fisher modes as ``d^over``; parents and just wide networks do not scale."""
    rng = np.random.default_rng(0)
    rings, sizes, levels = np.arange(5, 13), np.array([4, 6, 8, 12, 16, 24]), np.arange(1, 5)

    def power(exponent: float, n: np.ndarray) -> np.ndarray:
        slopes = exponent + noise * rng.normal(size=seeds)
        return (n[None, :, None] / n[0]) ** slopes[:, None, None] * levels

    level = np.stack([np.stack([power(0.0, rings), power(uncle, rings)])] * len(sides.FAMILIES))
    level[2, 1] = 2 * (1 - np.cos(np.pi / rings))[None, :, None]  # GHZ is a calibration
    ground = np.full(level.shape[:-1], 2.0)
    ground[3] = 1.0
    mode = np.stack([power(0.0, sizes), power(over, sizes)], axis=1)
    shape = (len(sides.STARTS), len(sides.TARGETS))
    dimension = np.zeros((2, 2, seeds))
    dimension[1, 0] = 1
    angle = np.zeros((seeds, 3, 4))
    angle[..., 0] = np.pi / 2
    return xr.Dataset(
        {
            "level": (("family", "hamiltonian", "seed", "ring", "level_number"), level),
            "ground_states": (("family", "hamiltonian", "seed", "ring"), ground),
            "control": ("seed", np.zeros(seeds)),
            "mode": (
                ("start", "target", "seed", "ratio", "size", "level_number"),
                np.broadcast_to(mode, (*shape, *mode.shape)),
            ),
            "null_mode": (("seed", "ratio", "size", "level_number"), np.ones_like(mode)),
            "width_mode": (("seed", "width", "level_number"), power(over, sizes)),
            "smooth_angle": ("seed", np.zeros(seeds)),
            "deficient_angle": (("seed", "distance", "direction"), angle),
            "dimension": (("point", "space", "seed"), dimension),
            "spectrum_deviation": ("seed", np.zeros(seeds)),
        },
        coords={
            "family": list(sides.FAMILIES), "hamiltonian": ["parent", "uncle"], "seed": np.arange(seeds),
            "ring": rings, "level_number": levels, "start": list(sides.STARTS),
            "target": list(sides.TARGETS), "ratio": [1, 4], "size": sizes, "width": sizes,
            "distance": list(sides.DISTANCES), "point": ["smooth", "deficient"], "space": ["kernel", "tangent"],
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("exponent", "noise", "density", "gap"),
    [
        (-2.0, 0.02, "supported", "supported"),
        (-1.0, 0.02, "supported", "refuted"),
        (0.0, 0.02, "refuted", "refuted"),
        (1.0, 0.02, "refuted", "refuted"),
        (-0.2, 0.3, "inconclusive", "refuted"),
        (-2.2, 0.3, "supported", "inconclusive"),
    ],
)
def test_every_outcome_is_possible(exponent, noise, density, gap):
    verdicts = parent_uncle.verdict(synthetic(exponent, exponent, noise), parent_uncle.Settings())
    assert [v.outcome for v in verdicts[:2]] == [density] * 2
    assert [v.side for v in verdicts[:2]] == ["circuit", "network"]
    assert [v.outcome for v in verdicts[3:6:2]] == [gap] * 2
    assert verdicts[0].estimate == pytest.approx(-exponent, abs=4 * noise)
    assert all(v.outcome == "calibration-pass" for v in verdicts[6:])
    illustration = any(parent_uncle.ILLUSTRATION in v.notes for v in verdicts)
    assert illustration == (density != "supported")


def test_two_sides_that_differ_are_an_illustration():
    verdicts = parent_uncle.verdict(synthetic(-2.0, 0.0, 0.02), parent_uncle.Settings())
    assert [v.outcome for v in verdicts[:2]] == ["supported", "refuted"]
    assert all(parent_uncle.ILLUSTRATION in v.notes for v in verdicts[:2])


def test_calibrations_can_fail():
    data = synthetic(-2.0, -2.0)
    data["level"][2, 1] *= 1.01
    data["ground_states"][0, 1, 0, 0] = 3
    data["control"][0] = 1e-3
    data["spectrum_deviation"][0] = 0.1
    data["smooth_angle"][0] = 0.1
    data["deficient_angle"][0, -1, 0] = 1.0
    outcomes = [v.outcome for v in parent_uncle.verdict(data, parent_uncle.Settings())[6:]]
    assert outcomes == ["calibration-fail"] * 6


def test_exponents_of_known_powers():
    n = np.array([5.0, 6, 7, 8, 9, 10])
    values = np.stack([3 * n**-2.0, n**0.5])
    for fit in parent_uncle.FITS:
        np.testing.assert_allclose(parent_uncle.exponents(values, n, fit), [-2, 0.5], atol=1e-9)
    corrected = parent_uncle.exponents(values * np.exp(0.7 / n), n, "with 1/size")
    np.testing.assert_allclose(corrected, [-2, 0.5], atol=1e-9)
    assert np.isnan(parent_uncle.exponents(values[:, :4], n[:4], "with 1/size")).all()


@pytest.mark.parametrize("n", [5, 8, 11])
def test_the_uncle_of_ghz_has_the_gap_of_two_free_walls(n):
    levels = lowest_levels(uncle_hamiltonian(exact.ghz_tensor(), n, seed=n), 4)
    np.testing.assert_allclose(levels[:3], [0, 0, 2 * (1 - np.cos(np.pi / n))], atol=1e-10)


def test_levels_by_momentum_are_those_of_the_whole_matrix():
    for tensor, n in ((sides.family_tensor("product + cluster", 0), 6), (exact.ghz_tensor(), 7)):
        for h in (parent_hamiltonian(tensor, n), uncle_hamiltonian(tensor, n)):
            whole = np.linalg.eigvalsh(h.to_sparse().toarray())[:12]
            np.testing.assert_allclose(lowest_levels(h, 12), whole, atol=1e-9)
    # 2^12 states on seven levels, where Lanczos iteration breaks down
    commuting = lowest_levels(parent_hamiltonian(exact.ghz_tensor(), 12), 4)
    np.testing.assert_allclose(commuting, [0, 0, 2, 2], atol=1e-10)


@pytest.mark.parametrize(("d", "h", "r"), [(4, 4, 4), (4, 8, 4), (5, 3, 3), (4, 8, 2)])
def test_the_rank_of_the_fisher_matrix_is_the_dimension_of_the_matrices_of_rank_r(d, h, r):
    rng = np.random.default_rng(0)
    w1, w2 = linear.random_factors(rng, d, h)
    if r < min(d, h):
        w1, w2 = linear.balanced_factors(rng, linear.target_map(rng, d, "low rank"), h)
    network = circuits.MLP((d, h, d), activation="identity", output="gaussian", bias=False)
    params = ({"weight": np.asarray(w1)}, {"weight": np.asarray(w2)})
    matrix = np.asarray(information_metric(network, params, data=np.sqrt(d) * np.eye(d)).as_matrix())
    rank = r * 2 * d - r * r
    assert linear.kernel(matrix).shape[1] == 2 * d * h - rank
    closed = linear.fisher_eigenvalues(w1, w2)
    assert int(np.sum(closed > 1e-12)) == rank
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix)[-rank:], closed[-rank:], rtol=1e-10)


@pytest.mark.parametrize("target", sides.TARGETS)
@pytest.mark.parametrize("start", ["trained", "small start", "balanced"])
def test_networks_are_at_zero_loss(start, target):
    w, w1, w2 = linear.solutions(np.arange(3), 4, 8, target, start, 300)
    assert np.abs(w2 @ w1 - w).max() < 1e-10
    if start == "balanced":
        np.testing.assert_allclose(w1 @ np.swapaxes(w1, 1, 2), np.swapaxes(w2, 1, 2) @ w2, atol=1e-12)


def test_the_lowest_modes_leave_zeros_out():
    values = np.array([[0.0, 0.0, 1.0, 2.0, 3.0]])
    np.testing.assert_allclose(linear.lowest_nonzero(values, 2), [[0.5, 1.0]])
    assert np.isnan(linear.lowest_nonzero(values, 4)[0, 3])


def test_angles_of_known_planes():
    eye = np.eye(4)
    tilted = np.stack([eye[0], np.cos(0.3) * eye[1] + np.sin(0.3) * eye[2], eye[3]], axis=1)
    np.testing.assert_allclose(linear.principal_angles(tilted, eye[:, :2]), [np.pi / 2, 0.3, 0], atol=1e-12)


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="three or more growing sizes between 4 and 14"):
        base.parse_settings(parent_uncle.Settings, ["rings=5,4,6"])
    with pytest.raises(ValueError, match="first ratio is 1"):
        base.parse_settings(parent_uncle.Settings, ["ratios=2,4"])
