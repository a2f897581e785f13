"""Mutual information gap and DCI against cases that can be done by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import mutual_info_score

from qgeom.experiments import disentanglement_scores as measure


def uniform(n: int = 4000, k: int = 2, values: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Independent factors, and their values."""
    rng = np.random.default_rng(0)
    # Equally spaced in random order, so that quantiles and values fall together.
    factors = (np.stack([rng.permutation(n) for _ in range(k)], axis=1) + 0.5) / n
    return factors, np.minimum((factors * values).astype(int), values - 1)


def test_a_code_that_is_the_factors_has_gap_one_and_a_mixed_one_none():
    # All 100 combinations equally often: no sampling error.
    grid = np.stack(np.meshgrid(np.arange(10), np.arange(10), indexing="ij"), axis=-1).reshape(-1, 2)
    available = measure.entropies(grid)
    np.testing.assert_allclose(available, np.log(10))
    plain = measure.mutual_informations(grid + 0.0, grid)
    np.testing.assert_allclose(plain, np.log(10) * np.eye(2), atol=1e-12)
    assert measure.mutual_information_gap(plain, available) == pytest.approx(1.0)
    # Both numbers know both factors whole.
    both = (10 * grid[:, 0] + grid[:, 1])[:, None] * np.array([1.0, -1.0])
    same = measure.mutual_informations(both, grid, bins=100)
    np.testing.assert_allclose(same, np.log(10), atol=1e-12)
    assert measure.mutual_information_gap(same, available) == pytest.approx(0.0, abs=1e-12)


def test_mutual_information_is_that_of_scikit_learn_and_of_no_increasing_function():
    factors, values = uniform(600)
    codes = np.stack([factors @ [1.0, 0.5], factors @ [0.2, -1.0]], axis=1)
    found = measure.mutual_informations(codes, values, bins=7)
    binned = measure.binned(codes.T, 7)
    assert np.bincount(binned[0]).tolist() == [86, 86, 86, 85, 86, 86, 85]
    peer = [[mutual_info_score(binned[j], values[:, k]) for k in range(2)] for j in range(2)]
    np.testing.assert_allclose(found, peer, atol=1e-12)
    np.testing.assert_allclose(measure.mutual_informations(np.exp(3 * codes), values, bins=7), found)
    several = measure.mutual_informations(np.stack([codes, codes[:, ::-1]]), values, bins=7)
    np.testing.assert_allclose(several, np.stack([found, found[::-1]]))


def test_a_number_that_is_constant_up_to_rounding_tells_nothing():
    factors, values = uniform()
    codes = np.stack([factors[:, 0], 1e-9 * factors[:, 1]], axis=1)
    found = measure.mutual_informations(codes, values)
    assert found[0, 0] > 2.0
    np.testing.assert_array_equal(found[1], 0.0)


def test_the_gap_of_two_rotated_factors_falls_to_zero_at_45_degrees():
    factors, values = uniform()
    available, gaps = measure.entropies(values), []
    for angle in (0.0, np.pi / 8, np.pi / 4):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found = measure.mutual_informations((factors - 0.5) @ turn.T, values)
        gaps.append(float(measure.mutual_information_gap(found, available)))
    assert gaps[0] > 0.95
    assert gaps[0] > gaps[1] + 0.2 > gaps[2] + 0.4
    assert gaps[2] < 0.03


def test_holevo_information_of_pure_mixed_and_rotated_qubits():
    values = np.repeat([[0], [1]], 50, axis=0)
    up, down, none = np.array([0.0, 0, 1]), np.array([0.0, 0, -1]), np.zeros(3)
    told = np.where(values == 0, up, down)
    nothing = np.tile(none, (100, 1))
    same = np.tile(up, (100, 1))
    bloch = np.stack([told, nothing, same], axis=1)
    np.testing.assert_allclose(
        measure.holevo_informations(bloch, values), [[np.log(2)], [0.0], [0.0]], atol=1e-12
    )
    turned = bloch @ scipy.stats.ortho_group.rvs(3, random_state=1)
    np.testing.assert_allclose(
        measure.holevo_informations(turned, values), measure.holevo_informations(bloch, values), atol=1e-12
    )
    # Two states at angle theta: h((1 + cos(theta / 2)) / 2).
    tilted = np.where(values == 0, up, np.array([np.sin(1.0), 0, np.cos(1.0)]))
    p = 0.5 * (1 + np.cos(0.5))
    expected = -p * np.log(p) - (1 - p) * np.log(1 - p)
    assert measure.holevo_informations(tilted[:, None], values)[0, 0] == pytest.approx(expected)


def test_dci_by_hand():
    assert measure.disentanglement(np.eye(3)) == pytest.approx(1.0)
    assert measure.completeness(np.eye(3)) == pytest.approx(1.0)
    assert measure.disentanglement(np.ones((2, 4))) == pytest.approx(0.0)
    # Two parts share one factor: disentangled, not complete; the second factor is whole.
    shared = np.array([[0.5, 0.0], [0.5, 0.0], [0.0, 1.0]])
    assert measure.disentanglement(shared) == pytest.approx(1.0)
    assert measure.completeness(shared) == pytest.approx(0.5 * (1 - np.log(2) / np.log(3)) + 0.5)
    # A part that nothing needs has no weight.
    assert measure.disentanglement(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])) == pytest.approx(1.0)
    quarter = np.array([[0.75, 0.25], [0.25, 0.75]])
    entropy = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert measure.disentanglement(quarter) == pytest.approx(1 - entropy)
    assert np.isnan(measure.disentanglement(np.zeros((2, 2))))


def test_a_forest_finds_which_part_holds_which_factor():
    factors, _ = uniform(400)
    codes = np.stack([np.sin(factors[:, 1:] * [1.0, 2.0]), factors[:, :1] * [1.0, -1.0]], axis=1)
    matrix, told = measure.importances(codes, factors)
    assert measure.disentanglement(matrix) > 0.8
    assert measure.completeness(matrix) > 0.8
    assert matrix[1, 0] > 0.9 < matrix[0, 1]
    assert (told > 0.95).all()
    matrix, _ = measure.importances(codes, np.stack([factors[:, 0], np.ones(400)], axis=1))
    assert matrix[:, 1].sum() == 0.0


def test_errors_say_what_is_needed():
    with pytest.raises(ValueError, match="2 to 4 bins"):
        measure.binned(np.arange(4.0), 5)
    with pytest.raises(ValueError, match="same data"):
        measure.mutual_informations(np.zeros((3, 2)), np.zeros((4, 2), int))
    with pytest.raises(ValueError, match="two parts"):
        measure.mutual_information_gap(np.ones((1, 2)), np.ones(2))
    with pytest.raises(ValueError, match="say something"):
        measure.mutual_information_gap(np.ones((2, 2)), np.zeros(2))
    with pytest.raises(ValueError, match="0 or more"):
        measure.completeness(np.array([[1.0, -1.0], [0.0, 1.0]]))
