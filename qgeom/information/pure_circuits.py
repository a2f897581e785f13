"""Circuits in pure states: what the engine knows and automatic differentiation cannot.

``F v`` for a circuit takes one forward sweep that carries the state and its tangent, ``J v``, and one backward sweep
that undoes the circuit on the final state and the cotangent, ``J' u``; the general way would evolve the state once
more.
The dense metric needs inner products of tangents only, which :func:`circuits.tangents.rows` brings to the middle of
the circuit.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits import statevector, tangents
from circuits.circuit import Circuit
from circuits.planar import Planar
from circuits.program import compile_circuit
from circuits.reversible import backward
from qgeom.information.gram import products


def product(
    circuit: Circuit, theta: Float[Array, " P"], v: Float[Array, " P"], x: Array | None
) -> Float[Array, " P"]:
    """``F v`` of the quantum Fisher metric, for one input."""
    psi, tangent = statevector.push(circuit, theta, v, x)
    return pull(circuit, theta, psi, scaled(horizontal(psi, tangent), 4.0), x)


def pull(
    circuit: Circuit, theta: Array, psi: Planar, cotangent: Planar, x: Array | None
) -> Float[Array, " P"]:
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


def horizontal_tangents(circuit: Circuit, theta: Float[Array, " P"], x: Array | None) -> Planar:
    """``(1 - |psi><psi|)|d_i psi>`` for every parameter, (P, 2^n), in one common unitary frame.

    The projection comes before the inner products: after them, global phases would leave rounding errors of the size
    of epsilon where the metric is zero, instead of epsilon squared.
    """
    psi, born = tangents.rows(circuit, theta, x)
    # Barriers, else XLA computes rows again for each of their uses.
    psi, born = jax.lax.optimization_barrier((psi, born))
    state = jnp.stack([psi.re, psi.im])
    by_re, by_im = products(born.re, state), products(born.im, state)
    real, imaginary = by_re[:, :1] + by_im[:, 1:], by_im[:, :1] - by_re[:, 1:]
    projected = Planar(
        born.re - (real * psi.re - imaginary * psi.im), born.im - (real * psi.im + imaginary * psi.re)
    )
    return jax.lax.optimization_barrier(
        by_parameter(projected, tangents.row_parameters(circuit), theta.shape[0])
    )


def by_parameter(rows: Planar, index: np.ndarray, n_parameters: int) -> Planar:
    """Rows in the order of the parameters; rows of one parameter (``index`` equal) add up, those of none (-1) go."""
    if np.array_equal(index, np.arange(n_parameters)):
        return rows
    if np.array_equal(np.sort(index), np.arange(n_parameters)):
        order = np.argsort(index)
        return Planar(rows.re[order], rows.im[order])
    used = np.flatnonzero(index >= 0)

    def add(part: Array) -> Array:
        zero = jnp.zeros((n_parameters, part.shape[1]), part.dtype)
        return zero.at[index[used]].add(part if len(used) == len(index) else part[used])

    return Planar(add(rows.re), add(rows.im))


def scaled(vector: Planar, factor: float) -> Planar:
    """A vector times a real number."""
    return Planar(factor * vector.re, factor * vector.im)
