r"""Training a description on labelled data: Adam and the natural gradient, to one stop rule.

The loss is the mean negative log-likelihood of the description's own point: cross-entropy for a
:class:`~circuits.description.Distribution`, half the squared error for a :class:`~circuits.description.Gaussian`. The
natural gradient (Amari, Neural Computation 10, 251 (1998)) moves along

.. math:: \delta = -\eta\,(F + \lambda\,1)^{-1}\,\nabla L,

F the model-expectation Fisher information of the batch. It is shortened to the information length ``max_length`` where
:math:`\sqrt{\delta^T F \delta}` is larger (a trust region in the metric itself, so that it means the same on a circuit
and on a network). The damping :math:`\lambda` follows Levenberg and Marquardt: a step that raises the loss of its batch
is taken back and :math:`\lambda` grows fourfold, else it shrinks by a third.

Several seeds train at once, as one vmapped program. The compiled call runs a number of steps that is chosen while it
runs, to take about half a second: Ctrl-C works, and progress moves.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int

from circuits.description import Description, Distribution, Gaussian, Params, Point
from qgeom.information import information_metric, pullback
from qgeom.progress import Progress, Silent
from qgeom.tasks import Split

SMALLEST_PROBABILITY = 1e-12
"""Probabilities are raised to this in the logarithm of the loss."""

REASONS = ("target loss reached", "loss stopped falling", "most steps taken")
"""Why training stopped."""

_UNSET, _SHRINK, _GROW = -1.0, 2 / 3, 4.0
_CHUNK = 64
_SECONDS_PER_CALL = 0.5


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba, ICLR 2015), as in optax."""

    learning_rate: float = 0.05
    name: str = "adam"


@dataclass(frozen=True)
class NaturalGradient:
    """The damped natural gradient of the module's docstring.

    ``damping`` is the first lambda, in units of the mean eigenvalue of F at the start; 0 stays 0. ``max_length`` is in
    the unit of information length, in which two distributions of disjoint support are pi apart; ``math.inf``
    switches the trust region off.
    """

    learning_rate: float = 0.5
    damping: float = 0.1
    max_length: float = 0.2
    name: str = "natural-gradient"


Optimizer = Adam | NaturalGradient


@dataclass(frozen=True)
class StopRule:
    """Training ends when the training loss is small enough, has stopped falling, or after ``max_steps`` steps.

    Small enough: at most ``target_loss`` nats. Stopped falling: a step is progress if its loss is below
    ``(1 - tolerance)`` times the loss of the last step that was; ``patience`` steps without progress end it. The loss
    is that of the whole training part, also where steps use batches.

    Without a target, two sides that separate the classes would be driven to certainty at their own rates, and their
    Fisher information, which vanishes there, would tell the rate and not the side.
    """

    max_steps: int = 300
    target_loss: float = 0.0
    tolerance: float = 0.01
    patience: int = 20

    def __post_init__(self) -> None:
        if (
            self.max_steps < 1
            or self.patience < 1
            or not 0.0 <= self.tolerance < 1.0
            or self.target_loss < 0.0
        ):
            raise ValueError(
                "a stop rule needs max_steps and patience of 1 or more, tolerance in [0, 1) and target_loss of 0 or "
                f"more; got {self}"
            )


@dataclass(frozen=True, eq=False)
class Training:
    """What training did, for S seeds. A seed that stopped early keeps its last value to the end of the arrays.

    Attributes:
        path: flat parameters before every step and after the last, ``(S, T + 1, P)``.
        train_loss, test_loss: mean negative log-likelihood in nats, ``(S, T + 1)``.
        train_accuracy, test_accuracy: fraction of samples whose most probable class is right, ``(S, T + 1)``; NaN for a
            Gaussian output.
        steps: number of steps that each seed took, ``(S,)``.
        reason: why each seed stopped, ``(S,)``: an index into :data:`REASONS`.
        seconds: wall time, compilation included.
    """

    path: np.ndarray
    train_loss: np.ndarray
    test_loss: np.ndarray
    train_accuracy: np.ndarray
    test_accuracy: np.ndarray
    steps: np.ndarray
    reason: np.ndarray
    seconds: float

    @property
    def final(self) -> np.ndarray:
        """Flat parameters after training, ``(S, P)``."""
        return self.path[:, -1]


