"""The engine: states, curves and expectation values of circuits on any JAX backend.

The state is kept as real and imaginary parts (:mod:`circuits.planar`), the circuit as a short program of loops
(:mod:`circuits.program`), and gradients run the circuit backwards (:mod:`circuits.reversible`).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from circuits import memory, reversible
from circuits.description import State
from circuits.planar import Planar, to_complex
from circuits.program import compile_circuit, compile_layers
from circuits.reversible import evolve

if TYPE_CHECKING:
    from circuits.circuit import Circuit
    from circuits.paulis import PauliSum


def zero_state(n_qubits: int, dtype: Any) -> Planar:
    """|0...0>, as real and imaginary parts of shape (2^n,)."""
    re = jnp.zeros(1 << n_qubits, dtype).at[0].set(jnp.ones((), dtype))
    return Planar(re, jnp.zeros_like(re))


def _final(circuit: Circuit, theta: Float[Array, " P"], x: Array | None) -> Planar:
    program = compile_circuit(circuit)
    angles = program.ordered(circuit.angles(theta, x))
    return evolve(program, zero_state(circuit.n_qubits, theta.dtype), angles)


@functools.partial(jax.jit, static_argnums=0)
def _run(circuit: Circuit, theta: Float[Array, " P"], x: Array | None) -> State:
    return State(to_complex(_final(circuit, theta, x)))


def run(circuit: Circuit, theta: Float[Array, " P"], x: Array | None = None) -> State:
    """|psi> = U(theta, x) |0...0>.

    Raises:
        MemoryError: if the state cannot fit the device; the line gives both figures and the largest size that fits.
    """
    memory.check_states(circuit.n_qubits, theta.dtype, states=4.0)
    return _run(circuit, theta, x)


@functools.partial(jax.jit, static_argnums=0)
def _curve(circuit: Circuit, theta: Float[Array, " P"], x: Array | None) -> State:
    program = compile_layers(circuit)
    angles = program.ordered(circuit.angles(theta, x))
    psi = zero_state(circuit.n_qubits, theta.dtype)
    points = [Planar(psi.re[None], psi.im[None])]
    for segment in program.segments:
        constants = segment.constants(theta.dtype)

        def body(
            state: Planar, row: Any, segment: Any = segment, constants: Any = constants
        ) -> tuple[Planar, Planar]:
            after = segment.body(constants, row, state)
            return after, after

        psi, layers = jax.lax.scan(body, psi, segment.prepare(angles))
        points.append(layers)
    return State(to_complex(Planar(*(jnp.concatenate(part) for part in zip(*points, strict=True)))))


def curve(circuit: Circuit, theta: Float[Array, " P"], x: Array | None = None) -> State:
    """The states after 0, 1, ..., L layers: ``vector`` has shape (L + 1, 2^n).

    Raises:
        MemoryError: if L + 1 states cannot fit the device.
    """
    memory.check_states(circuit.n_qubits, theta.dtype, states=2.0 * len(circuit.layers) + 4.0)
    return _curve(circuit, theta, x)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _quadratic_form(hamiltonian: PauliSum, psi: Planar) -> Float[Array, ""]:
    """<psi|H|psi>; its derivative 2 Re<H psi|dpsi> applies H once, where JAX's own rule would apply it twice."""
    re, im = hamiltonian.apply_planar(psi.re, psi.im)
    return jnp.sum(psi.re * re + psi.im * im)


@_quadratic_form.defjvp
def _quadratic_form_jvp(hamiltonian: PauliSum, primals: Any, tangents: Any) -> tuple[Array, Array]:
    (psi,), (dpsi,) = primals, tangents
    re, im = hamiltonian.apply_planar(psi.re, psi.im)
    return jnp.sum(psi.re * re + psi.im * im), 2.0 * jnp.sum(dpsi.re * re + dpsi.im * im)


@functools.partial(jax.jit, static_argnums=(0, 2))
def _expectation(
    circuit: Circuit, theta: Float[Array, " P"], hamiltonian: PauliSum, x: Array | None
) -> Array:
    return _quadratic_form(hamiltonian, _final(circuit, theta, x))


def expectation(
    circuit: Circuit, theta: Float[Array, " P"], hamiltonian: PauliSum, x: Array | None = None
) -> Float[Array, ""]:
    """<psi(theta)| H |psi(theta)>, real; its gradient (``jax.grad`` over theta) keeps a few states at any depth.

    Raises:
        ValueError: if the Hamiltonian acts on another number of qubits.
        MemoryError: if the states cannot fit the device.
    """
    if hamiltonian.n_qubits != circuit.n_qubits:
        raise ValueError(
            f"the Hamiltonian acts on {hamiltonian.n_qubits} qubits and the circuit on {circuit.n_qubits}; "
            "give both the same number"
        )
    theta = jnp.asarray(theta)
    memory.check_states(circuit.n_qubits, theta.dtype, states=8.0)
    return _expectation(circuit, theta, hamiltonian, x)


@functools.partial(jax.jit, static_argnums=0)
def _push(circuit: Circuit, theta: Array, v: Array, x: Array | None) -> tuple[Planar, Planar]:
    program = compile_circuit(circuit)
    angles, rates = jax.jvp(lambda t: program.ordered(circuit.angles(t, x)), (theta,), (v,))
    start = zero_state(circuit.n_qubits, theta.dtype)
    return reversible.push(program, start, angles, jax.tree.map(jnp.zeros_like, start), rates)


def push(
    circuit: Circuit, theta: Float[Array, " P"], v: Float[Array, " P"], x: Array | None = None
) -> tuple[Planar, Planar]:
    """The state and its derivative along ``v``, J v, in one sweep."""
    return _push(circuit, theta, v, x)
