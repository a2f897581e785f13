r"""Where the optimisation starts: trivial disentanglers, isometries from the density matrices of small rings.

At every level the raised Hamiltonian is solved on a ring of a few coarse sites, and an isometry keeps the most probable
states of a block of that ring, as in density-matrix renormalisation (White, PRL 69, 2863 (1992)). The start then has
the symmetries of the Hamiltonian, which the gradient never breaks, and for critical chains it avoids the poor local
minima where random isometries end.
"""

from __future__ import annotations

import itertools

import jax
import numpy as np
import scipy.sparse.linalg
from jaxtyping import Array, Key

from circuits.mera.schemes import Cone, Scheme
from circuits.mera.superoperators import Layer

_RING = 2**12  # states of a ring that are solved in well under a second
_NOISE = 0.02


def layers(
    scheme: Scheme, operator: np.ndarray, dimensions: tuple[int, ...], key: Key[Array, ""] | None = None
) -> tuple[list[Layer], np.ndarray]:
    """Layers as tensors with ``P = 1``, one for each step of ``dimensions``, and the operator raised through them.

    Args:
        scheme: binary or ternary.
        operator: the Hamiltonian per site, ``(d, ... ; d, ...)``.
        dimensions: bond dimensions from the physical one upwards; every one at most the power ``branching`` of the
            last.
        key: adds a little noise to the tensors where it is given.
    """
    made = []
    for d, chi in itertools.pairwise(dimensions):
        density = _ring_density(operator, scheme.support, scheme.branching)
        w = np.linalg.eigh(density)[1][:, ::-1][:, :chi]
        if made and made[-1].isometry[0].size == w.size:
            # The basis of the kept states is free, signs at least: nearest to the last layer, since the one that is
            # repeated must read its own output.
            w = w @ _polar(w.conj().T @ made[-1].isometry.reshape(w.shape))
        u = np.eye(d * d, dtype=operator.dtype)
        if key is not None:
            key, *keys = jax.random.split(key, 3)
            shake = [np.asarray(jax.random.normal(k, x.shape)) for k, x in zip(keys, (u, w))]
            u, w = _polar(u + _NOISE * shake[0]), _polar(w + _NOISE * shake[1])
        layer = Layer(u.reshape(1, d, d, d, d), w.reshape(1, *(d,) * scheme.branching, chi))
        made.append(layer)
        operator = _raise(scheme, layer, operator)
    return made, operator


def _polar(x: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(x, full_matrices=False)
    return left @ right


def ring_state(operator: np.ndarray, support: int, sites: int) -> np.ndarray:
    """The ground state of ``sum_j O_j`` on a ring, a vector ``(d^sites,)``; SciPy's Lanczos from a fixed start."""
    d = operator.shape[-1]
    block = operator.reshape(d**support, d**support)
    shape = (d,) * sites
    turns = [[(j + k) % sites for k in range(sites)] for j in range(sites)]

    def apply(vector: np.ndarray) -> np.ndarray:
        vector = vector.reshape(shape)
        out = np.zeros_like(vector)
        for turn in turns:
            acted = block @ vector.transpose(turn).reshape(d**support, -1)
            out += acted.reshape(shape).transpose(np.argsort(turn))
        return out.ravel()

    size = d**sites
    linear = scipy.sparse.linalg.LinearOperator((size, size), matvec=apply, dtype=operator.dtype)  # pyright: ignore
    start = np.random.default_rng(0).normal(size=size).astype(operator.dtype)
    _, vectors = scipy.sparse.linalg.eigsh(linear, 1, which="SA", v0=start, tol=1e-7)  # pyright: ignore
    return vectors[:, 0]


def _ring_density(operator: np.ndarray, support: int, keep: int) -> np.ndarray:
    d = operator.shape[-1]
    least = max(keep, support) + 1
    if d ** (2 * keep) <= 16 * _RING:
        least = max(least, 2 * keep)  # so that the rest can hold as many states as the block
    sites = max([least, *(m for m in range(least, 11) if d**m <= _RING)])
    vector = ring_state(operator, support, sites).reshape(d**keep, -1)
    return vector @ vector.conj().T


def _raise(scheme: Scheme, layer: Layer, operator: np.ndarray) -> np.ndarray:
    """The mean ascending superoperator in NumPy: once per level, it is not worth compiling."""
    s = scheme.support
    u, w = layer.disentangler[0], layer.isometry[0]
    mirror = [*range(s)[::-1], *range(s, 2 * s)[::-1]]
    total = 0.0
    for cone in scheme.cones:
        total = total + _contract(cone, operator, u, w)
        if cone.mirror is not None:
            flipped = w.transpose([*range(w.ndim - 1)[::-1], w.ndim - 1])
            image = _contract(cone, operator.transpose(mirror), u.transpose(1, 0, 3, 2), flipped)
            total = total + image.transpose(mirror)
    return np.asarray(total) / scheme.branching


def _contract(cone: Cone, operator: np.ndarray, u: np.ndarray, w: np.ndarray) -> np.ndarray:
    tensors = [u] * len(cone.disentanglers) + [w] * len(cone.isometries)
    pairs = [t for x in tensors for t in (x.conj(), x)]
    return np.einsum(cone.equation, operator, *pairs, optimize=["einsum_path", *cone.path])