def train(
    description: Description,
    splits: Split,
    seeds: tuple[int, ...],
    optimizer: Optimizer,
    stop: StopRule = StopRule(),
    *,
    batch_size: int | None = None,
    dtype: Any = None,
    progress: Progress = Silent(),
) -> Training:
    """Train ``description`` from random parameters on the training part of ``splits``, all seeds at once.

    Args:
        splits: arrays with a leading seed axis, see :meth:`qgeom.tasks.Task.splits`. The labels are class indices for a
            categorical output, vectors ``(S, n, d)`` for a Gaussian one.
        seeds: one seed per split: it draws the parameters and the order of the batches. Two descriptions trained
            with equal seeds are paired.
        batch_size: samples per step, in an order reshuffled every epoch; None: the whole training part.
        dtype: of the parameters and of the whole computation; float64 unless given.
        progress: is advanced by ``stop.max_steps`` in all.

    Raises:
        TypeError: if the description yields neither a Distribution nor a Gaussian.
        ValueError: if the labels do not fit the output, or ``batch_size`` the training part.
        FloatingPointError: if the loss is not finite.
    """
    started = time.perf_counter()
    theta, unravel_key = initial_parameters(description, seeds, dtype)
    data = _on_device(splits, theta.dtype)
    n_train = data.train_x.shape[1]
    if batch_size is not None and not 1 <= batch_size <= n_train:
        raise ValueError(f"batch_size is {batch_size}; the training part has {n_train} samples")
    _check_output(description, theta, unravel_key, data)
    config = _Config(description, optimizer, stop, None if batch_size == n_train else batch_size, unravel_key)
    order_keys = jax.vmap(jax.random.key)(jnp.asarray(seeds, dtype=jnp.uint32))
    carry = _start(config, theta)
    records: list[_Record] = []
    n_steps, done = 1, 0
    while True:
        clock = time.perf_counter()
        carry, record = _chunk(config, carry, data, order_keys, n_steps)
        active = np.asarray(carry.active)
        elapsed = time.perf_counter() - clock
        records.append(jax.tree.map(lambda a, n=n_steps: np.asarray(a)[:n], record))
        if not np.isfinite(records[-1].train_loss).all():
            seed = seeds[int(np.argmax(~np.isfinite(records[-1].train_loss).all(axis=0)))]
            raise FloatingPointError(
                f"training with {optimizer.name} diverged for seed {seed} (the loss is not finite); "
                f"lower the learning rate of {optimizer.learning_rate:g}"
            )
        done += n_steps
        progress.advance(min(done, stop.max_steps) - min(done - n_steps, stop.max_steps))
        if not active.any():
            break
        if done > 1:  # the first call compiled
            n_steps = int(np.clip(_SECONDS_PER_CALL * n_steps / elapsed, 1, _CHUNK))
    steps = np.asarray(carry.step)
    progress.advance(stop.max_steps - min(done, stop.max_steps))
    merged = _Record(*(np.concatenate(parts)[: steps.max() + 1] for parts in zip(*records, strict=True)))
    return Training(
        path=np.swapaxes(merged.theta, 0, 1),
        train_loss=merged.train_loss.T,
        test_loss=merged.test_loss.T,
        train_accuracy=merged.train_accuracy.T,
        test_accuracy=merged.test_accuracy.T,
        steps=steps,
        reason=np.where(
            merged.train_loss[-1] <= stop.target_loss,
            0,
            np.where(np.asarray(carry.stall) >= stop.patience, 1, 2),
        ),
        seconds=time.perf_counter() - started,
    )


