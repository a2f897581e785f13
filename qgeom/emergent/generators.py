r"""Generators of gates: what a parameter does, as a Hermitian matrix.

``G = i M^dagger dM / d angle`` of a gate's matrix M, so that ``dM = -i M G d angle``; without its trace, which only
changes the global phase.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from circuits import gates, memory
from circuits.circuit import Circuit
from circuits.ops import Op, Param


def generators_at_start(
    circuit: Circuit, theta: np.ndarray, x: np.ndarray | None, chosen: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Generators of some gates, moved to the beginning of the circuit: ``U_a^dagger G U_a``, of operator norm one.

    Args:
        circuit: The circuit.
        theta: Its parameters (P,).
        x: One input, where it takes any.
        chosen: Positions of the gates.

    Returns which chosen gate each generator belongs to, (g,), and the generators, (g, 2^n, 2^n) complex. Raises
    MemoryError before anything is allocated if they do not fit; says how many qubits would.
    """
    dim = 1 << circuit.n_qubits
    count = sum(len(circuit.ops[k].angles) for k in chosen)
    need, have = 16.0 * dim**2 * (3.0 * count + 4.0), memory.available_bytes()
    if need > have:
        fits = int(0.5 * np.log2(max(have / (16.0 * (3.0 * count + 4.0)), 1.0)))
        raise MemoryError(
            f"{count} generators of {circuit.n_qubits} qubits need {need / 2**30:.3g} GiB, {have / 2**30:.3g} GiB "
            f"are available; {fits} qubits fit"
        )
    unitary = np.eye(dim, dtype=complex)
    owners, found = [], []
    place = {k: i for i, k in enumerate(chosen)}
    for k, op in enumerate(circuit.ops):
        angles = angles_of(op, theta, x)
        if k in place:
            for number in range(len(op.angles)):
                if op.angles[number].index is None:
                    continue
                generator = raw_generator(op, angles, number)
                generator /= max(float(np.linalg.norm(generator, 2)), 1e-300)
                found.append(unitary.conj().T @ applied(generator, op.wires, unitary, circuit.n_qubits))
                owners.append(place[k])
        unitary = applied(
            np.asarray(gates.matrix(op, jnp.asarray(angles))), op.wires, unitary, circuit.n_qubits
        )
    return np.array(owners), np.array(found)


def raw_generator(op: Op, angles: np.ndarray, number: int) -> np.ndarray:
    """``i M^dagger dM/d angle`` of a gate's matrix, made traceless: Hermitian, (2^m, 2^m)."""
    plain = Op(
        op.name, tuple(range(len(op.wires))), (Param(0),) * len(angles), op.pauli
    )  # compiled once for a kind
    matrix, derivatives = _with_derivative(plain, jnp.asarray(angles))
    generator = 1j * np.asarray(matrix).conj().T @ np.asarray(derivatives)[..., number]
    generator = 0.5 * (generator + generator.conj().T)
    return generator - np.trace(generator) / len(generator) * np.eye(len(generator))


def angles_of(op: Op, theta: np.ndarray, x: np.ndarray | None) -> np.ndarray:
    """The angles of a gate, (k,)."""
    return np.array([_angle(param, theta, x) for param in op.angles])


@functools.partial(jax.jit, static_argnums=0)
def _with_derivative(op: Op, angles: jax.Array) -> tuple[jax.Array, jax.Array]:
    def parts(a: jax.Array) -> tuple[jax.Array, jax.Array]:
        m = gates.matrix(op, a)
        return m.real, m.imag

    real, imaginary = parts(angles)
    d_real, d_imaginary = jax.jacfwd(parts)(angles)
    return jax.lax.complex(real, imaginary), jax.lax.complex(d_real, d_imaginary)


def _angle(param: Param, theta: np.ndarray, x: np.ndarray | None) -> float:
    scale = float(param.scale)
    if param.index is not None:
        scale *= float(theta[param.index])
    if param.input is not None:
        if x is None:
            raise ValueError("this circuit takes an input: give x")
        scale *= float(np.asarray(x)[param.input])
    return float(param.offset) + scale


def applied(matrix: np.ndarray, wires: tuple[int, ...], to: np.ndarray, n: int) -> np.ndarray:
    """A gate on some qubits times a (2^n, k) matrix."""
    m = len(wires)
    table = to.reshape((2,) * n + (-1,))
    table = np.tensordot(matrix.reshape((2,) * (2 * m)), table, axes=(range(m, 2 * m), wires))
    return np.moveaxis(table, range(m), wires).reshape(to.shape)
