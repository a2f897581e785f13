r"""Networks whose weights are noisy: the distribution of outcomes averaged over the noise.

As a noisy circuit's state is the mean over its trajectories, a noisy network's outcome distribution is the mean

    p(y | x; w, s) = (1 / R) sum_r p(y | x; w^(r)(s)),

over R fixed draws of the noise, the same for all parameters and strengths (common random numbers). Two kinds:

* ``"weights"``: ``w + s rms(w) xi``, ``xi`` standard normal, ``rms`` the root mean square over the array that w is in:
  noise relative to the layer, as of analog hardware;
* ``"dropout"``: every unit that feeds a later layer is dropped with probability s, the others are scaled by
  ``1 / (1 - s)`` (Srivastava et al., JMLR 15, 1929 (2014)). Which units are dropped at s is drawn once, as a uniform
  number per unit and draw that s is compared with: the point is a step function of s, and smooth in the weights.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from circuits.description import Distribution, Gaussian, Params
from circuits.networks.base import Network
from circuits.noise.noisy import Noisy

NetworkNoise = Literal["weights", "dropout"]


@dataclass(frozen=True)
class NoisyNetwork(Noisy):
    """A network with noisy weights or dropout, its outcomes averaged over draws of the noise.

    Args:
        network: a network of which every layer after the first takes the outputs of the one before (`MLP`), for
            dropout; any network with categorical outcomes for noise on the weights.
        kind: ``"weights"`` or ``"dropout"``.
        strength: s, at least 0; below 1 for dropout.
        draws: R, 1 or more.
        seed: of the draws.

    Raises:
        ValueError: an unknown kind, a strength out of range, no draw, or dropout in a network without hidden units.
    """

    network: Network
    kind: NetworkNoise
    strength: float
    draws: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("weights", "dropout"):
            raise ValueError(f"network noise is 'weights' or 'dropout', not {self.kind!r}")
        most = 1.0 if self.kind == "dropout" else np.inf
        if not 0.0 <= self.strength < most:
            raise ValueError(
                f"the strength of {self.kind} noise is from 0 to below {most:g}, not {self.strength:g}"
            )
        if self.draws < 1:
            raise ValueError(f"noise needs 1 or more draws, not {self.draws}")
        if self.kind == "dropout" and not self._feeds_on():
            raise ValueError("dropout needs a chain of layers with hidden units, such as an MLP")

    def _feeds_on(self) -> bool:
        shapes = [arrays["weight"] for _, arrays in self.network.layers if "weight" in arrays]
        chained = all(a[0] == b[1] for a, b in itertools.pairwise(shapes))
        return len(shapes) == len(self.network.layers) and len(shapes) > 1 and chained

    @property
    def structure(self) -> Network:
        """The network without noise."""
        return self.network

    @property
    def strengths(self) -> np.ndarray:
        """The one strength s."""
        return np.array([self.strength])

    @property
    def strength_names(self) -> tuple[str, ...]:
        """What s is."""
        return ("relative weight noise" if self.kind == "weights" else "dropout probability",)

    def __call__(self, params: Params, x: Array | None = None) -> Distribution:
        """The mean distribution of the outcomes, (k,).

        Raises:
            TypeError: if the network's outputs are not categorical.
        """
        return self.at(params, self.strengths, x)

    def at(self, params: Params, strengths: ArrayLike, x: Array | None = None) -> Distribution:
        """The mean distribution at another strength."""
        return self._mean(params, strengths, lambda noisy: self.network(noisy, x))

    def curve(self, params: Params, x: Array | None = None) -> Distribution:
        """Mean distributions with the first 0, 1, ..., blocks on."""
        return self.curve_at(params, self.strengths, x)

    def curve_at(self, params: Params, strengths: ArrayLike, x: Array | None = None) -> Distribution:
        """The same at another strength."""
        return self._mean(params, strengths, lambda noisy: self.network.curve(noisy, x))

    def _mean(self, params: Params, strengths: Any, point: Any) -> Distribution:
        leaves, structure = jax.tree.flatten(params)
        dtype = jnp.result_type(*leaves)
        strength = jnp.asarray(strengths, dtype)[0]
        shapes = tuple(np.shape(leaf) for leaf in leaves)
        draws = [jnp.asarray(a, dtype) for a in _draws(self.kind, shapes, self.draws, self.seed)]
        change = _with_noise if self.kind == "weights" else _with_dropout

        def one(drawn: list[Array]) -> Array:
            noisy = [change(leaf, strength, d) for leaf, d in zip(leaves, drawn, strict=True)]
            found = point(jax.tree.unflatten(structure, noisy))
            if isinstance(found, Gaussian):
                raise TypeError(
                    "a noisy network needs categorical outcomes: a mean of normal laws is not normal"
                )
            return found.probabilities

        return Distribution(jnp.mean(jax.vmap(one)(draws), axis=0))


def _with_noise(leaf: Array, strength: Array, drawn: Array) -> Array:
    mean_square = jnp.mean(jnp.square(leaf))
    there = mean_square > 0.0
    rms = jnp.where(there, jnp.sqrt(jnp.where(there, mean_square, 1.0)), 0.0)
    return leaf + strength * rms * drawn


def _with_dropout(leaf: Array, strength: Array, drawn: Array) -> Array:
    """``drawn`` is one uniform number per unit that feeds the array; 2 where nothing is dropped."""
    kept = jnp.where(drawn >= strength, 1.0 / (1.0 - strength), jnp.zeros_like(drawn))
    return jnp.where(drawn > 1.0, leaf, leaf * kept)


@functools.lru_cache(maxsize=64)
def _draws(
    kind: NetworkNoise, shapes: tuple[tuple[int, ...], ...], draws: int, seed: int
) -> tuple[np.ndarray, ...]:
    """One array per array of the parameters, draws first; the same for every call."""
    rng = np.random.default_rng(seed)
    found, first = [], True
    for shape in shapes:
        if kind == "weights":
            found.append(rng.normal(size=(draws, *shape)))
        elif len(shape) == 2:
            # the columns of a weight matrix (out, in) are the units that feed it; inputs of the network stay
            found.append(
                np.full((draws, 1, shape[1]), 2.0) if first else rng.uniform(size=(draws, 1, shape[1]))
            )
            first = False
        else:
            found.append(np.full((draws, 1), 2.0))
    return tuple(found)
