"""Circuits in pure states: what the engine knows and automatic differentiation cannot.

``F v`` for a circuit takes one forward sweep that carries the state and its tangent, ``J v``, and one backward sweep
that undoes the circuit on the final state and the cotangent, ``J' u``; the general way would evolve the state once more.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from circuits import statevector
from circuits.circuit import Circuit
from circuits.planar import Planar
from circuits.program import compile_circuit
from circuits.reversible import backward


def product(
    circuit: Circuit, theta: Float[Array, " P"], v: Float[Array, " P"], x: Array | None
) -> Float[Array, " P"]:
    """``F v`` of the quantum Fisher metric, for one input."""
    psi, tangent = statevector.push(circuit, theta, v, x)
    return pull(circuit, theta, psi, scaled(horizontal(psi, tangent), 4.0), x)


def squared_length(
    circuit: Circuit, theta: Float[Array, " P"], v: Float[Array, " P"], x: Array | None
) -> Float[Array, ""]:
    """``v' F v`` by the forward sweep alone."""
    psi, tangent = statevector.push(circuit, theta, v, x)
    re, im = horizontal(psi, tangent)
    return 4.0 * (jnp.vdot(re, re) + jnp.vdot(im, im))


def pull(circuit: Circuit, theta: Array, psi: Planar, cotangent: Planar, x: Array | None) -> Float[Array, " P"]:
    """``J' u``: the cotangent of the parameters from the final state and its cotangent."""
    program = compile_circuit(circuit)
    angles, pull_angles = jax.vjp(lambda t: program.ordered(circuit.angles(t, x)), theta)
    return pull_angles(backward(program, psi, angles, cotangent)[1])[0]


def horizontal(psi: Planar, tangent: Planar) -> Planar:
    """``(1 - |psi><psi|)|tangent>``."""
    real = jnp.vdot(psi.re, tangent.re) + jnp.vdot(psi.im, tangent.im)
    imaginary = jnp.vdot(psi.re, tangent.im) - jnp.vdot(psi.im, tangent.re)
    return Planar(
        tangent.re - (real * psi.re - imaginary * psi.im), tangent.im - (real * psi.im + imaginary * psi.re)
    )


def scaled(vector: Planar, factor: float) -> Planar:
    """A vector times a real number."""
    return Planar(factor * vector.re, factor * vector.im)
