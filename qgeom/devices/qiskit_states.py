"""States of Qiskit circuits on this engine, and means of Pauli strings in them.

NumPy arrays come in and go out, so everything in between is computed in double precision, whatever JAX is set to.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from circuits import memory
from circuits.circuit import Circuit
from circuits.paulis import masks
from circuits.reparametrised import Reparametrised

# Amplitudes of the states that are held together.
_CHUNK = 2**22
# Qiskit's letters for projectors, in Pauli matrices: (1 +- P) / 2.
_PROJECTORS = {
    "0": ("Z", 0.5),
    "1": ("Z", -0.5),
    "+": ("X", 0.5),
    "-": ("X", -0.5),
    "r": ("Y", 0.5),
    "l": ("Y", -0.5),
}
_MAX_STRINGS = 2**16


def state_vectors(
    description: Circuit | Reparametrised, thetas: Float[np.ndarray, "batch P"]
) -> Iterator[Complex[np.ndarray, "some dim"]]:
    """The states at rows of ``thetas``, in batches that fit into memory. Qubit 0 is the most significant bit.

    Raises:
        MemoryError: if one state does not fit.
    """
    memory.check_states(description.n_qubits, jnp.float64, states=4.0)
    size = max(1, _CHUNK >> description.n_qubits)
    for start in range(0, len(thetas), size):
        rows = np.asarray(thetas[start : start + size], np.float64)
        # A power of two, so that the number of rows does not make a new program each time.
        filled = min(size, 1 << (len(rows) - 1).bit_length())
        padded = np.concatenate([rows, np.repeat(rows[-1:], filled - len(rows), axis=0)])
        with jax.enable_x64(True):
            yield np.asarray(_states(description, jnp.asarray(padded)))[: len(rows)]


@functools.partial(jax.jit, static_argnums=0)
def _states(description: Circuit | Reparametrised, thetas: Array) -> Array:
    return jax.vmap(lambda theta: description(theta).vector)(thetas)


def pauli_terms(observable: Mapping[str, float]) -> dict[str, float]:
    """An observable of Qiskit (qubit 0 last, projectors allowed) as Pauli strings with qubit 0 first.

    Raises:
        ValueError: if its projectors make more than 2^16 strings.
    """
    terms: dict[str, float] = {}
    for label, coefficient in observable.items():
        choices = [
            ((letter, 1.0),) if letter in "IXYZ" else (("I", 0.5), _PROJECTORS[letter])
            for letter in label[::-1]
        ]
        if len(terms) + 2 ** sum(len(c) > 1 for c in choices) > _MAX_STRINGS:
            raise ValueError(
                f"the projectors of {label!r} make more than {_MAX_STRINGS} Pauli strings; use fewer of 0 1 + - r l"
            )
        for combination in itertools.product(*choices):
            string = "".join([letter for letter, _ in combination])
            factor = float(np.prod([f for _, f in combination]))
            terms[string] = terms.get(string, 0.0) + float(np.real(coefficient)) * factor
    return terms


def pauli_means(
    states: Complex[np.ndarray, "batch dim"], strings: Sequence[str]
) -> Float[np.ndarray, "batch strings"]:
    """``<psi|P|psi>`` for every state and Pauli string (qubit 0 first). Strings are data: they compile nothing new."""
    bits = [masks(string) for string in strings]
    filled = 1 << (len(bits) - 1).bit_length()
    padded = [*bits, *[bits[-1]] * (filled - len(bits))]
    with jax.enable_x64(True):
        x, z, y = (
            jnp.asarray(np.asarray(column, np.int32))
            for column in ([b.x for b in padded], [b.z for b in padded], [b.y_count for b in padded])
        )
        return np.asarray(_means(jnp.asarray(states), x, z, y))[:, : len(bits)]


@jax.jit
def _means(
    states: Complex[Array, "batch dim"], x: Int[Array, " t"], z: Int[Array, " t"], y: Int[Array, " t"]
) -> Float[Array, "batch t"]:
    a = jnp.arange(states.shape[-1], dtype=jnp.int32)
    phases = jnp.asarray([1, -1j, -1, 1j], states.dtype)

    def mean(term: tuple[Array, Array, Array]) -> Array:
        flip, sign, count = term
        turned = (1 - 2 * (jax.lax.population_count(a & sign) & 1)).astype(states.real.dtype)
        products = states.conj() * states[:, a ^ flip] * turned.astype(states.dtype)
        return (phases[count & 3] * jnp.sum(products, axis=-1)).real

    return jax.lax.map(mean, (x, z, y)).T
