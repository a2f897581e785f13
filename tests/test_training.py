"""Training against closed forms, a plain optax loop in NumPy style, and its own stop rule."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import circuits
from circuits import networks
from qgeom import tasks, training
from qgeom.training import Adam, NaturalGradient, StopRule, train

LINEAR = networks.MLP((3, 2), output="gaussian")
SMALL = networks.MLP((2, 3, 2))


def _regression(seeds: int = 2) -> tasks.Split:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(seeds, 20, 3))
    y = rng.normal(size=(seeds, 20, 2))
    return tasks.Split(x, y, x, y, *np.zeros((2, seeds, 20), int))


def _moons(seeds: tuple[int, ...]) -> tasks.Split:
    return tasks.two_moons(40).splits(seeds)


def test_one_natural_gradient_step_solves_linear_regression():
    """For a Gaussian linear model F is the Hessian, so the undamped full step is least squares."""
    splits = _regression()
    full_step = NaturalGradient(learning_rate=1.0, damping=0.0, max_length=math.inf)
    result = train(LINEAR, splits, (0, 1), full_step, StopRule(max_steps=1))
    for seed in range(2):
        design = np.column_stack([splits.train_x[seed], np.ones(20)])
        solution = np.linalg.lstsq(design, splits.train_y[seed], rcond=None)[0]
        best = np.square(design @ solution - splits.train_y[seed]).sum(axis=1).mean() / 2
        assert result.train_loss[seed, 1] == pytest.approx(best, abs=1e-9)
        assert result.train_loss[seed, 0] > 1.1 * best
        params = training.unraveler(LINEAR, "float64")(jnp.asarray(result.final[seed]))
        fitted = jax.vmap(lambda x, p=params: LINEAR(p, x).mean)(jnp.asarray(splits.train_x[seed]))
        assert np.allclose(fitted, design @ solution, atol=1e-8)


def test_damping_shortens_the_step_as_the_formula_says():
    splits = _regression(1)
    theta, dtype = training.initial_parameters(LINEAR, (0,))
    x, y = splits.train_x[0], splits.train_y[0]

    def mean(flat: jax.Array) -> jax.Array:
        return jax.vmap(lambda s: LINEAR(training.unraveler(LINEAR, dtype)(flat), s).mean)(jnp.asarray(x))

    jacobian = np.asarray(jax.jacfwd(mean)(theta[0])).reshape(-1, theta.shape[1])
    fisher = jacobian.T @ jacobian / len(x)
    gradient = jacobian.T @ (np.asarray(mean(theta[0])) - y).ravel() / len(x)
    ridge = 0.3 * np.trace(fisher) / theta.shape[1]
    expected = theta[0] - 0.7 * np.linalg.solve(fisher + ridge * np.eye(len(fisher)), gradient)
    damped = NaturalGradient(0.7, damping=0.3, max_length=math.inf)
    result = train(LINEAR, splits, (0,), damped, StopRule(max_steps=1))
    assert np.allclose(result.final[0], expected, atol=1e-10)


def test_the_trust_region_bounds_the_information_length_of_a_step():
    splits = _moons((0,))
    result = train(
        SMALL, splits, (0,), NaturalGradient(5.0, damping=1.0, max_length=0.05), StopRule(max_steps=2)
    )
    x = jnp.asarray(splits.train_x[0])
    for before, after in zip(result.path[0, :-1], result.path[0, 1:], strict=True):
        unravel = training.unraveler(SMALL, "float64")
        points = [unravel(jnp.asarray(theta)) for theta in (before, after)]
        roots = [np.sqrt(jax.vmap(lambda s, p=p: SMALL(p, s).probabilities)(x)) for p in points]
        angle = 2 * np.arccos(np.clip((roots[0] * roots[1]).sum(axis=1), -1, 1))
        assert np.sqrt(np.mean(angle**2)) == pytest.approx(0.05, rel=0.05)


def test_a_step_that_raises_the_loss_is_taken_back():
    splits = _moons((0, 1, 2))
    bold = NaturalGradient(20.0, damping=1e-6, max_length=3.0)
    result = train(SMALL, splits, (0, 1, 2), bold, StopRule(max_steps=40))
    assert (np.diff(result.train_loss, axis=1) <= 0).all()
    assert (np.diff(result.train_loss, axis=1) == 0).any()


def test_adam_is_optax_adam_for_every_seed():
    seeds = (3, 11)
    splits = _moons(seeds)
    result = train(SMALL, splits, seeds, Adam(0.1), StopRule(max_steps=5))
    for i in range(2):
        unravel = training.unraveler(SMALL, "float64")
        x, y = jnp.asarray(splits.train_x[i]), splits.train_y[i]

        def loss(
            theta: jax.Array, x: jax.Array = x, y: np.ndarray = y, unravel: object = unravel
        ) -> jax.Array:
            p = jax.vmap(lambda s: SMALL(unravel(theta), s).probabilities)(x)
            return -jnp.mean(jnp.log(p[jnp.arange(len(y)), y]))

        theta = jnp.asarray(result.path[i, 0])
        optimizer = optax.adam(0.1)
        state = optimizer.init(theta)
        for step in range(6):
            assert np.allclose(result.path[i, step], theta, atol=1e-12)
            assert result.train_loss[i, step] == pytest.approx(float(loss(theta)), abs=1e-12)
            updates, state = optimizer.update(jax.grad(loss)(theta), state)
            theta = theta + updates


def test_a_seed_gives_the_same_run_alone_and_among_others():
    together = train(SMALL, _moons((0, 1, 2)), (0, 1, 2), Adam(), StopRule(max_steps=4))
    alone = train(SMALL, _moons((1,)), (1,), Adam(), StopRule(max_steps=4))
    assert np.allclose(together.path[1], alone.path[0], atol=1e-12)
    assert not np.allclose(together.path[0, 0], together.path[1, 0])


@pytest.mark.slow
def test_batches_are_in_an_order_of_the_seed_and_cover_every_epoch():
    key = jax.random.key(5)
    batches = [training._batch(key, jnp.asarray(step), 4, 12) for step in range(6)]
    for epoch in (batches[:3], batches[3:]):
        assert sorted(np.concatenate(epoch)) == list(range(12))
    assert not np.array_equal(np.concatenate(batches[:3]), np.concatenate(batches[3:]))
    splits = _moons((0,))
    batched = train(SMALL, splits, (0,), Adam(), StopRule(max_steps=10), batch_size=7)
    full = train(SMALL, splits, (0,), Adam(), StopRule(max_steps=10))
    assert batched.train_loss[0, 0] == pytest.approx(full.train_loss[0, 0], abs=1e-12)
    assert not np.allclose(batched.final, full.final)


def test_the_stop_rule_and_its_reasons():
    splits = _moons((0, 1))
    slow = train(SMALL, splits, (0, 1), Adam(1e-9), StopRule(max_steps=50, tolerance=0.01, patience=5))
    assert slow.steps.tolist() == [5, 5]
    assert [training.REASONS[i] for i in slow.reason] == ["loss stopped falling"] * 2
    most = train(SMALL, splits, (0, 1), Adam(0.05), StopRule(max_steps=7, tolerance=0.0, patience=50))
    assert most.steps.tolist() == [7, 7]
    assert most.path.shape[1] == most.train_loss.shape[1] == 8
    assert [training.REASONS[i] for i in most.reason] == ["most steps taken"] * 2
    target = train(SMALL, splits, (0, 1), Adam(0.05), StopRule(max_steps=200, target_loss=0.4))
    assert set(target.reason) == {0}
    for i, steps in enumerate(target.steps):
        assert target.train_loss[i, steps] <= 0.4 < target.train_loss[i, steps - 1]
        assert (
            target.path[i, steps:] == target.path[i, steps]
        ).all()  # a stopped seed stays where it stopped


@pytest.mark.parametrize("optimizer", [Adam(0.1), pytest.param(NaturalGradient(), marks=pytest.mark.slow)])
def test_both_sides_beat_chance(optimizer):
    """Two moons: chance is one half, a straight line reaches about 0.85."""
    seeds = (0, 1, 2)
    circuit = circuits.Measured(circuits.data_reuploading(2, 3, 2, rotations=("RZ", "RY")), wires=(0,))
    for description in (circuit, SMALL):
        result = train(
            description, tasks.two_moons(80).splits(seeds), seeds, optimizer, StopRule(max_steps=60)
        )
        assert result.train_accuracy[:, -1].mean() > 0.75
        assert result.test_accuracy[:, -1].mean() > 0.65
        assert (result.train_loss[:, -1] < result.train_loss[:, 0]).all()


def test_float32_stays_float32():
    result = train(SMALL, _moons((0,)), (0,), NaturalGradient(), StopRule(max_steps=2), dtype=jnp.float32)
    assert result.path.dtype == np.float32
    assert np.isfinite(result.train_loss).all()


class _Count:
    def __init__(self) -> None:
        self.done = 0

    def stage(self, description: str, total: int) -> None: ...

    def advance(self, steps: int = 1) -> None:
        self.done += steps


def test_progress_advances_by_the_most_steps_also_where_training_ends_early():
    for stop in (StopRule(max_steps=30), StopRule(max_steps=90, target_loss=0.6)):
        count = _Count()
        train(SMALL, _moons((0,)), (0,), Adam(), stop, progress=count)
        assert count.done == stop.max_steps


def test_bad_input_gets_one_line():
    splits = _moons((0,))
    with pytest.raises(TypeError, match="categorical or Gaussian output, not State; wrap"):
        train(circuits.data_reuploading(2, 1, 2), splits, (0,), Adam())
    with pytest.raises(ValueError, match="2 outcomes; the labels go up to class 2"):
        train(SMALL, splits._replace(train_y=splits.train_y + 1), (0,), Adam())
    with pytest.raises(ValueError, match="batch_size is 99; the training part has 28 samples"):
        train(SMALL, splits, (0,), Adam(), batch_size=99)
    with pytest.raises(ValueError, match="targets of shape"):
        train(LINEAR, _regression(1)._replace(train_y=np.zeros((1, 20, 5))), (0,), Adam())
    with pytest.raises(ValueError, match="max_steps"):
        StopRule(max_steps=0)
    with pytest.raises(FloatingPointError, match="diverged for seed 0"):
        bad = splits._replace(train_x=np.full_like(splits.train_x, np.nan))
        train(SMALL, bad, (0,), Adam())
