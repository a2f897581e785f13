"""Expressions read off a traced JAX program: which angle is which function of the parameters.

A program that computes angles from parameters, traced once, is walked with symbols in place of numbers: arrays of
`Expression`, one per entry. Arithmetic and elementary functions are carried out on the expressions; whatever merely
moves entries about (slices, reshapes, stacks, gathers) is applied to an array of their positions. What has no
expression here (``tanh``, comparisons, loops) becomes `Opaque`: its value is unknown, the names it depends on are not.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np

from circuits.convert import expressions
from circuits.convert.expressions import Expression, Name


class Opaque:
    """A value of which only the names of the parameters that it depends on are known."""

    __slots__ = ("names",)

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(dict.fromkeys(names))

    number = None


Entry = Expression | Opaque


def traced_expressions(closed: Any, arguments: Sequence[Sequence[str]]) -> list[Entry]:
    """The entries of all results of a closed jaxpr, flattened, as expressions of its arguments' entries.

    Args:
        closed: what ``jax.make_jaxpr(function)(*arrays)`` returns.
        arguments: for each array argument, a name per entry, in C order.
    """
    symbols = [
        _filled([Name(name) for name in names], var.aval.shape)
        for names, var in zip(arguments, closed.jaxpr.invars, strict=True)
    ]
    results = _run(closed.jaxpr, closed.consts, symbols)
    return [entry for result in results for entry in _entries(result)]


def _filled(entries: Sequence[Entry], shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array.reshape(shape)


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == object


def _entries(value: Any) -> list[Entry]:
    if _is_symbolic(value):
        return list(value.reshape(-1))
    return [_constant(number) for number in np.asarray(value).reshape(-1).tolist()]


def _constant(number: Any) -> Entry:
    try:
        return expressions.expression(number)
    except (TypeError, ValueError):  # booleans, NaN, infinity: no numbers of an expression
        return Opaque(())


def _symbolic(value: Any) -> np.ndarray:
    return value if _is_symbolic(value) else _filled(_entries(value), np.shape(value))


def _run(jaxpr: Any, consts: Sequence[Any], arguments: Sequence[Any]) -> list[Any]:
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    values |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if hasattr(atom, "val") else values[atom]

    for equation in jaxpr.eqns:
        inputs = [read(atom) for atom in equation.invars]
        for var, result in zip(equation.outvars, _evaluated(equation, inputs), strict=True):
            values[var] = result
    return [read(atom) for atom in jaxpr.outvars]


def _evaluated(equation: Any, inputs: list[Any]) -> list[Any]:
    name, params = equation.primitive.name, equation.params
    inner = next((params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in params), None)
    if name in _CALLS and inner is not None:
        closed = hasattr(inner, "consts")
        return _run(inner.jaxpr if closed else inner, inner.consts if closed else (), inputs)
    if not any(map(_is_symbolic, inputs)):
        with jax.ensure_compile_time_eval():
            results = equation.primitive.bind(*map(jax.numpy.asarray, inputs), **params)
        return list(results) if equation.primitive.multiple_results else [results]
    if name in _ELEMENTWISE:
        shape = np.broadcast_shapes(*map(np.shape, inputs))
        columns = [np.broadcast_to(_symbolic(value), shape).reshape(-1) for value in inputs]
        function = functools.partial(_ELEMENTWISE[name], params)
        return [_filled([_applied(function, row) for row in zip(*columns, strict=True)], shape)]
    if name in _MOVES and not (name == "select_n" and _is_symbolic(inputs[0])):
        return _moved(equation, inputs)
    if name == "reduce_sum":
        return [_summed(_symbolic(inputs[0]), tuple(params["axes"]))]
    if name == "dot_general":
        return [_contracted(inputs[0], inputs[1], params["dimension_numbers"])]
    if name in _OPAQUE_ELEMENTWISE:
        shape = equation.outvars[0].aval.shape
        columns = [np.broadcast_to(_symbolic(value), shape).reshape(-1) for value in inputs]
        rows = zip(*columns, strict=True)
        return [_filled([Opaque(itertools.chain.from_iterable(e.names for e in row)) for row in rows], shape)]
    opaque = Opaque(itertools.chain.from_iterable(_names(value) for value in inputs))
    return [_filled([opaque] * math.prod(var.aval.shape), var.aval.shape) for var in equation.outvars]


def _names(value: Any) -> Iterable[str]:
    return (
        itertools.chain.from_iterable(entry.names for entry in value.reshape(-1))
        if _is_symbolic(value)
        else ()
    )


def _applied(function: Callable[..., Expression], entries: Sequence[Entry]) -> Entry:
    known = [entry for entry in entries if isinstance(entry, Expression)]
    if len(known) == len(entries):
        try:
            return function(*known)
        except (ValueError, OverflowError, ZeroDivisionError):  # too large, or no finite number: JAX decides
            pass
    return Opaque(itertools.chain.from_iterable(entry.names for entry in entries))


_CALLS = frozenset(
    ("jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "custom_jvp_call", "custom_vjp_call")
)
_JOINS = ("concatenate", "stack")
_MOVES = frozenset(
    (
        "reshape", "slice", "squeeze", "expand_dims", "broadcast_in_dim", "transpose", "rev", "tile", "gather",
        "dynamic_slice", "split", "unstack", *_JOINS, "select_n",
    )
)  # fmt: skip


def _same(params: dict[str, Any], a: Expression) -> Expression:
    return a


def _converted(params: dict[str, Any], a: Expression) -> Expression:
    if not np.issubdtype(params["new_dtype"], np.floating):
        raise ValueError("no expression is an integer or a boolean")
    return a


def _binary(function: Callable[[Any, Any], Any]) -> Callable[..., Expression]:
    return lambda params, a, b: function(a, b)


def _unary(function: Callable[[Any], Expression]) -> Callable[..., Expression]:
    return lambda params, a: function(a)


_ELEMENTWISE: dict[str, Callable[..., Expression]] = {
    "add": _binary(operator.add),
    "add_any": _binary(operator.add),
    "sub": _binary(operator.sub),
    "mul": _binary(operator.mul),
    "div": _binary(operator.truediv),
    "pow": _binary(operator.pow),
    "neg": _unary(operator.neg),
    "square": _unary(lambda a: a**2),
    "integer_pow": lambda params, a: a ** params["y"],
    "sqrt": _unary(lambda a: expressions.called("sqrt", a)),
    "rsqrt": _unary(lambda a: 1.0 / expressions.called("sqrt", a)),
    "sin": _unary(lambda a: expressions.called("sin", a)),
    "cos": _unary(lambda a: expressions.called("cos", a)),
    "tan": _unary(lambda a: expressions.called("tan", a)),
    "asin": _unary(lambda a: expressions.called("arcsin", a)),
    "acos": _unary(lambda a: expressions.called("arccos", a)),
    "atan": _unary(lambda a: expressions.called("arctan", a)),
    "exp": _unary(lambda a: expressions.called("exp", a)),
    "log": _unary(lambda a: expressions.called("ln", a)),
    "abs": _unary(lambda a: expressions.called("abs", a)),
    "copy": _same,
    "convert_element_type": _converted,
}


# Entry by entry, but no expression says what they do.
_OPAQUE_ELEMENTWISE = frozenset(
    (
        "tanh", "logistic", "sinh", "cosh", "asinh", "acosh", "atanh", "atan2", "erf", "erfc", "erf_inv", "exp2",
        "expm1", "log1p", "cbrt", "sign", "floor", "ceil", "round", "rem", "max", "min", "clamp", "select_n",
        "stop_gradient", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "is_finite",
    )
)  # fmt: skip


def _moved(equation: Any, inputs: list[Any]) -> list[np.ndarray]:
    """A primitive that moves entries, applied to their positions in a common pool."""
    # The first operand holds entries, in a join all do, in select_n all but the first (the predicate); the others
    # are positions, which must be known.
    name = equation.primitive.name
    first = 1 if name == "select_n" else 0
    last = len(inputs) if name in (*_JOINS, "select_n") else 1
    shapes = [var.aval.shape for var in equation.outvars]
    steering = [value for k, value in enumerate(inputs) if not first <= k < last]
    if any(map(_is_symbolic, steering)):
        opaque = Opaque(itertools.chain.from_iterable(_names(value) for value in inputs))
        return [_filled([opaque] * math.prod(shape), shape) for shape in shapes]
    pool: list[Entry] = []
    operands: list[Any] = []
    for k, value in enumerate(inputs):
        if first <= k < last:
            entries = _entries(value)
            positions = np.arange(len(pool), len(pool) + len(entries), dtype=np.int32)
            operands.append(jax.numpy.asarray(positions.reshape(np.shape(value))))
            pool.extend(entries)
        else:
            operands.append(jax.numpy.asarray(value))
    with jax.ensure_compile_time_eval():
        moved = equation.primitive.bind(*operands, **equation.params)
    if not equation.primitive.multiple_results:
        moved = [moved]
    # What a gather fills in for positions out of bounds is negative or too large.
    outside = Opaque(())
    return [
        _filled(
            [pool[i] if 0 <= i < len(pool) else outside for i in np.asarray(m).reshape(-1).tolist()], shape
        )
        for m, shape in zip(moved, shapes, strict=True)
    ]


def _summed(array: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    kept = [axis for axis in range(array.ndim) if axis not in axes]
    shape = tuple([array.shape[axis] for axis in kept])
    rows = array.transpose(*kept, *axes).reshape(math.prod(shape), -1)
    return _filled([_total(list(row)) for row in rows], shape)


def _total(entries: Sequence[Entry]) -> Entry:
    return functools.reduce(lambda a, b: _applied(operator.add, (a, b)), entries, expressions.expression(0.0))


def _contracted(a: Any, b: Any, dimension_numbers: Any) -> np.ndarray:
    (left, right), (left_batch, right_batch) = dimension_numbers

    def ordered(array: np.ndarray, batch: Sequence[int], contracted: Sequence[int], last: bool) -> Any:
        free = [k for k in range(array.ndim) if k not in (*batch, *contracted)]
        order = (*batch, *free, *contracted) if last else (*batch, *contracted, *free)
        moved = array.transpose(order)
        sizes = [tuple([array.shape[k] for k in group]) for group in (batch, free, contracted)]
        counts = [math.prod(size) for size in sizes]
        rows = (counts[0], counts[1], counts[2]) if last else (counts[0], counts[2], counts[1])
        return moved.reshape(rows), sizes

    first, (batch, free, _) = ordered(_symbolic(a), left_batch, left, last=True)
    second, (_, other, _) = ordered(_symbolic(b), right_batch, right, last=False)
    entries = [
        _total([_applied(operator.mul, pair) for pair in zip(row, column, strict=True)])
        for rows, columns in zip(first, second, strict=True)
        for row in rows
        for column in columns.T
    ]
    return _filled(entries, (*batch, *free, *other))
