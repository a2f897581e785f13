r"""Circuits for given transformations: textbook gates, two decompositions of SU(8), Givens rotations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.optimize
from jaxtyping import Array

import circuits
from circuits import gates
from circuits.circuit import Circuit
from circuits.ops import Op


class KnownGate(NamedTuple):
    """A gate with a standard circuit.

    Attributes:
        circuit: Its circuit, without parameters.
        max_weight: Strings on up to so many qubits are free for it.
    """

    circuit: Circuit
    max_weight: int


def known_gates() -> dict[str, KnownGate]:
    """CNOT and iSWAP with only one-qubit strings free; Toffoli and the Fourier transform on three qubits with two free.

    CNOT: one ZX rotation by pi/2 and one-qubit rotations. iSWAP: two CNOTs. Toffoli: six CNOTs, seven T gates (Nielsen
    and Chuang, Fig. 4.9). Fourier transform: controlled phases and a SWAP (ibid., Fig. 5.1).
    """
    half = np.pi / 2
    cnot = (gates.RZ(half, 0), gates.RX(half, 1), gates.PauliRotation(-half, "ZX", (0, 1)))
    iswap = (gates.S(0), gates.S(1), gates.H(0), gates.CX(0, 1), gates.CX(1, 0), gates.H(1))
    toffoli = (
        gates.H(2), gates.CX(1, 2), gates.TDG(2), gates.CX(0, 2), gates.T(2), gates.CX(1, 2), gates.TDG(2),
        gates.CX(0, 2), gates.T(1), gates.T(2), gates.H(2), gates.CX(0, 1), gates.T(0), gates.TDG(1), gates.CX(0, 1),
    )  # fmt: skip
    fourier = (
        gates.H(0), gates.CP(half, 1, 0), gates.CP(half / 2, 2, 0), gates.H(1), gates.CP(half, 2, 1), gates.H(2),
        gates.SWAP(0, 2),
    )  # fmt: skip
    return {
        "CNOT": KnownGate(circuits.Circuit(2, cnot), 1),
        "iSWAP": KnownGate(circuits.Circuit(2, iswap), 1),
        "Toffoli": KnownGate(circuits.Circuit(3, toffoli), 2),
        "QFT": KnownGate(circuits.Circuit(3, fourier), 2),
    }


def shannon(unitary: np.ndarray) -> Circuit:
    """The quantum Shannon decomposition on three qubits: four two-qubit gates and three multiplexed rotations.

    Cosine-sine decomposition about qubit 0, then each block-diagonal factor as ``V (D + D^dagger) W`` (Shende, Bullock
    and Markov, IEEE Trans. CAD 25, 1000 (2006)). A multiplexed rotation is four rotations between four CNOTs.
    """
    (u1, u2), theta, (v1, v2) = scipy.linalg.cossin(unitary, p=4, q=4, separate=True)
    v1, v2, u1, u2 = (np.asarray(block) for block in (v1, v2, u1, u2))
    right, left = _demultiplexed(v1, v2), _demultiplexed(u1, u2)
    ops = [
        *_block_diagonal(right),
        *_multiplexed(gates.RY, 2.0 * np.asarray(theta)),
        *_block_diagonal(left),
    ]
    return circuits.Circuit(3, ops)


def _block_diagonal(parts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[Op]:
    v, phases, w = parts
    return [gates.unitary(w, 1, 2), *_multiplexed(gates.RZ, -2.0 * phases), gates.unitary(v, 1, 2)]


def _demultiplexed(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``a = V D W``, ``b = V D^dagger W``: V, the phases of D, W."""
    triangular, v = scipy.linalg.schur(a @ b.conj().T, output="complex")[:2]
    phases = 0.5 * np.angle(np.diag(triangular))
    return v, phases, np.exp(1j * phases)[:, None] * (v.conj().T @ b)


def _multiplexed(rotation: Callable[[float, int], Op], angles: np.ndarray) -> list[Op]:
    """Rotations of qubit 0 by four angles, chosen by qubits 1 and 2."""
    z1, z2 = np.array([1, 1, -1, -1]), np.array([1, -1, 1, -1])
    signs = np.stack([np.ones(4), z2, z1 * z2, z1])  # of the rotation after 0, 1, 2, 3 CNOTs
    ops: list[Op] = []
    for angle, control in zip(signs @ angles / 4, (2, 1, 2, 1), strict=True):
        ops += [rotation(float(angle), 0), gates.CX(control, 0)]
    return ops


