"""The two sides that are compared unless the user gives others, and checks of what the user gives."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from circuits.ansatze import data_reuploading
from circuits.description import Description, Distribution
from circuits.measured import Measured, modulo_classes
from circuits.networks import MLP
from qgeom.tasks import Task


def default_circuit(task: Task, n_qubits: int = 4, n_layers: int = 3) -> Measured:
    """A data re-uploading circuit whose outcome number modulo the number of classes is the answer.

    Each layer encodes the input by RX with a trainable factor (Perez-Salinas et al., Quantum 4, 226 (2020)), rotates
    by RZ and RY on each qubit and entangles by a ring of CZ; a last set of RZ, RY precedes the measurement. The factors
    are ``theta / pi``, so that they start uniform on [-1, 1) as all parameters start uniform on [-pi, pi). RY comes
    last because a last RZ would change no outcome.

    All qubits are read: on iris, reading the first two qubits alone ends at twice the training loss.

    Raises:
        ValueError: if the outcomes are fewer than the classes.
    """
    if 2**n_qubits < task.n_classes:
        raise ValueError(
            f"{n_qubits} qubits have {2**n_qubits} outcomes, fewer than the {task.n_classes} classes of {task.name}; "
            f"use n_qubits={(task.n_classes - 1).bit_length()} or more"
        )
    circuit = data_reuploading(
        n_qubits,
        n_layers,
        task.n_features,
        rotations=("RZ", "RY"),
        encoding=("RX", "RY"),
        scale=1.0 / np.pi,
        trainable_scaling=True,
    )
    return Measured(circuit, classes=modulo_classes(n_qubits, task.n_classes))


def default_network(task: Task, n_parameters: int, hidden: int | None = None) -> MLP:
    """A tanh network with one hidden layer, of the width whose number of parameters is nearest to ``n_parameters``."""
    inputs, outputs = task.n_features, task.n_classes
    if hidden is None:
        per_neuron = inputs + 1 + outputs
        hidden = max(1, round((n_parameters - outputs) / per_neuron))
    return MLP((inputs, hidden, outputs))


def check_sides(descriptions: Mapping[str, Description], task: Task) -> None:
    """Refuse what cannot learn the task, in one line.

    Raises:
        TypeError: no descriptions, or one that does not yield a categorical distribution.
        ValueError: too few outcomes, an input of the wrong length, a name that is empty.
    """
    if not isinstance(descriptions, Mapping) or not descriptions:
        raise TypeError(
            'descriptions are a dict of names, e.g. {"circuit": ..., "network": ...}, with one at least'
        )
    for name, description in descriptions.items():
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"the name of a description is a text, not {name!r}")
        if not isinstance(description, Description):
            raise TypeError(f"{name!r} is a {type(description).__name__}; a circuits.Description is expected")
        _check_inputs(name, description, task)
        point = jax.eval_shape(
            lambda key, x, d=description: d(d.init(key, jnp.float32), x),
            jax.random.key(0),
            jax.ShapeDtypeStruct((task.n_features,), jnp.float32),
        )
        if not isinstance(point, Distribution):
            raise TypeError(
                f"{name!r} yields a {type(point).__name__}; a comparison needs class probabilities: wrap a circuit as "
                "circuits.Measured(circuit, classes=...), give a network output='categorical'"
            )
        outcomes = point.probabilities.shape[-1]
        if outcomes < task.n_classes:
            raise ValueError(f"{name!r} has {outcomes} outcomes; {task.name} has {task.n_classes} classes")


def _check_inputs(name: str, description: Description, task: Task) -> None:
    """Descriptions say how long their input is in one of two ways; a circuit would gather out of range silently."""
    expected = getattr(description, "n_inputs", None)
    if expected is None:
        shape = getattr(description, "input_shape", None)
        expected = None if shape is None else (shape[0] if len(shape) == 1 else shape)
    if expected is not None and expected != task.n_features:
        raise ValueError(f"{name!r} takes {expected} inputs; {task.name} has {task.n_features} features")
