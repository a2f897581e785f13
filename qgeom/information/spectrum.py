"""Spectra of metrics: numerical rank, log-volume, and densities of eigenvalues by Lanczos without a matrix.

**Rank rule.** An information metric is singular as a rule (gauge freedom, redundancy), so its rank needs a stated
tolerance. Rounding errors of a Gram matrix are of order ``epsilon lambda_max``; eigenvalues are compared with

    tau = max(SAFETY p epsilon lambda_max, floor),

``p`` the number of parameters. Deep circuits can push rounding errors above any such bound, but then they form one
cluster with those below it: from tau the cut climbs over eigenvalues that follow one another by less than the factor
GAP = 10, starting at one below tau, until it meets a gap. If it has met none at WINDOW tau the spectrum is continuous
there, no cut is better than another, and it stays at tau.

The rule does not depend on the scale of the
metric but through ``floor``, which is zero here and, for a metric, ``(8 epsilon |point|)^2``: below it a step of one
unit of the parameter moves the point by less than the rounding errors of its coordinates. The zero metric has rank
zero. With an explicit ``tolerance`` the cut is at ``tolerance * lambda_max``, and nothing else counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

SAFETY = 8.0
GAP = 10.0
WINDOW = 100.0


def rank_cut(eigenvalues: np.ndarray, tolerance: float | None = None, floor: float = 0.0) -> float:
    """The value that separates eigenvalues that count from those that are rounding errors (see the module).

    Args:
        eigenvalues: all p eigenvalues, any order; their dtype gives epsilon.
        tolerance: relative to the largest eigenvalue; replaces the rule.
        floor: absolute size of rounding errors.

    Raises:
        ValueError: if an eigenvalue is not finite, or the tolerance is not in [0, 1).
    """
    eigenvalues = np.asarray(eigenvalues)
    if not np.all(np.isfinite(eigenvalues)):
        raise ValueError("the metric has eigenvalues that are not finite: check the parameters and the data")
    largest = float(np.max(eigenvalues, initial=0.0))
    if tolerance is not None:
        if not 0.0 <= tolerance < 1.0:
            raise ValueError(
                f"tolerance is relative to the largest eigenvalue and must be in [0, 1), not {tolerance}"
            )
        return tolerance * largest
    epsilon = float(np.finfo(eigenvalues.dtype).eps)
    tau = max(SAFETY * eigenvalues.size * epsilon * largest, floor)
    if largest <= tau:
        return tau
    magnitudes = np.sort(np.abs(eigenvalues.astype(np.float64)))
    top = magnitudes[magnitudes <= tau].max(initial=0.0)
    for value in magnitudes[magnitudes > tau]:
        if value > GAP * top:
            return max(tau, float(np.sqrt(top * value)))
        if value > WINDOW * tau:
            break
        top = value
    return tau


def numerical_rank(eigenvalues: np.ndarray, tolerance: float | None = None, floor: float = 0.0) -> int:
    """How many eigenvalues lie above :func:`rank_cut`."""
    return int(np.sum(np.asarray(eigenvalues, np.float64) > rank_cut(eigenvalues, tolerance, floor)))


def half_log_determinant(
    eigenvalues: Float[Array, " p"], kappa: float | Array, mean_trace: float | Array | None = None
) -> Float[Array, ""]:
    """``1/2 ln det(1 + kappa F-hat)``, ``F-hat = p F / mean tr F``; zero for the zero metric."""
    eigenvalues = jnp.maximum(eigenvalues, 0.0)
    trace = jnp.sum(eigenvalues) if mean_trace is None else jnp.asarray(mean_trace, eigenvalues.dtype)
    scale = jnp.where(
        trace > 0.0, eigenvalues.shape[0] / jnp.where(trace > 0.0, trace, jnp.ones_like(trace)), 0.0
    )
    return 0.5 * jnp.sum(jnp.log1p(kappa * (scale * eigenvalues)))


@dataclass(frozen=True)
class SpectralDensity:
    """A spectral measure ``(1/p) sum_i delta(lambda - lambda_i)`` by stochastic Lanczos quadrature.

    Every probe is a random unit vector; ``steps`` Lanczos steps from it give a Gauss quadrature of its own spectral
    measure (Golub and Meurant 2010; Ubaru, Chen and Saad, SIAM J. Matrix Anal. 38, 1075 (2017)); the mean over
    probes estimates the density.

    Attributes:
        nodes: Ritz values, (probes, steps).
        weights: their weights, (probes, steps); each row sums to one.
        exhausted: probes whose Krylov space ended within the steps, so that their quadrature is exact, (probes,).
        size: number of parameters p.
    """

    nodes: np.ndarray
    weights: np.ndarray
    exhausted: np.ndarray
    size: int

    def moment(self, power: int) -> tuple[float, float]:
        """``(1/p) tr F^power`` and its standard error over probes; quadrature is exact to power 2 steps - 1."""
        mean, error = _mean_and_error(np.sum(self.weights * self.nodes**power, axis=1))
        return float(mean), float(error)

    def cumulative(self, value: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Share of eigenvalues at most ``value`` (any shape), and its error.

        The error adds the standard error over probes to what the Chebyshev-Markov-Stieltjes inequalities leave to each
        probe: its measure up to a Ritz value lies between the weights before that value and those up to the next.
        """
        below = self.nodes[:, None, :] <= np.reshape(
            value, (1, -1, 1)
        )  # (probes, values, steps), nodes ascending
        count = below.sum(axis=2)
        weights = np.broadcast_to(self.weights[:, None, :], below.shape)
        edges = np.pad(self.weights, ((0, 0), (1, 1)))
        ends = np.take_along_axis(edges, count, axis=1) + np.take_along_axis(edges, count + 1, axis=1)
        bracket = np.where(self.exhausted[:, None], 0.0, ends)
        mean, error = _mean_and_error(np.where(below, weights, 0.0).sum(axis=2))
        return mean.reshape(np.shape(value)), (error + bracket.mean(axis=0)).reshape(np.shape(value))

    @property
    def error(self) -> float:
        """By how much, in units of F, an eigenvalue is misplaced on average: the integral of the cumulative error."""
        grid = np.unique(self.nodes)
        return float(np.sum(np.diff(grid) * self.cumulative(0.5 * (grid[:-1] + grid[1:]))[1]))

    def density(self, grid: np.ndarray, width: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The density on a grid, smoothed by normal distributions of ``width``, and its standard error.

        ``width`` is 2% of the largest Ritz value unless given.
        """
        width = 0.02 * float(np.max(np.abs(self.nodes))) if width is None else width
        if width <= 0.0:
            raise ValueError(
                "the metric is zero: its density is a point mass at zero; give a width to draw it"
            )
        z = (np.asarray(grid)[None, :, None] - self.nodes[:, None, :]) / width
        smooth = np.exp(-0.5 * z**2) / (width * np.sqrt(2.0 * np.pi))
        values = np.sum(smooth * self.weights[:, None, :], axis=2)
        return values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1)) / np.sqrt(len(values))

    def __repr__(self) -> str:
        probes, steps = self.nodes.shape
        return (
            f"SpectralDensity({self.size} eigenvalues, {probes} probes of {steps} Lanczos steps, "
            f"eigenvalues misplaced by {self.error:.2g} of at most {self.nodes.max():.2g})"
        )


def _mean_and_error(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard error over the leading axis; one sample says nothing about its error."""
    n = len(samples)
    error = samples.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.full(samples.shape[1:], np.inf)
    return samples.mean(axis=0), error


def lanczos_density(
    multiply: Callable[[Array], Array],
    size: int,
    steps: int,
    probes: int,
    key: Key[Array, ""],
    dtype: jnp.dtype,
) -> tuple[Array, Array, Array]:
    """Ritz values and weights, (probes, steps) each, and exhausted probes, of a symmetric operator; traceable."""
    starts = jax.random.normal(key, (probes, size), dtype)
    starts = starts / jnp.linalg.norm(starts, axis=1, keepdims=True)
    alpha, beta = jax.lax.map(partial(lanczos, multiply, steps), starts)
    off = jax.vmap(lambda b: jnp.diag(b[:-1], 1) + jnp.diag(b[:-1], -1))(beta)
    nodes, vectors = jnp.linalg.eigh(jax.vmap(jnp.diag)(alpha) + off)
    return nodes, jnp.square(vectors[:, 0, :]), jnp.any(beta == 0.0, axis=1)


def lanczos(
    multiply: Callable[[Array], Array], steps: int, start: Float[Array, " p"]
) -> tuple[Float[Array, " steps"], Float[Array, " steps"]]:
    """Diagonal and off-diagonal of the Lanczos matrix, every vector orthogonalised twice against all before it.

    When the Krylov space is exhausted the remaining entries are zero, and their Ritz values have weight zero.
    """
    negligible = 10.0 * float(np.sqrt(start.shape[0]) * np.finfo(start.dtype).eps)

    def step(i: Array, carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        basis, alpha, beta, scale = carry
        image = multiply(basis[i])
        a = jnp.dot(basis[i], image)
        scale = jnp.maximum(scale, jnp.linalg.norm(image))
        for _ in range(2):
            image = image - jnp.dot(basis.T, jnp.dot(basis, image))
        b = jnp.linalg.norm(image)
        alive = b > negligible * scale
        b = jnp.where(alive, b, jnp.zeros_like(b))
        following = jnp.where(alive, image / jnp.where(alive, b, jnp.ones_like(b)), jnp.zeros_like(image))
        return basis.at[i + 1].set(following), alpha.at[i].set(a), beta.at[i].set(b), scale

    basis = jnp.zeros((steps + 1, start.shape[0]), start.dtype).at[0].set(start)
    zeros = jnp.zeros(steps, start.dtype)
    _, alpha, beta, _ = jax.lax.fori_loop(0, steps, step, (basis, zeros, zeros, jnp.zeros((), start.dtype)))
    return alpha, beta
