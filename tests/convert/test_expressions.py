"""Symbolic expressions: their values against Python's own evaluation of the same text, in floats and in JAX."""

from __future__ import annotations

import math
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits.convert.expressions import (
    MAX_DEPTH,
    MAX_SIZE,
    Expression,
    Name,
    called,
    expression,
)
from circuits.convert.real_numbers import FUNCTIONS, number_text

A, B = Name("a"), Name("b")
# How Python reads the text of an expression: an independent evaluation.
PYTHON = {
    "sin": math.sin, "cos": math.cos, "tan": math.tan, "arcsin": math.asin, "arccos": math.acos, "arctan": math.atan,
    "exp": math.exp, "ln": math.log, "sqrt": math.sqrt, "abs": abs, "pi": math.pi,
}  # fmt: skip

numbers = st.floats(-3.0, 3.0).filter(lambda x: x == 0.0 or abs(x) > 1e-3)
leaves = st.one_of(st.just(A), st.just(B), numbers.map(expression))


def grown(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    pair = st.tuples(children, children)
    return st.one_of(
        pair.map(lambda p: p[0] + p[1]),
        pair.map(lambda p: p[0] - p[1]),
        pair.map(lambda p: p[0] * p[1]),
        pair.map(lambda p: p[0] / (2.5 + called("sin", p[1]))),
        children.map(lambda e: -e),
        children.map(lambda e: called("cos", e) ** 3),
        children.map(lambda e: called("arctan", e)),
        children.map(lambda e: called("sqrt", 1.0 + called("sin", e) ** 2)),
        children.map(lambda e: called("exp", called("sin", e))),
    )


expressions = st.recursive(leaves, grown, max_leaves=8)


def python_value(text: str, a: float, b: float) -> float:
    return eval(text, {"__builtins__": {}}, {**PYTHON, "a": a, "b": b})


@settings(max_examples=300, deadline=None)
@given(expressions, numbers, numbers)
def test_the_text_of_an_expression_has_its_value(e: Expression, a: float, b: float):
    expected = python_value(e.text(), a, b)
    assert e.evaluate({"a": a, "b": b}) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(expressions, numbers, numbers)
def test_jax_and_python_agree(e: Expression, a: float, b: float):
    with jax.disable_jit():
        traced = e.traced({"a": jnp.asarray(a), "b": jnp.asarray(b)})
    assert float(traced) == pytest.approx(e.evaluate({"a": a, "b": b}), rel=1e-9, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(expressions, numbers, numbers, numbers)
def test_substituting_a_number_gives_the_value_at_it(e: Expression, a: float, b: float, c: float):
    replaced = e.substituted({"a": expression(a), "b": B + c})
    assert set(replaced.names) <= {"b"}
    assert replaced.evaluate({"b": b}) == pytest.approx(e.evaluate({"a": a, "b": b + c}), rel=1e-8, abs=1e-8)


@settings(max_examples=100, deadline=None)
@given(expressions, numbers, numbers)
def test_the_affine_form_is_the_expression_where_there_is_one(e: Expression, a: float, b: float):
    form = e.affine()
    if form is None:
        assert any(not isinstance(atom, Name) for atom, _ in e.linear_combination[0])
        return
    coefficients, offset = form
    value = offset + coefficients.get("a", 0.0) * a + coefficients.get("b", 0.0) * b
    assert e.evaluate({"a": a, "b": b}) == pytest.approx(value, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(expressions)
def test_equal_expressions_have_equal_hashes_and_survive_pickling(e: Expression):
    again = pickle.loads(pickle.dumps(e))
    assert again == e
    assert hash(again) == hash(e)
    assert e + 1.0 != e


def test_like_terms_join_and_numbers_fold():
    assert (A + A).affine() == ({"a": 2.0}, 0.0)
    assert (A - A).number == 0.0
    assert (2 * (A + 3) / 4 - B).affine() == ({"a": 0.5, "b": -1.0}, 1.5)
    assert called("cos", expression(0.0)).number == 1.0
    assert (expression(2.0) ** 3).number == 8.0
    assert A**1 == A
    assert (A * B).affine() is None
    assert str(2 * A * (3 * B)) == "6*a*b"


@pytest.mark.parametrize(
    ("e", "text"),
    [
        (-A, "-a"),
        (A - B, "a - b"),
        ((A + B) * A, "(a + b)*a"),
        ((A / B) / A, "(a/b)/a"),
        (A / (B * A), "a/(b*a)"),
        ((-A) ** 2, "(-a)**2"),
        (A ** (-B), "a**(-b)"),
        ((A**B) ** A, "(a**b)**a"),
        (A * math.pi / 2, "pi/2*a"),
        (A - 3 * math.pi / 4, "a - 3*pi/4"),
    ],
)
def test_brackets_stand_where_they_must(e: Expression, text: str):
    assert e.text() == text


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back_exactly(value: float):
    assert python_value(number_text(value), 0.0, 0.0) == value


def test_derivatives_are_those_of_the_function():
    e = called("sin", A * B) * A**2 + called("ln", 2.0 + called("cos", B))
    at = {"a": jnp.asarray(0.7), "b": jnp.asarray(-0.4)}
    gradient = jax.grad(lambda v: e.traced(v))(at)
    a, b = 0.7, -0.4
    assert float(gradient["a"]) == pytest.approx(
        b * math.cos(a * b) * a**2 + 2 * a * math.sin(a * b), abs=1e-14
    )
    expected = a**3 * math.cos(a * b) - math.sin(b) / (2 + math.cos(b))
    assert float(gradient["b"]) == pytest.approx(expected, abs=1e-14)


def test_an_integer_power_has_a_derivative_at_zero_and_below():
    gradient = jax.grad(lambda v: (A**3).traced({"a": v}))
    assert float(gradient(0.0)) == 0.0
    assert float(gradient(-2.0)) == pytest.approx(12.0)


def test_single_precision_stays_single():
    e = 2 * called("sin", A) + 0.5
    assert e.traced({"a": jnp.asarray(0.3, jnp.float32)}).dtype == jnp.float32


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_its_namesake(name: str):
    x = 0.37
    assert called(name, A).evaluate({"a": x}) == PYTHON[name](x)
    assert float(called(name, A).traced({"a": jnp.asarray(x)})) == pytest.approx(PYTHON[name](x), abs=1e-15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: expression(1.0) / 0, "divided by zero"),
        (lambda: called("sqrt", -1.0), "no real value"),
        (lambda: expression(-2.0) ** 0.5, "no real value"),
        (lambda: called("exp", 1000.0), "too large"),
        (lambda: expression(10.0) ** 1000, "too large"),
        (lambda: expression(float("nan")), "finite"),
        (lambda: called("gamma", A), "unknown function"),
        (lambda: (1 / A).evaluate({"a": 0.0}), "divides by zero"),
        (lambda: called("arcsin", A).evaluate({"a": 2.0}), "no real value"),
        (lambda: 1e308 * A * 10.0, "too large"),
    ],
)
def test_what_has_no_value_is_said_in_one_line(make, message: str):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_doubling_is_stopped_by_the_bound_on_size():
    e = A + 1
    with pytest.raises(ValueError, match=f"at most {MAX_SIZE} nodes"):
        for _ in range(100):
            e = e * e


def test_nesting_is_stopped_by_the_bound_on_depth():
    e: Expression = A
    with pytest.raises(ValueError, match=f"{MAX_DEPTH} levels"):
        for _ in range(MAX_DEPTH + 1):
            e = called("sin", e)


def test_expressions_do_not_change():
    with pytest.raises(AttributeError, match="immutable"):
        A.size = 3
    with pytest.raises(TypeError, match="numbers and expressions"):
        A + "b"  # type: ignore[operator]


def test_names_come_from_left_to_right_each_once():
    assert (B * A + called("sin", B) - 2 * Name("c")).names == ("b", "a", "c")


def test_numpy_numbers_count_as_numbers():
    assert (np.float64(2.0) * A).affine() == ({"a": 2.0}, 0.0)
