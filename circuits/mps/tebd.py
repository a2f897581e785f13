r"""Time evolution by Trotter gates on neighbouring sites (TEBD), in real and imaginary time.

``exp(-i H t)`` is split into layers of gates on every second bond, each layer one batched product and one batched
truncation. The second-order step is ``X(1/2) Y(1) X(1/2)``, half steps merged between steps; the fourth-order one is
Suzuki's composition of five (Phys. Lett. A 146, 319 (1990)). The state is kept right canonical with a matrix ``C_j`` at
each bond that weights it by the rest of the chain, so that no Schmidt value is ever inverted (Hastings, J. Math.
Phys. 50, 095207 (2009)). Imaginary time makes the canonical form decay, and it is restored after every layer pair.

The sites at each end whose full space fits the bond dimension are one block, evolved exactly. So all tensors have one
shape (a, D, d, D); what is padded is multiplied by zeros, and is cut off at the end.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from circuits.description import parameter_dtype
from circuits.local import LocalHamiltonian
from circuits.mps.chain import block_sites, product, widen
from circuits.mps.dtypes import complex_dtype
from circuits.mps.evolved import Evolved
from circuits.mps.neighbours import bond_terms, kron_sum
from circuits.mps.sizes import bond_dimensions
from circuits.mps.state import MPS
from circuits.paulis import PauliSum
from circuits.threads import few_blas_threads

_SUZUKI = 1.0 / (4.0 - 4.0 ** (1.0 / 3.0))
_PERIOD = 5  # parts of the fourth-order step
_ENTRIES = 4  # different fractions in it
_FLAVOUR = 1e-3  # how much of a random matrix starts the search for the kept space


def evolve_tebd(
    state: MPS,
    hamiltonian: PauliSum | LocalHamiltonian,
    time_step: float,
    n_steps: int,
    *,
    bond_dimension: int = 64,
    order: int = 2,
    imaginary: bool = False,
    truncation: str = "svd",
    dtype: Any = None,
) -> Evolved:
    r"""``exp(-i H t) psi``, or ``exp(-H t) psi`` normalised, with ``t = time_step * n_steps``.

    The error of the splitting is of order ``t * time_step**order``, besides the truncation.

    Args:
        state: where to start, real or complex.
        hamiltonian: nearest neighbours and single sites only.
        time_step: the Trotter step; negative goes back.
        n_steps: number of steps.
        bond_dimension: bond dimension D of the result, and of all states on the way.
        order: 2 or 4.
        imaginary: imaginary time.
        truncation: ``"svd"`` keeps the largest D singular values; ``"qr"`` finds their space by two rounds of
            subspace iteration from the space kept before (Unfried, Hauschild and Pollmann, PRB 107, 155133 (2023)),
            which avoids the SVDs that are slow on a GPU: the same where nothing needs to be cut, and else close to the
            least possible weight.
        dtype: float64 or float32, the precision; float64 unless given.

    Raises:
        ValueError: if a term reaches beyond nearest neighbours (use `evolve_tdvp`), the chains differ, ``order`` is
            not 2 or 4, or ``n_steps < 1``.
    """
    if order not in (2, 4) or truncation not in ("svd", "qr"):
        raise ValueError(f"order must be 2 or 4 and truncation 'svd' or 'qr'; got {order} and {truncation!r}")
    if n_steps < 1:
        raise ValueError(f"n_steps must be at least 1; got {n_steps}")
    terms = bond_terms(hamiltonian)
    n, d = len(terms) + 1, round(terms.shape[1] ** 0.5)
    if tuple(state.local_dimensions) != (d,) * n:
        raise ValueError(
            f"the Hamiltonian acts on {n} sites of dimension {d}; the state has {state.n_sites} sites of dimensions "
            f"{tuple(state.local_dimensions)}"
        )
    real = parameter_dtype(dtype)
    bond = min(bond_dimension, max(bond_dimensions((d,) * n, bond_dimension)))
    is_real = imaginary and np.isrealobj(terms) and not jnp.issubdtype(state.dtype, jnp.complexfloating)
    kind = real if is_real else complex_dtype(real)
    start = state.compress(bond) if state.bond_dimension > bond else state
    blocks = block_sites(n, d, bond)
    tensors = _stacked(start, blocks, bond, kind)
    table, plan = _gates(terms, blocks, bond, time_step, n_steps, order, imaginary)
    table = jax.tree.map(lambda x: jnp.asarray(x.astype(kind)), table)
    with few_blas_threads(d * bond):
        out = _evolve(
            tensors, table, jax.tree.map(jnp.asarray, plan), imaginary=imaginary, svd=truncation == "svd"
        )
        tensors, discarded, log_norm = jax.block_until_ready(out)
    final = MPS([jnp.asarray(t) for t in _site_tensors(tensors, blocks, n)]).normalised()
    return Evolved(final, time_step * n_steps, float(discarded), float(log_norm) if imaginary else 0.0)


class _Layer(NamedTuple):
    """Gates on the pairs of a layer, and what acts on the outer legs of the first and the last active tensor."""

    pairs: Any  # (..., p, d^2, d^2)
    left: Any  # (..., D d, D d)
    right: Any  # (..., d D, d D)


class _Plan(NamedTuple):
    """Which entry of the tables each layer takes, ``X Y X Y ... X``; the pattern of a step repeats. Traced: neither the
    number of steps nor the order compiles anew.
    """

    ends: Any  # of the first and the last X, scalar
    y: Any  # of the Y layers of a period, (5,)
    x: Any  # of the X layers after each of them, (5,)
    length: Any  # number of Y layers


def _gates(
    terms: np.ndarray, k: int, bond: int, step: float, n_steps: int, order: int, imaginary: bool
) -> tuple[tuple[_Layer, _Layer], _Plan]:
    """Tables of the layers X and Y for every fraction of the step, and the plan."""
    q = 1.0 - 4.0 * _SUZUKI
    fractions = [1.0] * _PERIOD if order == 2 else [_SUZUKI, _SUZUKI, q, _SUZUKI, _SUZUKI]
    between = [0.5 * (fractions[i] + fractions[(i + 1) % _PERIOD]) for i in range(_PERIOD)]
    end = 0.5 * fractions[0]
    values = sorted({round(v, 14) for v in (end, *fractions, *between)})
    index = {value: i for i, value in enumerate(values)}
    factor = -step if imaginary else -1j * step
    layers = [_layers(terms, k, bond, factor * value) for value in values]
    layers += [layers[-1]] * (_ENTRIES - len(layers))
    stacked = [
        _Layer(*(np.stack(parts) for parts in zip(*side, strict=True))) for side in zip(*layers, strict=True)
    ]
    plan = _Plan(
        np.int32(index[round(end, 14)]),
        np.array([index[round(v, 14)] for v in fractions], dtype=np.int32),
        np.array([index[round(v, 14)] for v in between], dtype=np.int32),
        np.int32(n_steps * (1 if order == 2 else _PERIOD)),
    )
    return (stacked[0], stacked[1]), plan


def _layers(terms: np.ndarray, k: int, bond: int, factor: complex) -> tuple[_Layer, _Layer]:
    n, d = len(terms) + 1, round(terms.shape[1] ** 0.5)
    a = n - 2 * k
    pairs = _exponential(terms[k : n - k - 1], factor)
    identity = np.eye(bond * d)
    # X: pairs (0, 1), (2, 3) ... of the active sites, and the inside of the left block; Y: the rest.
    sides = {"x": [identity, identity], "y": [identity, identity]}
    if k:
        inside_left = _exponential(kron_sum(terms[: k - 1], d, k), factor)
        inside_right = _exponential(kron_sum(terms[n - k :], d, k), factor)
        boundary, other = ("y", "x") if a % 2 == 0 else ("x", "y")
        edge_left, edge_right = _exponential(terms[k - 1], factor), _exponential(terms[n - k - 1], factor)
        rest = np.eye(d ** (k - 1))
        sides["x"][0] = _embed_left(np.kron(inside_left, np.eye(d)), bond, d)
        sides["y"][0] = _embed_left(np.kron(rest, edge_left), bond, d)
        sides[boundary][1] = _embed_right(np.kron(edge_right, rest), bond, d)
        sides[other][1] = _embed_right(np.kron(np.eye(d), inside_right), bond, d)
    return _Layer(pairs[0::2], *sides["x"]), _Layer(pairs[1::2], *sides["y"])


def _exponential(h: np.ndarray, factor: complex) -> np.ndarray:
    values, vectors = np.linalg.eigh(h)
    return np.einsum("...ab,...b,...cb->...ac", vectors, np.exp(factor * values), vectors.conj())


def _embed_left(matrix: np.ndarray, bond: int, d: int) -> np.ndarray:
    """On the legs (block, site) with the block padded to the bond dimension."""
    out = np.eye(bond * d, dtype=matrix.dtype)
    out[: len(matrix), : len(matrix)] = matrix
    return out


def _embed_right(matrix: np.ndarray, bond: int, d: int) -> np.ndarray:
    """On the legs (site, block) with the block padded to the bond dimension."""
    small = len(matrix) // d
    out = np.eye(bond * d, dtype=matrix.dtype).reshape(d, bond, d, bond)
    out[:, :small, :, :small] = matrix.reshape(d, small, d, small)
    return out.reshape(d * bond, d * bond)


def _stacked(state: MPS, k: int, bond: int, dtype: Any) -> Array:
    arrays = [np.asarray(t) for t in state.normalised().tensors]
    d, n = arrays[0].shape[1], len(arrays)
    first = product(arrays[: k + 1]).reshape(d**k, d, -1)
    last = product(arrays[n - k - 1 :]).reshape(-1, d, d**k)
    padded = [widen(t, bond, bond) for t in (first, *arrays[k + 1 : n - k - 1], last)]
    return jnp.asarray(np.stack(padded).astype(dtype))


def _site_tensors(tensors: Array, k: int, n: int) -> list[np.ndarray]:
    arrays = np.asarray(tensors)
    d, dtype = arrays.shape[2], arrays.dtype
    left = [np.eye(d ** (i + 1), dtype=dtype).reshape(d**i, d, d ** (i + 1)) for i in range(k)]
    right = [t.reshape(t.shape[0] * d, d, t.shape[0]) for t in reversed(left)]
    active = [arrays[0][: d**k], *arrays[1:-1], arrays[-1][:, :, : d**k]]
    return [*left, *active, *right]


# On the device.


def _canonical(tensors: Array) -> tuple[Array, Array, Array]:
    """Right canonical tensors, the bond matrices C_j to the left of each, and the norm that was divided out."""
    bond, d = tensors.shape[1:3]

    def to_right(carry: Array, tensor: Array) -> tuple[Array, Array]:
        x = jnp.einsum("asb,bc->asc", tensor, carry).reshape(bond, d * bond)
        q, r = jnp.linalg.qr(x.T)
        return r.T, q.T.reshape(bond, d, bond)

    carry, out = lax.scan(to_right, jnp.eye(bond, dtype=tensors.dtype), tensors[1:], reverse=True)
    first = jnp.einsum("asb,bc->asc", tensors[0], carry)
    size = jnp.linalg.norm(first)
    tensors = jnp.concatenate([(first / size.astype(first.dtype))[None], out])

    def to_left(carry: Array, tensor: Array) -> tuple[Array, Array]:
        x = jnp.einsum("ab,bsc->asc", carry, tensor).reshape(bond * d, bond)
        return jnp.linalg.qr(x, mode="r"), carry

    _, centres = lax.scan(to_left, jnp.eye(bond, dtype=tensors.dtype), tensors)
    return tensors, centres, size


def _split(weighted: Array, guess: Array, svd: bool) -> tuple[Array, Array, Array]:
    """The kept space of the right half, the new bond matrix, the weight cut off: of one weighted pair (D d, d D)."""
    bond = guess.shape[0]
    total = jnp.sum(jnp.abs(weighted) ** 2)
    if svd:
        _, s, v = jnp.linalg.svd(weighted, full_matrices=False)
        discarded = jnp.sum(s[bond:] ** 2) / total
        kept, values = v[:bond], s[:bond]
        centre = jnp.diag(values / jnp.linalg.norm(values)).astype(weighted.dtype)
    else:
        kept = guess
        for _ in range(2):
            q, _ = jnp.linalg.qr(weighted @ kept.conj().T)
            kept = jnp.linalg.qr(weighted.conj().T @ q)[0].conj().T
        centre = jnp.linalg.qr(weighted @ kept.conj().T, mode="r")
        size = jnp.sum(jnp.abs(centre) ** 2)
        discarded = jnp.maximum(0.0, 1.0 - size / total)
        centre = centre / jnp.sqrt(size).astype(centre.dtype)
    return kept, centre, discarded


def _apply_layer(
    tensors: Array, centres: Array, layer: _Layer, offset: int, svd: bool
) -> tuple[Array, Array, Array]:
    bond, d = tensors.shape[1:3]
    first = (layer.left @ tensors[0].reshape(bond * d, bond)).reshape(bond, d, bond)
    tensors = tensors.at[0].set(first)
    last = (tensors[-1].reshape(bond, d * bond) @ layer.right.T).reshape(bond, d, bond)
    tensors = tensors.at[-1].set(last)
    p = layer.pairs.shape[0]
    if p == 0:
        return tensors, centres, jnp.zeros((), tensors.real.dtype)
    left, right = tensors[offset : offset + 2 * p : 2], tensors[offset + 1 : offset + 2 * p : 2]
    noise = np.random.default_rng(0).normal(size=(bond, d * bond)) * (_FLAVOUR / np.sqrt(bond))
    flavour = jnp.asarray(noise, tensors.dtype)

    def update(left: Array, right: Array, centre: Array, gate: Array) -> tuple[Array, Array, Array, Array]:
        theta = (left.reshape(bond * d, bond) @ right.reshape(bond, d * bond)).reshape(bond, d, d, bond)
        theta = jnp.einsum("ijst,astb->aijb", gate.reshape(d, d, d, d), theta)
        weighted = (centre @ theta.reshape(bond, -1)).reshape(bond * d, d * bond)
        kept, new_centre, discarded = _split(weighted, right.reshape(bond, d * bond) + flavour, svd)
        new_left = theta.reshape(bond * d, d * bond) @ kept.conj().T
        return new_left.reshape(bond, d, bond), kept.reshape(bond, d, bond), new_centre, discarded

    out = jax.vmap(update)(left, right, centres[offset : offset + 2 * p : 2], layer.pairs)
    tensors = tensors.at[offset : offset + 2 * p : 2].set(out[0])
    tensors = tensors.at[offset + 1 : offset + 2 * p : 2].set(out[1])
    centres = centres.at[offset + 1 : offset + 2 * p : 2].set(out[2])
    return tensors, centres, jnp.sum(out[3])


@functools.partial(jax.jit, static_argnames=("imaginary", "svd"))
def _evolve(
    tensors: Array, table: tuple[_Layer, _Layer], plan: _Plan, *, imaginary: bool, svd: bool
) -> tuple[Array, Float[Array, ""], Float[Array, ""]]:
    def step(j: Array, carry: Any) -> Any:
        tensors, centres, discarded, log_norm = carry
        place = jnp.maximum(j - 1, 0) % _PERIOD
        at_end = (j == 0) | (j == plan.length)
        entries = jnp.where(at_end, plan.ends, plan.x[place]), plan.y[place]
        first, second = (
            jax.tree.map(lambda x, i=i: x[i], side) for side, i in zip(table, entries, strict=True)
        )

        def layer_y(state: tuple[Array, Array]) -> tuple[Array, Array, Array]:
            return _apply_layer(*state, second, 1, svd)

        def nothing(state: tuple[Array, Array]) -> tuple[Array, Array, Array]:
            return (*state, jnp.zeros((), tensors.real.dtype))

        tensors, centres, cut = lax.cond(j > 0, layer_y, nothing, (tensors, centres))
        if imaginary:
            tensors, centres, size = _canonical(tensors)
            log_norm = log_norm + jnp.log(size)
        tensors, centres, more = _apply_layer(tensors, centres, first, 0, svd)
        if imaginary:
            tensors, centres, size = _canonical(tensors)
            log_norm = log_norm + jnp.log(size)
        return tensors, centres, discarded + cut + more, log_norm

    zero = jnp.zeros((), tensors.real.dtype)
    tensors, centres, _ = _canonical(tensors)
    start = (tensors, centres, zero, zero)
    tensors, _, discarded, log_norm = lax.fori_loop(0, plan.length + 1, step, start)
    return tensors, discarded, log_norm
