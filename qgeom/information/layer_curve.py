r"""The layer curve: from the identity to the target, node after node (Dong and Zhou, section III.B and Fig. 1).

A description of L layers is switched on layer by layer: at ``s`` in [0, L] whole layers act in full, the next one with
the fraction of ``s``, later ones not at all (:mod:`circuits.gradual`, ``Network.partial``). With ``y(s)`` the point at
``s``, and ``g`` the metric of its manifold,

.. math:: \mathrm{length} = \int_0^L \sqrt{E_x\,[g(\dot y, \dot y)]}\,ds, \qquad
          \mathrm{distance} = \sqrt{E_x\,[d(y(0), y(L))^2]} .

Both are of the product manifold of the points of all data, so ``length >= distance``, with equality on a geodesic.

**What acts at the same time.** Gates of one layer act together if they commute: ``exp(-i t sum_a theta_a G_a)`` is then
one rotation with a constant generator, the speed is constant, and the length of the layer is
``2 sqrt(Var(sum_a theta_a G_a))`` in the state before it. Gates that do not commute (RY and RZ on one qubit) cannot; what
then counts as one layer is a choice, made by :func:`resolve`:

* ``"commuting"``: a layer falls into as few groups of pairwise commuting gates as the order of the gates allows;
* ``"disjoint"``: into moments, in which no qubit is used twice;
* ``"given"``: the layer as it is, as the product of its partial gates. Each is on to the same fraction, but the
  generator changes on the way.
"""

from __future__ import annotations

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from circuits import gradual
from circuits.circuit import Circuit
from circuits.description import Description, Params, Point
from circuits.gates import Op, matrix
from circuits.measured import Measured
from circuits.networks.base import Network
from qgeom.information.fubini_study import safe_sqrt
from qgeom.information.planning import manifold_of

Rule = Literal["commuting", "disjoint", "given"]
RULES: tuple[Rule, ...] = ("commuting", "disjoint", "given")


def n_layers(description: Description) -> int:
    """Number of layers, or of blocks, that are switched on one after the other.

    Raises:
        TypeError: for a description that cannot be switched on gradually.
    """
    match description:
        case Circuit():
            return len(description.layers)
        case Measured():
            return len(description.circuit.layers)
        case Network():
            return description.n_blocks
    raise TypeError(
        f"a {type(description).__name__} has no layer curve: expected a Circuit, a Measured circuit or a Network"
    )


def point_at(description: Description, params: Params, x: Array | None, s: Array | float) -> Point:
    """The point with ``s`` layers on, ``0 <= s <= n_layers``; raises as :func:`n_layers`."""
    if isinstance(description, Network):
        return description.partial(params, x, s)
    n_layers(description)
    assert isinstance(description, Circuit | Measured)
    return gradual.partial(description, params, x, s)


@eqx.filter_jit
def layer_speeds(
    description: Description, params: Params, data: PyTree | None = None, nodes: int = 8
) -> tuple[Float[Array, " nodes"], Float[Array, "layers nodes"]]:
    """Speeds ``sqrt(E_x g(y', y'))`` at Gauss-Legendre nodes inside every layer.

    Args:
        description: a circuit, a measured circuit or a network.
        params: its parameters.
        data: inputs with a leading axis, or None.
        nodes: per layer. One is exact for the state of a circuit whose layers have constant generators.

    Returns:
        weights of the nodes, which sum to 1, and speeds per layer: ``speeds @ weights`` are the lengths of the layers.
    """
    times, weights = np.polynomial.legendre.leggauss(nodes)
    dtype = jnp.result_type(*jax.tree.leaves(params)) if jax.tree.leaves(params) else jnp.result_type(float)
    count = n_layers(description)
    s = np.arange(count)[:, None] + 0.5 * (times + 1.0)[None, :]

    def speed(s: Array) -> Array:
        def squared(x: PyTree | None) -> Array:
            point, velocity = jax.jvp(lambda t: point_at(description, params, x, t), (s,), (jnp.ones_like(s),))
            return jnp.sum(jnp.square(manifold_of(point).isometry(point, velocity)))

        return safe_sqrt(squared(None) if data is None else jnp.mean(jax.vmap(squared)(data)))

    # One node after the other: a batch of all of them would hold the states of the whole curve.
    speeds = jax.lax.map(speed, jnp.asarray(s.reshape(-1), dtype)).reshape(count, nodes)
    return jnp.asarray(0.5 * weights, dtype), speeds


