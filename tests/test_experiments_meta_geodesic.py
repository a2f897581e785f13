"""meta-geodesic: paths against closed forms, meta-training against its definition, its verdicts for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
from circuits.description import Distribution, Gaussian, State
from qgeom.experiments import meta_geodesic
from qgeom.experiments import meta_geodesic_paths as reading
from qgeom.experiments import meta_geodesic_sides as sides
from qgeom.experiments.meta_geodesic import Choice
from qgeom.progress import Silent


def synthetic(ratio: float, noise: float, seeds: int = 12, tasks: int = 4) -> xr.Dataset:
    """T is 1.5 from random and joint starts and of the shuffled control; of MAML it is that times ``ratio``."""
    rng = np.random.default_rng(0)
    shape = (2, 2, 2, 5, seeds, 4, tasks)  # description, stretch, level, kind, seed, treatment, task
    logs = np.log(1.5) + 0.02 * rng.normal(size=shape)
    logs[..., 2, :] += np.log(ratio) + noise * rng.normal(size=(seeds, 1))
    distance = rng.uniform(0.5, 2.0, size=shape)
    along = np.linspace(0, 1, 5)
    profile = np.broadcast_to(along, (2, 5, seeds, 4, tasks, 5))
    dims = ("description", "stretch", "level", "kind", "seed", "treatment", "task")
    rows = ("description", "kind", "seed", "treatment", "task", "at")
    return xr.Dataset(
        {
            "length": (dims, distance * np.exp(np.maximum(logs, 0.0))), "distance": (dims, distance),
            "from_start": (rows, profile), "to_end": (rows, 1.0 - profile),
        },
        coords={
            "description": ["circuit", "network"], "stretch": list(meta_geodesic.STRETCHES), "level": [0.2, 0.4],
            "kind": ["readout", "Z alone", "state", "support", "other"], "seed": np.arange(seeds),
            "treatment": list(sides.TREATMENTS),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("ratio", "noise", "outcome"),
    [(0.75, 0.02, "supported"), (1.3, 0.02, "refuted"), (1.0, 0.02, "refuted"), (0.9, 0.15, "inconclusive")],
)
def test_every_outcome_is_possible(ratio, noise, outcome):
    data = synthetic(ratio, noise)
    found = meta_geodesic.verdict(data, meta_geodesic.Settings())
    assert [v.side for v in found[:6]] == [side for side in meta_geodesic.CASES for _ in range(2)]
    assert {v.outcome for v in found[:6]} == {outcome}
    assert [v.outcome for v in found[6:]] == ["calibration-pass"] * 3
    assert (found[0].p_value < 0.01) == (ratio == 0.75)
    assert {row["stretch"] for row in found[0].multiverse} == set(meta_geodesic.STRETCHES)


def test_geodesics_from_the_control_leave_no_room_for_the_claim():
    data = synthetic(1.0, 0.0)
    data["length"] = np.exp(0.05) * data["distance"]  # T is 1.05 everywhere
    choice = Choice("network", "readout", 0.2)
    found = meta_geodesic.judge(data, choice, "random", "network")
    assert found.outcome == "inconclusive"
    assert "could not have been supported" in found.notes[-1]
    data["length"].loc[{"treatment": sides.MAML}] *= 1.2
    assert meta_geodesic.judge(data, choice, "random", "network").outcome == "refuted"


def test_calibrations_can_fail_and_lost_tasks_are_left_out():
    data = synthetic(0.75, 0.0)
    plain = meta_geodesic.log_ratios(data, Choice("network", "readout", 0.2))
    data["length"][..., 0, 1, 3] = np.nan  # one treatment of one task of the first seed
    data["length"][..., 1, :, :] = np.nan  # the second seed
    left = meta_geodesic.log_ratios(data, Choice("network", "readout", 0.2))
    assert np.isnan(left[1]).all()
    np.testing.assert_array_equal(left[2:], plain[2:])
    assert np.isfinite(left[0]).all()
    assert meta_geodesic.judge(data, Choice("network", "readout", 0.2), "random", "network").n_seeds == 11
    data["distance"][0, 0, 0, 0, 3, 0, 0] = 1e3
    assert meta_geodesic.verdict(data, meta_geodesic.Settings())[6].outcome == "calibration-fail"


def paths_of(points: np.ndarray, loss: np.ndarray) -> sides.Paths:
    """Paths in the plane, all four treatments of one task: points (4, R, 2)."""
    steps = np.linalg.norm(np.diff(points, axis=1), axis=-1) / np.sqrt(2)
    length = np.concatenate([np.zeros((4, 1)), np.cumsum(steps, axis=1)], axis=1)
    mean = points[None, :, None, :, :, None]  # two inputs, one output each
    return sides.Paths(
        loss[None, :, None], length[None, :, None, :, None], (Gaussian(jnp.asarray(mean)),), np.ones((1, 1))
    )


def test_lengths_are_cut_at_equal_loss():
    along = np.linspace(0, 1, 101)
    straight = np.stack([along, 0 * along], axis=-1)
    arc = np.stack([np.cos(np.pi * (1 - along)), np.sin(np.pi * along)], axis=-1)
    loss = 1 - along
    paths = paths_of(np.stack([straight, arc, 2 * straight, arc]), np.stack([loss, loss, loss, loss]))
    found = reading.read(paths, 0.255)
    np.testing.assert_allclose(found.level, 0.255)
    ratio = (found.length / found.distance)[0, 0, :, 0]
    bend = 0.745 * np.pi
    bent = bend / (2 * np.sin(bend / 2))
    np.testing.assert_allclose(ratio, [1, bent, 1, bent], rtol=1e-3)
    np.testing.assert_allclose(found.length[0, 0, 0, 0], 0.745 / np.sqrt(2), rtol=1e-9)
    # the last stretch begins as far from the end as the nearest start, which is that of the short straight path
    tail = (found.tail_length / found.tail_distance)[0, 0, :, 0]
    assert np.allclose(found.tail_distance[0, 0, :, 0], found.tail_distance[0, 0, 0, 0], rtol=0.06)
    assert 1.0 < tail[1] < ratio[1]
    heights = meta_geodesic.deviations(found.from_start, found.to_end)[0, 0, :, 0]
    np.testing.assert_allclose(heights[0], 0.0, atol=1e-6)
    assert heights[1].max() == pytest.approx((1 - np.cos(bend / 2)) / (2 * np.sin(bend / 2)), rel=0.02)


def test_a_start_that_cannot_learn_raises_the_level_and_one_that_is_there_is_left_out():
    along = np.linspace(0, 1, 11)
    points = np.stack([np.stack([along, 0 * along], axis=-1)] * 4)
    loss = np.stack([1 - along, 1 - 0.5 * along, 1 - along, 1 - along])
    assert reading.read(paths_of(points, loss), 0.1).level[0, 0] == pytest.approx(0.5)
    loss[2] = 0.1 - 0.1 * along
    assert np.isnan(reading.read(paths_of(points, loss), 0.1).length).all()


def test_the_gradient_flow_of_one_spin_is_a_geodesic():
    # RY alone moves on a great circle; the field lies on it.
    problem = sides.Fields(circuits.Circuit(1, [circuits.gates.RY(circuits.Param(0), 0)]), "float64")
    task = {"field": jnp.asarray([np.sin(1.2), 0.0, np.cos(1.2)])}
    assert float(problem.loss(jnp.asarray([0.0]), task, "support")) == pytest.approx((1 - np.cos(1.2)) / 2)
    outcomes, alone, state = problem.points(jnp.asarray([0.4]), task)
    assert isinstance(outcomes, Distribution)
    assert isinstance(state, State)
    np.testing.assert_allclose(
        outcomes.probabilities[:, 0], [0.5 + np.sin(0.4) / 2, 0.5, 0.5 + np.cos(0.4) / 2]
    )
    np.testing.assert_allclose(alone.probabilities, outcomes.probabilities[2:])
    other = problem.points(jnp.asarray([1.1]), task)
    np.testing.assert_allclose(sides.mean_distance(state, other[2]), 0.7, rtol=1e-12)
    np.testing.assert_allclose(sides.mean_distance(outcomes, other[0]), 0.7 * np.sqrt(2 / 3), rtol=1e-12)


@pytest.mark.slow
def test_meta_training_descends_its_objective(key):
    network = circuits.MLP((1, 2, 1), output="gaussian")
    problem = sides.Sinusoids(network, 3, 4, "float64")
    budget = sides.Budget(1, 1e-2, 2, 1, 0.1, 2, 2, 1)
    found = np.asarray(sides.starts(problem, budget, (3,), Silent()))[0]
    theta = problem.initial(jax.random.key(3))
    np.testing.assert_array_equal(found[0], theta)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(3), 1), 2)
    tasks = [problem.draw(k) for k in keys]
    for row, rate, queries in ((1, 0.0, tasks), (2, 0.1, tasks), (3, 0.1, tasks[::-1])):

        def objective(t, rate=rate, queries=queries):
            total = 0.0
            for task, query in zip(tasks, queries, strict=True):
                adapted = t - rate * jax.grad(problem.loss)(t, task, "support")
                total += problem.loss(adapted, query, "query") / 2.0
            return total

        gradient = np.asarray(jax.grad(objective)(theta))
        # the first step of Adam is the rate times the sign of the gradient
        np.testing.assert_allclose(
            found[row] - theta, -1e-2 * gradient / (np.abs(gradient) + 1e-8), rtol=1e-6, atol=1e-12
        )