PAIRS = ((0, 1), (1, 2), (0, 2))


def fitted_blocks(unitary: np.ndarray, blocks: int, rng: np.random.Generator, attempts: int = 8) -> Circuit:
    """General two-qubit gates on the pairs 01, 12, 02, 01, ... fitted to a unitary on three qubits.

    Six gates have the 63 angles of SU(8), if none is wasted; seven reach a random target from most starts. Minimises
    ``1 - |tr V^dagger U|^2 / 64`` with L-BFGS from random starts.

    Raises:
        ValueError: if no attempt comes within 1e-5 (flat distance).
    """
    target = jnp.asarray(unitary)
    pairs = tuple(PAIRS[k % 3] for k in range(blocks))

    def value(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = _infidelity(pairs, target, jnp.asarray(x))
        return float(loss), np.asarray(gradient)

    best = None
    for _ in range(attempts):
        start = rng.normal(size=blocks * 15)
        options = {"maxiter": 3000, "maxcor": 30, "ftol": 1e-16, "gtol": 1e-10}
        found = scipy.optimize.minimize(value, start, jac=True, method="L-BFGS-B", options=options)
        if best is None or found.fun < best.fun:
            best = found
        if best.fun < 1e-11:
            break
    if best is None or best.fun > 1e-10:
        raise ValueError(
            f"{blocks} two-qubit gates were not fitted to the target; raise the number of blocks"
        )
    factors = np.asarray(_factors(jnp.asarray(best.x)))
    return circuits.Circuit(3, [gates.unitary(u, *pair) for u, pair in zip(factors, pairs, strict=True)])


def _factors(x: Array) -> Array:
    """``exp(-i H)`` of each two-qubit gate, (blocks, 4, 4)."""
    return jax.scipy.linalg.expm(-1j * jnp.einsum("ka,aij->kij", x.reshape(-1, 15), jnp.asarray(_STRINGS)))


_LETTERS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_STRINGS = np.einsum("aij,bkl->abikjl", _LETTERS, _LETTERS).reshape(16, 4, 4)[1:]


def _end(pairs: tuple[tuple[int, int], ...], x: Array) -> Array:
    u = jnp.eye(8, dtype=complex).reshape(2, 2, 2, 8)
    for factor, wires in zip(_factors(x), pairs, strict=True):
        u = jnp.tensordot(factor.reshape(2, 2, 2, 2), u, axes=((2, 3), wires))
        u = jnp.moveaxis(u, (0, 1), wires)
    return u.reshape(8, 8)


def _loss(pairs: tuple[tuple[int, int], ...], target: Array, x: Array) -> Array:
    overlap = jnp.sum(jnp.conj(target) * _end(pairs, x)) / 8.0
    return 1.0 - (overlap.real**2 + overlap.imag**2)


_infidelity = jax.jit(jax.value_and_grad(_loss, argnums=2), static_argnums=0)


class GivensCost(NamedTuple):
    """Length of a product of rotations in neighbouring planes: disjoint ones at the same time, or one after another."""

    together: float
    sequential: float
    angles: np.ndarray
    planes: tuple[int, ...]


def givens(rotation: np.ndarray) -> GivensCost:
    """QR decomposition of a rotation by rotations in the planes (i, i + 1), ``R = G_1 G_2 ... G_m`` in that order.

    Neighbouring planes have weight 1, so that the length is the sum of the angles. Rotations join the earliest group in
    which everything they do not commute with is done (planes that share an axis do not commute).
    """
    r = np.array(rotation, float)
    d = len(r)
    planes, angles = [], []
    for column in range(d - 1):
        for row in range(d - 1, column, -1):
            i = row - 1
            angle = float(np.arctan2(r[row, column], r[i, column]))
            c, s = np.cos(angle), np.sin(angle)
            r[[i, row]] = np.array([[c, s], [-s, c]]) @ r[[i, row]]
            planes.append(i)
            angles.append(angle)
    groups: list[float] = []
    busy = np.zeros(d + 1, int)
    for i, angle in zip(planes, angles, strict=True):
        place = int(busy[i : i + 2].max())
        if place == len(groups):
            groups.append(0.0)
        groups[place] += angle**2
        busy[i : i + 2] = place + 1
    return GivensCost(
        float(np.sum(np.sqrt(groups))), float(np.sum(np.abs(angles))), np.asarray(angles), tuple(planes)
    )