def layer_lengths(
    description: Description, params: Params, data: PyTree | None = None, nodes: int = 8
) -> Float[Array, " layers"]:
    """The information length of every layer; their sum is the length of the layer curve."""
    weights, speeds = layer_speeds(description, params, data, nodes)
    return jnp.matmul(speeds, weights)


@eqx.filter_jit
def end_distance(description: Description, params: Params, data: PyTree | None = None) -> Float[Array, ""]:
    """``sqrt(E_x d(y(0), y(L))^2)``: the geodesic distance of the two ends of the layer curve."""
    count = n_layers(description)
    leaves = jax.tree.leaves(params)
    dtype = jnp.result_type(*leaves) if leaves else jnp.result_type(float)

    def squared(x: PyTree | None) -> Array:
        first = point_at(description, params, x, jnp.zeros((), dtype))
        last = point_at(description, params, x, jnp.full((), count, dtype))
        return jnp.square(manifold_of(first).distance(first, last))

    return safe_sqrt(squared(None) if data is None else jnp.mean(jax.vmap(squared)(data)))


def resolve(circuit: Circuit | Measured, rule: Rule = "commuting") -> Any:
    """The same circuit with its layers divided as the module says, so that :func:`layer_lengths` follows that choice.

    The unitary and the parameters stay as they are; only commuting gates change places. For ``"disjoint"`` and
    ``"commuting"`` a gate enters the first group of its layer that comes after all the gates it must follow.

    Raises:
        ValueError: for an unknown rule.
    """
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule!r}; choose from {', '.join(RULES)}")
    if isinstance(circuit, Measured):
        return Measured(resolve(circuit.circuit, rule), circuit.measured_wires, circuit.classes)
    if rule == "given":
        return circuit
    separate = _do_not_commute if rule == "commuting" else _share_a_qubit
    ops: list[Op] = []
    sizes: list[int] = []
    start = 0
    for size in circuit.layers:
        layer = circuit.layered_ops[start : start + size]
        start += size
        groups: list[list[Op]] = []
        for op in layer:
            place = 1 + max((k for k, group in enumerate(groups) if any(separate(op, g) for g in group)), default=-1)
            if place == len(groups):
                groups.append([])
            groups[place].append(op)
        ops += [op for group in groups for op in group]
        sizes += [len(group) for group in groups]
    return Circuit(circuit.n_qubits, ops, sizes)


def _share_a_qubit(first: Op, second: Op) -> bool:
    return not set(first.wires).isdisjoint(second.wires)


def _do_not_commute(first: Op, second: Op) -> bool:
    """Whether two gates fail to commute at generic angles, that is, whether their generators do."""
    if not _share_a_qubit(first, second):
        return False
    wires = sorted({*first.wires, *second.wires})
    # Fixed, irrational angles: gates that commute at these commute at all.
    a, b = (_embedded(op, wires, shift) for op, shift in ((first, 0.6180339887), (second, 1.4142135624)))
    return bool(np.abs(a @ b - b @ a).max() > 1e-9)


def _embedded(op: Op, wires: list[int], shift: float) -> np.ndarray:
    """The matrix of a gate on these wires, of which its own are some."""
    angles = shift + 0.7320508076 * np.arange(len(op.angles))
    gate = np.asarray(matrix(op, jnp.asarray(angles, jnp.result_type(float))), dtype=complex)
    m, own = len(wires), [wires.index(w) for w in op.wires]
    rest = [k for k in range(m) if k not in own]
    whole = np.kron(gate, np.eye(2 ** len(rest))).reshape((2,) * (2 * m))
    order = np.argsort([*own, *rest])
    return whole.transpose([*order, *(m + order)]).reshape(2**m, 2**m)