def initial_parameters(
    description: Description, seeds: tuple[int, ...], dtype: Any = None
) -> tuple[Float[Array, "seeds parameters"], str]:
    """The random parameters of each seed, flattened, with the name of their dtype."""
    keys = jax.vmap(lambda seed: jax.random.fold_in(jax.random.key(seed), 1))(
        jnp.asarray(seeds, dtype=jnp.uint32)
    )
    theta = jax.vmap(lambda key: ravel_pytree(description.init(key, dtype))[0])(keys)
    return theta, str(theta.dtype)


@functools.lru_cache(maxsize=256)
def unraveler(description: Description, dtype: str) -> Callable[[Array], Params]:
    """From the flat vector ``(P,)`` back to the pytree of the description."""
    shapes = jax.eval_shape(lambda key: description.init(key, jnp.dtype(dtype)), jax.random.key(0))
    with jax.ensure_compile_time_eval():
        return ravel_pytree(jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes))[1]


def negative_log_likelihood(point: Point, target: Array) -> Float[Array, ""]:
    """``-ln p(target)`` of one sample: cross-entropy, or half the squared error (the normal law less its constant)."""
    if isinstance(point, Distribution):
        return -jnp.log(jnp.maximum(point.probabilities[target], SMALLEST_PROBABILITY))
    if isinstance(point, Gaussian):
        return jnp.sum(jnp.square(point.mean - target)) / 2
    raise TypeError(_NO_OUTPUT.format(type(point).__name__))


_NO_OUTPUT = (
    "training needs a categorical or Gaussian output, not {}; wrap a circuit: circuits.Measured(circuit, ...)"
)


class _Config(NamedTuple):
    """All that is static in the compiled step; hashable."""

    description: Description
    optimizer: Optimizer
    stop: StopRule
    batch_size: int | None
    dtype: str


class _Carry(NamedTuple):
    theta: Array
    optimizer_state: Any
    reference_loss: Array
    stall: Array
    active: Array
    step: Array


class _Record(NamedTuple):
    theta: Any
    train_loss: Any
    test_loss: Any
    train_accuracy: Any
    test_accuracy: Any


class _Data(NamedTuple):
    """The arrays of a split, on the device."""

    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array


def _on_device(splits: Split, dtype: Any) -> _Data:
    """Features, and Gaussian targets, in the dtype of the parameters; class indices as they are."""

    def convert(array: np.ndarray) -> Array:
        array = np.asarray(array)
        return (
            jnp.asarray(array, dtype=dtype) if np.issubdtype(array.dtype, np.floating) else jnp.asarray(array)
        )

    return _Data(*map(convert, (splits.train_x, splits.train_y, splits.test_x, splits.test_y)))


def _check_output(description: Description, theta: Array, dtype: str, data: _Data) -> None:
    params = unraveler(description, dtype)(theta[0])
    point = jax.eval_shape(lambda p, x: description(p, x), params, data.train_x[0, 0])
    if isinstance(point, Distribution):
        outcomes, largest = point.probabilities.shape[-1], int(data.train_y.max())
        if not jnp.issubdtype(data.train_y.dtype, jnp.integer):
            raise ValueError(f"a categorical output learns class indices, not labels of {data.train_y.dtype}")
        if largest >= outcomes:
            raise ValueError(f"the output has {outcomes} outcomes; the labels go up to class {largest}")
    elif isinstance(point, Gaussian):
        if data.train_y.shape[2:] != point.mean.shape:
            raise ValueError(
                f"targets of shape {data.train_y.shape[2:]} do not fit a mean of shape {point.mean.shape}"
            )
    else:
        raise TypeError(_NO_OUTPUT.format(type(point).__name__))


