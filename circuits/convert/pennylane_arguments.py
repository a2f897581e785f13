"""The arguments of a quantum function as one vector of parameters, one input, and constants."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import pennylane
from jaxtyping import Array
from pennylane.operation import StatePrepBase
from pennylane.tape import QuantumScript

qp: Any = pennylane  # its names carry no types


class _Leaf(NamedTuple):
    """An array among the arguments: constant (``start`` None), or entries ``start`` onwards of theta or x."""

    value: Any
    shape: tuple[int, ...]
    start: int | None
    is_input: bool = False


class Arguments(NamedTuple):
    """How theta and x become the arguments.

    Attributes:
        parameters: a name per entry of theta.
        inputs: a name per entry of x.
        leaves: the arrays among the arguments.
        structure: how they make up the arguments.
    """

    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    leaves: tuple[_Leaf, ...]
    structure: Any

    def values(self, theta: Array, x: Array | None) -> Any:
        """The arguments at theta and x."""

        def value(leaf: _Leaf) -> Any:
            if leaf.start is None:
                return leaf.value
            vector = x if leaf.is_input else theta
            assert vector is not None
            size = int(np.prod(leaf.shape))
            return vector[leaf.start : leaf.start + size].reshape(leaf.shape)

        return jax.tree.unflatten(self.structure, [value(leaf) for leaf in self.leaves])


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """A name for each positional argument: those of the signature, else ``arg0``, ``arg1``, ..."""
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        found = ()
    names: list[str] = []
    for parameter in found:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names.extend(f"{parameter.name}[{k}]" for k in range(count - len(names)))
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    return [names[k] if k < len(names) else f"arg{k}" for k in range(count)]


def bound_arguments(
    args: Sequence[Any],
    names: Sequence[str],
    argnums: int | Sequence[int] | None,
    input_argnum: int | None,
) -> Arguments:
    """Which entries of the arguments are parameters, which are the input, and which are constants.

    Raises:
        ValueError: a position that there is not, an argument that is trainable and input at once, an input that is no
            one-dimensional array.
        TypeError: a trainable argument that is not real numbers.
    """
    count = len(args)
    wanted = None if argnums is None else {argnums} if isinstance(argnums, int) else set(argnums)
    for position in (*(wanted or ()), *(() if input_argnum is None else (input_argnum,))):
        if not 0 <= position < count:
            raise ValueError(
                f"argument {position} is not among the {count} arguments given (0 to {count - 1})"
            )
    if wanted is not None and input_argnum in wanted:
        raise ValueError(f"argument {input_argnum} is named both as trainable and as the input")
    paths, structure = jax.tree.flatten_with_path(tuple(args))
    parameters: list[str] = []
    inputs: list[str] = []
    leaves: list[_Leaf] = []
    for path, leaf in paths:
        first: Any = path[0]
        position = int(first.idx)
        label = str(names[position]) + jax.tree_util.keystr(path[1:])
        shape = np.shape(leaf)
        if position == input_argnum:
            if len(shape) != 1 or leaf is not args[position]:
                raise ValueError(
                    f"the input {names[position]!r} must be a one-dimensional array, one sample, not of shape {shape}"
                )
            leaves.append(_Leaf(None, shape, 0, is_input=True))
            inputs.extend(_entry_names(label, shape))
        elif _is_trainable(leaf) if wanted is None else position in wanted:
            kind = getattr(leaf, "dtype", np.asarray(leaf).dtype)
            if not np.issubdtype(kind, np.floating) and not np.issubdtype(kind, np.integer):
                raise TypeError(f"the trainable argument {label!r} must be real numbers, not {kind}")
            leaves.append(_Leaf(None, shape, len(parameters)))
            parameters.extend(_entry_names(label, shape))
        else:
            leaves.append(_Leaf(leaf, shape, None))
    return Arguments(tuple(parameters), tuple(inputs), tuple(leaves), structure)


def trainable_vector(args: Sequence[Any]) -> Any:
    """The values of the arguments that are trainable by default, raveled one after the other: (P,).

    A JAX array where one of them is, of its dtype, else a NumPy array of float64.
    """
    leaves = [leaf for leaf in jax.tree.leaves(tuple(args)) if _is_trainable(leaf)]
    ours = [leaf for leaf in leaves if isinstance(leaf, jax.Array)]
    if not ours:
        return np.concatenate([np.ravel(np.asarray(leaf, np.float64)) for leaf in leaves] or [np.zeros(0)])
    dtype = jax.numpy.result_type(*{leaf.dtype for leaf in ours})
    return jax.numpy.concatenate([jax.numpy.ravel(jax.numpy.asarray(leaf, dtype)) for leaf in leaves])


def _is_trainable(leaf: Any) -> bool:
    if isinstance(leaf, bool | str) or not getattr(leaf, "requires_grad", True):
        return False
    dtype = getattr(leaf, "dtype", None)
    return isinstance(leaf, float) if dtype is None else bool(jax.numpy.issubdtype(dtype, np.floating))


def _entry_names(label: str, shape: tuple[int, ...]) -> list[str]:
    if shape == ():
        return [label]
    return [f"{label}[{','.join(map(str, index))}]" for index in itertools.product(*map(range, shape))]


_MATRICES = (
    qp.QubitUnitary,
    qp.DiagonalQubitUnitary,
    qp.ControlledQubitUnitary,
    qp.BlockEncode,
    qp.QubitDensityMatrix,
    StatePrepBase,
)


def tape_arguments(tape: QuantumScript) -> tuple[Callable[[Any], QuantumScript], Arguments]:
    """The trainable parameters of a tape's gates as parameters; matrices, states and observables are constants."""
    values: list[Any] = tape.get_parameters(trainable_only=False)
    trainable = set(tape.trainable_params)
    parameters: list[str] = []
    leaves: list[_Leaf] = []
    position = 0
    operations: list[Any] = list(tape.operations)
    for op in operations:
        for value in op.data:
            shape = np.shape(value)
            if position in trainable and not isinstance(op, _MATRICES) and not np.iscomplexobj(value):
                leaves.append(_Leaf(None, shape, len(parameters)))
                parameters.extend(_entry_names(f"theta[{position}]", shape))
            else:
                leaves.append(_Leaf(value, shape, None))
            position += 1
    leaves.extend(_Leaf(value, np.shape(value), None) for value in values[position:])
    structure = jax.tree.structure([0.0] * len(leaves))

    def make(bound: Any) -> QuantumScript:
        return tape.bind_new_parameters(list(bound), list(range(len(bound))))

    return make, Arguments(tuple(parameters), (), tuple(leaves), structure)
