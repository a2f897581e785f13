r"""The layer curve: from the identity to the target, node after node (Dong and Zhou, section III.B and Fig. 1).

A description of L layers is switched on layer by layer: at ``s`` in [0, L] whole layers act in full, the next one with
the fraction of ``s``, later ones not at all (:mod:`circuits.gradual`, ``Network.partial``). With ``y(s)`` the point at
``s``, and ``g`` the metric of its manifold,

.. math:: \mathrm{length} = \int_0^L \sqrt{E_x\,[g(\dot y, \dot y)]}\,ds, \qquad
          \mathrm{distance} = \sqrt{E_x\,[d(y(0), y(L))^2]} .

Both are of the product manifold of the points of all data, so ``length >= distance``, with equality on a geodesic.

**What acts at the same time.** Gates of one layer act together if they commute: ``exp(-i t sum_a theta_a G_a)`` is then
one rotation with a constant generator, the speed is constant, and the length of the layer is
``2 sqrt(Var(sum_a theta_a G_a))`` in the state before it. Gates that do not commute (RY and RZ on one qubit) cannot;
what then counts as one layer is a choice, made by :func:`groups`:

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
from qgeom.information.lie_algebra import embedded
from qgeom.information.planning import manifold_of

Rule = Literal["commuting", "disjoint", "given"]
RULES: tuple[Rule, ...] = ("commuting", "disjoint", "given")

_PIECE = 32


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


def groups(description: Description, rule: Rule = "commuting") -> np.ndarray:
    """Which gates act at the same time: the number of the group of every gate of ``circuit.ops``, from 0.

    A gate enters the first group of its layer that comes after all the gates of the layer which it must follow: those
    before it that do not commute with it, or for ``"disjoint"`` share a qubit with it. The blocks of a network are
    never divided: group k is block k.

    Raises:
        ValueError: for an unknown rule.
    """
    if rule not in RULES:
        raise ValueError(f"unknown rule {rule!r}; choose from {', '.join(RULES)}")
    if isinstance(description, Network):
        return np.arange(description.n_blocks)
    circuit = description.circuit if isinstance(description, Measured) else description
    n_layers(circuit)
    assert isinstance(circuit, Circuit)
    layer_of = np.asarray(circuit.layer_of, dtype=np.int64)
    if rule == "given":
        return layer_of
    separate = _do_not_commute if rule == "commuting" else _share_a_qubit
    found, first = np.zeros(len(circuit.ops), dtype=np.int64), 0
    for layer in range(len(circuit.layers)):
        members = np.flatnonzero(layer_of == layer).tolist()
        for position, k in enumerate(members):
            before = [found[j] for j in members[:position] if separate(circuit.ops[j], circuit.ops[k])]
            found[k] = 1 + max(before, default=first - 1)
        first = 1 + max(found[members], default=first - 1)
    return found


def layer_lengths(
    description: Description,
    params: Params,
    data: PyTree | None = None,
    nodes: int = 8,
    rule: Rule = "commuting",
) -> Float[Array, " groups"]:
    """The information length of every group of nodes; their sum is the length of the layer curve.

    Args:
        description: a circuit, a measured circuit or a network.
        params: its parameters.
        data: inputs with a leading axis, or None.
        nodes: Gauss-Legendre nodes per group. One is exact for the state of a circuit under ``"commuting"`` and
            ``"disjoint"``, but for gates whose partial gates have no constant generator (U3).
        rule: what acts at the same time, see the module.
    """
    return lengths_of_kinds(description, params, data, groups(description, rule), nodes)[0]


def lengths_of_kinds(
    description: Description, params: Params, data: PyTree | None, group: np.ndarray, nodes: int = 8
) -> Float[Array, "kinds groups"]:
    """Lengths per group by the metric of the points; for a measured circuit, by that of its state in a second row.

    Args:
        group: of each gate or block, as :func:`groups` gives it.
    """
    times, weights = np.polynomial.legendre.leggauss(nodes)
    count = int(group.max(initial=-1)) + 1
    dtype = jnp.result_type(*jax.tree.leaves(params)) if jax.tree.leaves(params) else jnp.result_type(float)
    s = (np.arange(count)[:, None] + 0.5 * (times + 1.0)[None, :]).reshape(-1)
    # Pieces of one length: a single program serves every rule and number of nodes.
    padded = np.pad(s, (0, -len(s) % _PIECE), mode="edge").reshape(-1, _PIECE)
    gate_groups = jnp.asarray(group, dtype)
    pieces = [
        curve_speeds(description, params, data, gate_groups, jnp.asarray(piece, dtype)) for piece in padded
    ]
    speeds = jnp.concatenate(pieces)[: len(s)]
    return jnp.matmul(speeds.T.reshape(-1, count, nodes), jnp.asarray(0.5 * weights, dtype))


@eqx.filter_jit
def curve_speeds(
    description: Description,
    params: Params,
    data: PyTree | None,
    group: Float[Array, " gates"],
    s: Float[Array, " points"],
) -> Float[Array, "points kinds"]:
    """Speeds ``sqrt(E_x g(y', y'))`` at ``s``, where gate or block k has strength ``s - group[k]``, cut off at 0 and 1.

    At whole ``s`` the speed jumps. For a measured circuit there are two columns: outcomes, and state.
    """

    def speed(s: Array) -> Array:
        def squared(x: PyTree | None) -> Array:
            point, velocity = jax.jvp(
                lambda t: _points(description, params, x, t - group), (s,), (jnp.ones_like(s),)
            )
            pairs = zip(point, velocity, strict=True)
            return jnp.stack([manifold_of(p).squared_speed(p, v) for p, v in pairs])

        return safe_sqrt(squared(None) if data is None else jnp.mean(jax.vmap(squared)(data), axis=0))

    # One point after the other: a batch of all of them would hold the states of the whole curve.
    return jax.lax.map(speed, s)


def _points(description: Description, params: Params, x: Any, strengths: Array) -> tuple[Point, ...]:
    match description:
        case Network():
            return (description.point(description.outputs(params, x, jnp.clip(strengths, 0.0, 1.0))),)
        case Measured():
            state = gradual.with_strengths(description.circuit, params, x, strengths)
            return description.readout(state), state
        case Circuit():
            return (gradual.with_strengths(description, params, x, strengths),)
    raise TypeError(f"a {type(description).__name__} has no layer curve")


def end_distance(description: Description, params: Params, data: PyTree | None = None) -> Float[Array, ""]:
    """``sqrt(E_x d(y(0), y(L))^2)``: the geodesic distance of the two ends of the layer curve."""
    return end_distances(description, params, data)[0]


@eqx.filter_jit
def end_distances(
    description: Description, params: Params, data: PyTree | None = None
) -> Float[Array, " kinds"]:
    """:func:`end_distance` by the metric of the points, and for a measured circuit by that of its state."""
    n_layers(description)
    units = description.n_blocks if isinstance(description, Network) else len(_circuit(description).ops)
    leaves = jax.tree.leaves(params)
    dtype = jnp.result_type(*leaves) if leaves else jnp.result_type(float)

    def squared(x: PyTree | None) -> Array:
        first = _points(description, params, x, jnp.zeros(units, dtype))
        last = _points(description, params, x, jnp.ones(units, dtype))
        pairs = zip(first, last, strict=True)
        return jnp.stack([jnp.square(manifold_of(a).distance(a, b)) for a, b in pairs])

    return safe_sqrt(squared(None) if data is None else jnp.mean(jax.vmap(squared)(data), axis=0))


def _circuit(description: Description) -> Circuit:
    circuit = description.circuit if isinstance(description, Measured) else description
    assert isinstance(circuit, Circuit)
    return circuit


def _share_a_qubit(first: Op, second: Op) -> bool:
    return not set(first.wires).isdisjoint(second.wires)


def _do_not_commute(first: Op, second: Op) -> bool:
    """Whether two gates fail to commute at generic angles, that is, whether their generators do."""
    if not _share_a_qubit(first, second):
        return False
    wires = sorted({*first.wires, *second.wires})
    # Fixed, irrational angles: gates that commute at these commute at all.
    a, b = (_generic(op, wires, shift) for op, shift in ((first, 0.6180339887), (second, 1.4142135624)))
    return bool(np.abs(a @ b - b @ a).max() > 1e-5)  # single precision, too


def _generic(op: Op, wires: list[int], shift: float) -> np.ndarray:
    angles = shift + 0.7320508076 * np.arange(len(op.angles))
    gate = np.asarray(matrix(op, jnp.asarray(angles, jnp.result_type(float))))
    return embedded(gate, op.wires, wires)
