r"""Circuits and networks of one wiring: layers of blocks, two wires in and two out of each, and nothing else.

A wiring is a matching of the n wires for every layer, (layers, n) int: block k of a layer acts on the wires at 2k and
2k + 1. The *circuit* has qubits as wires and six rotations in a block, RY and RZ on both, then RXX and RZZ; inputs are
angles of RY at the beginning; it is measured in the computational basis. The *network* has numbers as wires and
``tanh(W h + b)`` in a block, W 2 x 2; inputs are the numbers at the beginning, the output is their Gaussian mean. Both
have six parameters in a block, and the graph of blocks and wires is the same.
"""

from __future__ import annotations

import functools
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import scipy.sparse
from jaxtyping import Array
from scipy.sparse.csgraph import shortest_path

Side = Literal["circuit", "network"]
PER_BLOCK = 6
SMALLEST = 1e-12


def brickwork(n: int, layers: int) -> np.ndarray:
    """Neighbours on a ring, shifted by one wire in every other layer."""
    return np.array([np.roll(np.arange(n), -(layer % 2)) for layer in range(layers)])


def rewired(n: int, layers: int, rng: np.random.Generator) -> np.ndarray:
    """A random matching in every layer: every block keeps two wires in and two out, and its layer."""
    return np.array([rng.permutation(n) for _ in range(layers)])


def hops(wiring: np.ndarray) -> np.ndarray:
    """Wires on the shortest path between two blocks, layer by layer, (blocks, blocks); inf where there is none."""
    layers, n = wiring.shape
    half = n // 2
    last: dict[int, int] = {}
    ends = []
    for layer in range(layers):
        for k in range(half):
            block = layer * half + k
            for wire in wiring[layer, 2 * k : 2 * k + 2].tolist():
                if wire in last:
                    ends.append((last[wire], block))
                last[wire] = block
    a, b = np.array(ends).T
    graph = scipy.sparse.csr_array((np.ones(len(a)), (a, b)), shape=(layers * half,) * 2)
    return np.asarray(shortest_path(graph, directed=False, unweighted=True))


