"""Capacity: how many directions of parameter space matter, and how much.

* *Effective rank*: the exponential of the entropy of the normalised spectrum (Roy and Vetterli 2007).
* *Effective dimension* (Abbas et al., Nature Computational Science 1, 403 (2021), Eq. 2; local: Abbas et al.
  arXiv:2112.04807): with ``kappa = gamma n / (2 pi ln n)`` and ``F-hat = P F / mean tr F``, the mean over parameters,

      d = 2 ln( mean_theta sqrt det(1 + kappa F-hat(theta)) ) / ln kappa.

* *Generic rank*: the largest rank of F at random parameters.
* *Fisher-Rao norm* (Liang et al., AISTATS 2019): ``sqrt(theta' F theta)``.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Float, Key, PyTree

from circuits.description import Description, Params
from qgeom.information.metric import InformationMetric, information_metric


def effective_rank(eigenvalues: ArrayLike) -> Float[Array, ""]:
    """``exp(-sum q ln q)``, ``q = lambda / sum lambda``: between 1 and the rank; 0 for the zero metric."""
    eigenvalues = jnp.maximum(jnp.asarray(eigenvalues), 0.0)
    total = jnp.sum(eigenvalues)
    q = eigenvalues / jnp.where(total > 0.0, total, jnp.ones_like(total))
    entropy = -jnp.sum(jax.scipy.special.xlogy(q, q))
    return jnp.where(total > 0.0, jnp.exp(entropy), jnp.zeros_like(total))


def small_eigenvalue_share(eigenvalues: ArrayLike, relative: float = 1e-3) -> Float[Array, ""]:
    """The share of eigenvalues below ``relative`` times their mean; 1 for the zero metric."""
    eigenvalues = jnp.asarray(eigenvalues)
    mean = jnp.mean(eigenvalues)
    return jnp.where(mean > 0.0, jnp.mean((eigenvalues < relative * mean).astype(eigenvalues.dtype)), 1.0)


def resolution(n: int, gamma: float = 1.0) -> float:
    """``kappa = gamma n / (2 pi ln n)``: how finely n samples resolve parameters.

    Raises:
        ValueError: if kappa is not above 1, where the effective dimension is not defined.
    """
    if not 0.0 < gamma <= 1.0:
        raise ValueError(f"gamma must be in (0, 1], not {gamma}")
    kappa = gamma * n / (2.0 * np.pi * np.log(n)) if n > 1 else 0.0
    if kappa <= 1.0:
        raise ValueError(
            f"n={n} samples are too few at gamma={gamma}: gamma n / (2 pi ln n) is {kappa:.3g}, not above 1"
        )
    return float(kappa)


def effective_dimension(
    metrics: Float[ArrayLike, "draws P P"], n: int, gamma: float = 1.0
) -> Float[Array, ""]:
    """The effective dimension of a family of metrics ``F(theta)`` at draws of theta from the volume that counts.

    Global: uniform draws from all of parameter space. Local: draws from a ball around trained parameters
    (:func:`local_effective_dimension`); a single matrix ``(P, P)`` is the limit of a small ball.

    Args:
        metrics: dense metrics (draws, P, P), or one (P, P).
        n: number of samples.
        gamma: in (0, 1]; larger is finer.
    """
    metrics = jnp.asarray(metrics)
    metrics = metrics[None] if metrics.ndim == 2 else metrics
    kappa, p = resolution(n, gamma), metrics.shape[-1]
    mean_trace = jnp.mean(jnp.trace(metrics, axis1=1, axis2=2))
    scale = jnp.where(
        mean_trace > 0.0, p / jnp.where(mean_trace > 0.0, mean_trace, jnp.ones_like(mean_trace)), 0.0
    )
    shifted = jnp.eye(p, dtype=metrics.dtype) + kappa * scale * metrics
    half = 0.5 * jnp.linalg.slogdet(shifted)[1]
    mean = jax.scipy.special.logsumexp(half) - float(np.log(metrics.shape[0]))
    return 2.0 * mean / float(np.log(kappa))


def metrics_at(
    description: Description, draws: Params, data: PyTree | None = None, **options: Any
) -> Float[Array, "draws P P"]:
    """Dense metrics at many parameter points: every array of ``draws`` has a leading axis of draws."""
    return jax.lax.map(
        lambda params: information_metric(description, params, data, **options).as_matrix(), draws
    )


def global_effective_dimension(
    description: Description,
    n: int,
    key: Key[Array, ""],
    data: PyTree | None = None,
    *,
    draws: int = 10,
    gamma: float = 1.0,
    **options: Any,
) -> Float[Array, ""]:
    """The effective dimension over ``draws`` parameter points of ``description.init``."""
    params = jax.vmap(description.init)(jax.random.split(key, draws))
    return effective_dimension(metrics_at(description, params, data, **options), n, gamma)


def local_effective_dimension(
    description: Description,
    params: Params,
    n: int,
    key: Key[Array, ""],
    data: PyTree | None = None,
    *,
    draws: int = 10,
    gamma: float = 1.0,
    **options: Any,
) -> Float[Array, ""]:
    """The effective dimension of the ball of radius ``1 / sqrt(n)`` around ``params`` (arXiv:2112.04807, Eq. 9)."""
    flat, unravel = ravel_pytree(params)
    direction_key, radius_key = jax.random.split(key)
    directions = jax.random.normal(direction_key, (draws, flat.shape[0]), flat.dtype)
    directions = directions / jnp.linalg.norm(directions, axis=1, keepdims=True)
    radii = jax.random.uniform(radius_key, (draws, 1), flat.dtype) ** (1.0 / flat.shape[0]) / float(
        np.sqrt(n)
    )
    around = jax.vmap(unravel)(flat + radii * directions)
    return effective_dimension(metrics_at(description, around, data, **options), n, gamma)


def generic_rank(
    description: Description,
    key: Key[Array, ""],
    data: PyTree | None = None,
    *,
    draws: int = 5,
    **options: Any,
) -> int:
    """The largest rank of the metric over ``draws`` random parameter points: its rank almost everywhere."""
    keys = jax.random.split(key, draws)
    return max(information_metric(description, description.init(k), data, **options).rank() for k in keys)


def fisher_rao_norm(metric: InformationMetric) -> Float[Array, ""]:
    """``sqrt(theta' F theta)`` at the metric's own parameters; frozen parameters do not count."""
    return jnp.sqrt(jnp.maximum(metric.inner(metric.params, metric.params), 0.0))