def _start(config: _Config, theta: Array) -> _Carry:
    n_seeds = theta.shape[0]
    if _is_adam(config):
        state = jax.vmap(optax.adam(config.optimizer.learning_rate).init)(theta)
    else:
        state = jnp.full(n_seeds, _UNSET, dtype=theta.dtype)
    return _Carry(
        theta=theta,
        optimizer_state=state,
        reference_loss=jnp.full(n_seeds, jnp.inf, dtype=theta.dtype),
        stall=jnp.zeros(n_seeds, dtype=jnp.int32),
        active=jnp.ones(n_seeds, dtype=bool),
        step=jnp.zeros(n_seeds, dtype=jnp.int32),
    )


def _is_adam(config: _Config) -> bool:
    return isinstance(config.optimizer, Adam)


@functools.partial(jax.jit, static_argnums=0)
def _chunk(
    config: _Config, carry: _Carry, data: _Data, order_keys: Array, n_steps: int | Array
) -> tuple[_Carry, _Record]:
    """``n_steps`` (at most ``_CHUNK``; traced, so that one program serves all lengths) steps of every seed."""

    def body(i: Array, state: tuple[_Carry, _Record]) -> tuple[_Carry, _Record]:
        carry, records = state
        carry, record = jax.vmap(functools.partial(_step, config))(carry, data, order_keys)
        return carry, jax.tree.map(lambda buffer, new: buffer.at[i].set(new), records, record)

    shapes = jax.eval_shape(jax.vmap(functools.partial(_step, config)), carry, data, order_keys)[1]
    empty = jax.tree.map(lambda leaf: jnp.zeros((_CHUNK, *leaf.shape), leaf.dtype), shapes)
    return lax.fori_loop(0, n_steps, body, (carry, empty))


def _step(config: _Config, carry: _Carry, data: _Data, order_key: Array) -> tuple[_Carry, _Record]:
    """Evaluate one seed at its parameters, judge by the stop rule, and move unless it has stopped."""
    theta = carry.theta
    if config.batch_size is None:
        batch_x, batch_y = data.train_x, data.train_y
    else:
        batch = _batch(order_key, carry.step, config.batch_size, data.train_x.shape[0])
        batch_x, batch_y = data.train_x[batch], data.train_y[batch]
    if _is_adam(config):
        (batch_loss, batch_accuracy), gradient = _gradient(config, theta, batch_x, batch_y)
        update = optax.adam(config.optimizer.learning_rate).update
        change, optimizer_state = cast("tuple[Array, Any]", update(gradient, carry.optimizer_state, theta))
    else:
        batch_loss, batch_accuracy, change, optimizer_state = _natural_change(
            config, theta, carry.optimizer_state, batch_x, batch_y
        )
    if config.batch_size is None:
        train_loss, train_accuracy = batch_loss, batch_accuracy
    else:
        train_loss, train_accuracy = _evaluate(config, theta, data.train_x, data.train_y)
    test_loss, test_accuracy = _evaluate(config, theta, data.test_x, data.test_y)

    progress = train_loss < carry.reference_loss * (1.0 - config.stop.tolerance)
    stall = jnp.where(carry.active, jnp.where(progress, 0, carry.stall + 1), carry.stall)
    finished = (train_loss <= config.stop.target_loss) | (stall >= config.stop.patience)
    active = carry.active & ~finished & (carry.step < config.stop.max_steps)
    moved = _Carry(
        theta=theta + change,
        optimizer_state=optimizer_state,
        reference_loss=jnp.where(progress, train_loss, carry.reference_loss),
        stall=stall,
        active=active,
        step=carry.step + 1,
    )
    halted = carry._replace(stall=stall, active=active)
    return (
        jax.tree.map(lambda new, old: jnp.where(active, new, old), moved, halted),
        _Record(theta, train_loss, test_loss, train_accuracy, test_accuracy),
    )