def last_blocks(wiring: np.ndarray) -> np.ndarray:
    """The block that each wire leaves last, (n,)."""
    layers, n = wiring.shape
    out = np.zeros(n, int)
    out[wiring[-1]] = (layers - 1) * (n // 2) + np.arange(n) // 2
    return out


def start(side: Side, n: int, layers: int, seed: int) -> np.ndarray:
    """Random parameters (layers, n/2, 6): angles uniform round the circle; weights of variance 1/2, biases zero."""
    rng = np.random.default_rng((seed, 21))
    shape = (layers, n // 2, PER_BLOCK)
    if side == "circuit":
        return rng.uniform(-np.pi, np.pi, shape)
    weights = rng.normal(size=shape) * np.sqrt(0.5) * np.sqrt(2.0)  # tanh shrinks: a gain of sqrt 2
    weights[..., 4:] = 0.0
    return weights


def tables(side: Side, wiring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How a layer brings its wires together, and puts them back: permutations of amplitudes, or of numbers."""
    n = wiring.shape[1]
    if side == "network":
        return wiring, np.argsort(wiring, axis=1)
    index = np.arange(2**n).reshape((2,) * n)
    together = np.stack([index.transpose(order).reshape(-1) for order in wiring])
    return together, np.argsort(together, axis=1)


def output(side: Side, theta: Array, together: Array, back: Array, x: Array) -> Array:
    """Real and imaginary part of the state (2, 2^n), or the outputs (n,)."""
    return _state(theta, together, back, x) if side == "circuit" else _numbers(theta, together, back, x)


def _numbers(theta: Array, together: Array, back: Array, x: Array) -> Array:
    def layer(h: Array, step: tuple[Array, Array, Array]) -> tuple[Array, None]:
        t, there, home = step
        pairs = h[there].reshape(-1, 2)
        weight = t[:, :4].reshape(-1, 2, 2)
        new = jnp.tanh(jnp.einsum("kab,kb->ka", weight, pairs) + t[:, 4:])
        return new.reshape(-1)[home], None

    return jax.lax.scan(layer, x, (theta, together, back))[0]


def _state(theta: Array, together: Array, back: Array, x: Array) -> Array:
    c, s = jnp.cos(x / 2), jnp.sin(x / 2)
    psi = jnp.ones(1, x.dtype)
    for k in range(x.shape[0]):
        psi = jnp.kron(psi, jnp.stack([c[k], s[k]]))

    def layer(psi: Array, step: tuple[Array, Array, Array]) -> tuple[Array, None]:
        t, there, home = step
        psi = psi[there]
        for k in range(t.shape[0]):
            left = psi.reshape(4**k, 4, -1)
            psi = jnp.einsum("ab,xby->xay", _block(t[k]), left).reshape(-1)
        return psi[home], None

    psi = jax.lax.scan(layer, psi + 0j, (theta, together, back))[0]
    return jnp.stack([psi.real, psi.imag])


def _block(t: Array) -> Array:
    """RY RZ on both qubits, RXX, RZZ: (4, 4)."""

    def one(y: Array, z: Array) -> Array:
        c, s = jnp.cos(y / 2), jnp.sin(y / 2)
        phase = jnp.exp(0.5j * z)
        return jnp.stack([jnp.stack([c, -s]) * phase.conj(), jnp.stack([s, c]) * phase])

    local = jnp.kron(one(t[0], t[1]), one(t[2], t[3]))
    xx = jnp.cos(t[4] / 2) * jnp.eye(4) - 1j * jnp.sin(t[4] / 2) * jnp.eye(4)[::-1]
    zz = jnp.exp(-0.5j * t[5] * jnp.array([1.0, -1.0, -1.0, 1.0]))
    return zz[:, None] * (xx @ local)


def reading(side: Side, found: Array) -> Array:
    """The number that is trained: <Z> of the first qubit, or the first output."""
    if side == "network":
        return found[0]
    p = jnp.sum(found**2, axis=0)
    half = p.shape[0] // 2
    return jnp.sum(p[:half]) - jnp.sum(p[half:])


@functools.partial(jax.jit, static_argnums=(0, 6))
def train(
    side: Side, theta: Array, together: Array, back: Array, x: Array, y: Array, steps: int
) -> tuple[Array, Array]:
    """Adam on the mean squared error of the reading, several wirings at once; parameters and losses."""
    optimizer = optax.adam(0.05)

    def one(theta: Array, together: Array, back: Array) -> tuple[Array, Array]:
        def loss(t: Array) -> Array:
            found = jax.vmap(lambda v: reading(side, output(side, t, together, back, v)))(x)
            return jnp.mean((found - y) ** 2)

        def step(carry: tuple, _: None) -> tuple[tuple, Array]:
            t, moments = carry
            value, slope = jax.value_and_grad(loss)(t)
            change, moments = optimizer.update(slope, moments, t)
            return (optax.apply_updates(t, change), moments), value

        (theta, _), values = jax.lax.scan(step, (theta, optimizer.init(theta)), None, length=steps)
        return theta, values[-1]

    return jax.vmap(one)(theta, together, back)


@functools.partial(jax.jit, static_argnums=0)
def fisher(side: Side, theta: Array, together: Array, back: Array, x: Array) -> Array:
    """Fisher matrices averaged over inputs, of several wirings: (wirings, 2, P, P); classical, and quantum.

    A network has one: both are it.
    """

    def of_one(theta: Array, together: Array, back: Array, v: Array) -> Array:
        def flat(t: Array) -> Array:
            return output(side, t.reshape(theta.shape), together, back, v)

        j = jax.jacfwd(flat)(theta.reshape(-1))
        if side == "network":
            f = j.T @ j
            return jnp.stack([f, f])
        psi = flat(theta.reshape(-1))
        p = jnp.maximum(jnp.sum(psi**2, axis=0), SMALLEST)
        slope = 2.0 * jnp.einsum("ro,rop->op", psi, j)
        classical = (slope / p[:, None]).T @ slope
        overlap = jnp.einsum("ro,rop->p", psi, j)
        phase = jnp.einsum("o,op->p", psi[0], j[1]) - jnp.einsum("o,op->p", psi[1], j[0])
        inner = jnp.einsum("rop,roq->pq", j, j)
        return jnp.stack([classical, 4.0 * (inner - jnp.outer(overlap, overlap) - jnp.outer(phase, phase))])

    def mean(theta: Array, together: Array, back: Array) -> Array:
        return jnp.mean(jax.lax.map(lambda v: of_one(theta, together, back, v), x), axis=0)

    return jax.lax.map(lambda a: mean(*a), (theta, together, back))


@functools.partial(jax.jit, static_argnums=0)
def outputs(side: Side, theta: Array, together: Array, back: Array, x: Array) -> Array:
    """What comes out for every wiring and input: (wirings, inputs, ...)."""
    return jax.vmap(lambda t, a, b: jax.vmap(lambda v: output(side, t, a, b, v))(x))(theta, together, back)
