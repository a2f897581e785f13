"""Branches carried from the flat metric, the way down from a saddle, and the picture of what was found."""

from __future__ import annotations

import jax
import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.linalg import expm, logm
from scipy.stats import unitary_group

from qgeom.figures import deformation as deformation_figure
from qgeom.figures import geodesic as geodesic_figure
from qgeom.nielsen import PauliGroup, Penalty, conjugate_points, deform, local_penalty, minimal_geodesic
from qgeom.nielsen.flow import end_of
from qgeom.nielsen.one_qubit import axisymmetric_length
from qgeom.nielsen.relaxation import relax
from qgeom.nielsen.saddles import broken_geodesics

TWO = [local_penalty(2, q, max_weight=1) for q in (1.0, 2.0, 5.0)]


@pytest.mark.slow
def test_a_straight_line_of_commuting_strings_is_followed_to_any_penalty():
    zz = np.kron(np.diag([1.0, -1.0]), np.diag([1.0, -1.0]))
    z1 = np.kron(np.eye(2), np.diag([1.0, -1.0]))
    target = expm(-1j * (0.6 * zz + 0.3 * z1))
    lengths = [step.length for step in deform(target, TWO)]
    np.testing.assert_allclose(lengths, [np.sqrt(q * 0.36 + 0.09) for q in (1.0, 2.0, 5.0)], rtol=1e-8)


@pytest.mark.slow
def test_deformed_paths_are_geodesics_to_the_target_that_begin_as_the_flat_one():
    target = unitary_group.rvs(4, random_state=3)
    found = deform(target, TWO)
    values = np.angle(np.linalg.eigvals(target))
    flat = min(np.std(np.unwrap(np.roll(np.sort(values), k))) for k in range(4))
    np.testing.assert_allclose(found[0].length, flat, rtol=1e-9)
    for metric, step in zip(TWO, found):
        assert step.reached
        end = np.asarray(end_of(metric.group, metric.inverse, jax.numpy.asarray(step.momentum), 256))
        assert abs(abs(np.trace(end.conj().T @ target)) - 4.0) < 1e-12
    assert found[0].length < found[1].length < found[2].length


def test_deformation_needs_finite_weights():
    with pytest.raises(ValueError, match="finite weights"):
        deform(np.eye(4), [local_penalty(2, np.inf, max_weight=1)])


@pytest.mark.slow
def test_broken_geodesics_lead_from_a_saddle_to_the_shortest_path():
    penalty = Penalty(PauliGroup(1), [1.0, 1.0, 12.0])
    target = expm(-1.2j * np.diag([1.0, -1.0]))
    momentum = np.array([0.0, 0.0, 12.0 * 1.2])
    conjugate = conjugate_points(penalty, jax.numpy.asarray(momentum))
    assert conjugate.index >= 1
    time, rng = float(conjugate.times[0]), np.random.default_rng(0)
    sizes = np.array([0.01, 0.02, 0.3])
    paths = broken_geodesics(penalty, momentum, time, 64, 64, sizes, rng)
    misses = []
    for path in paths:
        u = np.eye(2)
        for h in path:
            x = np.array([[h[2], h[0] - 1j * h[1]], [h[0] + 1j * h[1], -h[2]]])
            u = expm(-1j * x / 64) @ u
        misses.append(np.sqrt(max(0.0, 1.0 - abs(np.trace(u.conj().T @ target)) / 2)))
    assert misses[1] < 8.0 * misses[0]  # closed to second order: twice the disturbance, four times the gap
    assert misses[1] > 2.5 * misses[0]
    relaxed = relax(penalty, target, np.stack(paths[2:]), 200, 1e-6)
    shortest = axisymmetric_length(target, 1.0, 12.0)
    assert shortest < 0.8 * np.sqrt(12.0) * 1.2
    np.testing.assert_allclose(np.sqrt(relaxed.energy), shortest, rtol=2e-3)


def test_the_logarithm_of_the_flat_branch_is_the_reference():
    target = unitary_group.rvs(4, random_state=5)
    h = 1j * logm(target)
    h = h - np.trace(h) / 4 * np.eye(4)
    assert deform(target, TWO[:1])[0].length <= np.sqrt(np.trace(h @ h).real / 4) * (1 + 1e-9)


@pytest.mark.slow
def test_pictures_show_what_was_found():
    g = minimal_geodesic(
        unitary_group.rvs(2, random_state=1), Penalty(PauliGroup(1), [1.0, 1.0, 4.0]), starts=2
    )
    figure = geodesic_figure.picture(g, built=5.0)
    assert [axes.get_xlabel() for axes in figure.axes][:2] == ["time $t$", "time $t$"]
    assert f"{g.length:.4g}" in figure.axes[2].get_xlabel()
    plt.close(figure)
    q = np.array([1.0, 10.0])
    row = {"deformed": np.array([1.0, 2.0]), "shortest": np.array([1.0, 1.5]), "lower": np.array([1.0, 1.0])}
    figure = deformation_figure.draw(q, {"Toffoli": row, "QFT": row})
    assert len(figure.axes) == 2
    plt.close(figure)
    with pytest.raises(ValueError, match="curves of 3 points"):
        deformation_figure.draw(np.array([1.0, 2.0, 3.0]), {"Toffoli": row})
