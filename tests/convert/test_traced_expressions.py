"""Expressions read off traced programs have the values of the programs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits.convert.expressions import Expression
from circuits.convert.traced_expressions import Opaque, traced_expressions

A = np.array([[0.7, -0.3, 1.1], [0.2, 0.9, -0.5]])
B = np.array([0.4, 1.3])
NAMES = [[f"a{i}" for i in range(6)], ["b0", "b1"]]
VALUES = dict(zip([n for names in NAMES for n in names], [*A.ravel(), *B], strict=True))


def read(function):
    return traced_expressions(jax.make_jaxpr(function)(A, B), NAMES)


EXACT = {
    "moves": lambda a, b: [a.T[1:], a.reshape(3, 2)[::-1], jnp.stack([b, a[:, 0]]), jnp.concatenate([b, a[0]])],
    "indices": lambda a, b: [a[jnp.array([1, 0, 1]), jnp.array([2, 2, 0])], b[-1], a[..., None, 1]],
    "broadcasts": lambda a, b: [a + b[:, None], jnp.broadcast_to(b, (3, 2)), jnp.tile(b, 2), jnp.repeat(b, 2)],
    "splits": lambda a, b: [*jnp.split(a, 3, axis=1), *jnp.hsplit(b, 2)],
    "choices": lambda a, b: [jnp.where(np.array([True, False]), b, -b), jnp.flip(a, 1), jnp.roll(b, 1)],
    "arithmetic": lambda a, b: [a * 2 - b[0] / 4 + np.pi, -a / b[1], a[0] * a[1] * 3, 1 / b, a**2, b**-1, b**1.5],
    "functions": lambda a, b: [
        jnp.sin(a), jnp.cos(a) * jnp.tan(b[0]), jnp.exp(a) + jnp.log(b[1]), jnp.sqrt(b), jax.lax.rsqrt(b),
        jnp.arcsin(b[0]), jnp.arccos(b[0]), jnp.arctan(b), jnp.abs(a), jnp.square(a), jnp.power(b, 3),
    ],
    "sums": lambda a, b: [a.sum(), a.sum(0), jnp.mean(a, axis=1), a.T @ b, b @ b, jnp.einsum("ij,ik->jk", a, a)],
    "products with constants": lambda a, b: [np.arange(6.0).reshape(2, 3).T @ b, jnp.tensordot(a, a, 2)],
    "calls": lambda a, b: [jax.jit(lambda x: jnp.sin(x) + 1)(b), jax.nn.relu(np.array([1.0, -2.0])) * b],
    "constants": lambda a, b: [jnp.linspace(0.0, 1.0, 3), jnp.zeros(2), 0.0 * b],
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_expressions_have_the_values_of_the_program(name):
    found = read(EXACT[name])
    expected = np.concatenate([np.ravel(v) for v in EXACT[name](jnp.asarray(A), jnp.asarray(B))])
    assert all(isinstance(entry, Expression) for entry in found)
    np.testing.assert_allclose([entry.evaluate(VALUES) for entry in found], expected, rtol=1e-13, atol=1e-13)


OPAQUE = {
    "elementwise": (lambda a, b: jnp.tanh(a[0] + b[0]), [{"a0", "b0"}, {"a1", "b0"}, {"a2", "b0"}]),
    "comparison": (lambda a, b: jnp.where(b > 0, b, 2 * b), [{"b0"}, {"b1"}]),
    "maximum": (lambda a, b: jnp.maximum(b, a[:, 0]), [{"b0", "a0"}, {"b1", "a3"}]),
    "unknown": (lambda a, b: jnp.cumsum(b), [{"b0", "b1"}, {"b0", "b1"}]),
    "a sum with one": (lambda a, b: jnp.tanh(b[0]) + b[1], [{"b0", "b1"}]),
    "a loop": (lambda a, b: jax.lax.fori_loop(0, 3, lambda k, x: x * b[0], b[1]), [{"b0", "b1"}]),
}


@pytest.mark.parametrize("name", OPAQUE)
def test_what_has_no_expression_is_opaque_and_knows_its_names(name):
    function, names = OPAQUE[name]
    found = read(function)
    assert all(isinstance(entry, Opaque) for entry in found)
    assert [set(entry.names) for entry in found] == names


def test_linear_programs_are_affine_expressions():
    (entry,) = read(lambda a, b: 2 * (a[0, 1] - 3 * b[0]) + 0.5)
    assert entry.affine() == ({"a1": 2.0, "b0": -6.0}, 0.5)


def test_an_expression_that_outgrows_its_bounds_is_opaque():
    def function(a, b):
        x = b[0]
        for _ in range(200):
            x = jnp.sin(x)
        return x

    (entry,) = read(function)
    assert isinstance(entry, Opaque)
    assert entry.names == ("b0",)