def _batch(order_key: Array, step: Array, batch_size: int, n_train: int) -> Int[Array, " batch"]:
    """Rows of this step: consecutive pieces of a permutation drawn anew every epoch, less a short rest."""
    per_epoch = n_train // batch_size
    epoch, position = step // per_epoch, step % per_epoch
    order = jax.random.permutation(jax.random.fold_in(order_key, epoch), n_train)
    return lax.dynamic_slice_in_dim(order, position * batch_size, batch_size)


def _correct(point: Point, target: Array) -> Array:
    if isinstance(point, Distribution):
        return (jnp.argmax(point.probabilities) == target).astype(point.probabilities.dtype)
    return jnp.full((), jnp.nan)


def _evaluate(config: _Config, theta: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Mean loss and accuracy."""
    params = unraveler(config.description, config.dtype)(theta)

    def sample(x: Array, y: Array) -> tuple[Array, Array]:
        point = config.description(params, x)
        return negative_log_likelihood(point, y), _correct(point, y)

    losses, hits = jax.vmap(sample)(x, y)
    return losses.mean(), hits.astype(losses.dtype).mean()


def _gradient(config: _Config, theta: Array, x: Array, y: Array) -> tuple[tuple[Array, Array], Array]:
    return jax.value_and_grad(lambda t: _evaluate(config, t, x, y), has_aux=True)(theta)


def _residual(point: Point, target: Array) -> tuple[Array, Array, Array]:
    """Differential of the loss in the frame of the point's metric, loss, and whether the class is right."""
    if isinstance(point, Distribution):
        p = point.probabilities
        kept = p[target] > SMALLEST_PROBABILITY
        slope = jnp.where(kept, -1.0 / jnp.sqrt(jnp.where(kept, p[target], 1.0)), 0.0)
        residual = jnp.zeros_like(p).at[target].set(slope)
    else:
        assert isinstance(point, Gaussian)
        residual = point.mean - target
    return residual, negative_log_likelihood(point, target), _correct(point, target)


def _natural_change(
    config: _Config, theta: Array, damping: Array, x: Array, y: Array
) -> tuple[Array, Array, Array, Array]:
    """Loss, accuracy, change of theta, next damping; gradient and F from one Jacobian."""
    optimizer = config.optimizer
    assert isinstance(optimizer, NaturalGradient)
    params = unraveler(config.description, config.dtype)(theta)
    metric = information_metric(config.description, params, x)
    # Rows of J in an orthonormal frame: F is their Gram matrix, and the gradient a combination of them.
    rows = pullback.rows(metric.plan, metric.params, metric.data, metric.weights)
    fisher = rows.T @ rows
    residuals, loss, accuracy = jax.vmap(_residual)(jax.vmap(config.description, (None, 0))(params, x), y)
    gradient = rows.T @ (jnp.sqrt(metric.weights)[:, None] * residuals).reshape(-1)
    loss, accuracy = loss.mean(), accuracy.astype(loss.dtype).mean()
    damping = jnp.where(damping == _UNSET, optimizer.damping * jnp.trace(fisher) / theta.shape[0], damping)
    # The smallest ridge keeps the system regular where the outputs are certain and F vanishes.
    ridge = damping + jnp.finfo(theta.dtype).eps
    factor = jax.scipy.linalg.cho_factor(fisher + ridge * jnp.eye(theta.shape[0], dtype=theta.dtype))
    change = -optimizer.learning_rate * jax.scipy.linalg.cho_solve(factor, gradient)
    length = jnp.sqrt(jnp.maximum(change @ (fisher @ change), 0.0))
    change *= jnp.minimum(1.0, optimizer.max_length / jnp.maximum(length, jnp.finfo(theta.dtype).tiny))
    # Not finite where rounding makes the system indefinite: such a step is not better either.
    better = _evaluate(config, theta + change, x, y)[0] <= loss
    return loss, accuracy, jnp.where(better, change, 0.0), damping * jnp.where(better, _SHRINK, _GROW)
