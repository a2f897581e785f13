"""Families of circuits.

Parameters are numbered in the order in which their gates act. Each family says what one of its layers is: the layers
of ``Circuit.curve`` and of figures that show depth.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Array, Key

from circuits.circuit import Circuit
from circuits.gates import SIGNATURES, Angle, Input, Op, Param, fixed, logarithm

Pairs = Sequence[tuple[int, int]]
Topology = Literal["ring", "linear", "all", "brick"]


class _Builder:
    """Collects the gates of a circuit layer by layer and numbers fresh parameters."""

    def __init__(self, n_qubits: int) -> None:
        if not isinstance(n_qubits, int | np.integer) or n_qubits < 1:
            raise ValueError(f"a circuit needs at least 1 qubit, not {n_qubits!r}")
        self.n_qubits = int(n_qubits)
        self.ops: list[Op] = []
        self.layers: list[int] = []
        self.n_parameters = 0

    def fresh(self) -> Param:
        self.n_parameters += 1
        return Param(self.n_parameters - 1)

    def gate(self, name: str, *wires: int) -> None:
        """A gate of this name with fresh parameters for its angles."""
        angles = tuple([self.fresh() for _ in range(SIGNATURES[name].n_angles)])
        self.ops.append(Op(name, wires, angles))

    def add(self, name: str, angle: Param, *wires: int) -> None:
        self.ops.append(Op(name, wires, (angle,)))

    def end_layer(self) -> None:
        self.layers.append(len(self.ops) - sum(self.layers))

    def rotations(self, names: Iterable[str]) -> None:
        for qubit in range(self.n_qubits):
            for name in names:
                self.gate(name, qubit)

    def circuit(self) -> Circuit:
        return Circuit(self.n_qubits, self.ops, self.layers)


def _checked_count(value: Any, what: str, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{what} must be an integer of {least} or more, not {value!r}")
    return int(value)


def _checked_names(names: str | Iterable[str], n_wires: int, what: str) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else tuple(names)
    for name in names:
        if name not in SIGNATURES or SIGNATURES[name].n_wires != n_wires:
            known = ", ".join(k for k, signature in SIGNATURES.items() if signature.n_wires == n_wires)
            raise ValueError(f"{what} must be gates on {n_wires} qubit(s) such as {known}, not {name!r}")
    return names


def topology_pairs(n_qubits: int, topology: Topology | Pairs) -> tuple[tuple[int, int], ...]:
    """Pairs of qubits that a layer of entanglers joins, in the order of the gates.

    ``"linear"``: (q, q+1). ``"ring"``: linear and (n-1, 0); on two qubits one edge. ``"all"``: every a < b.
    ``"brick"``: (0, 1), (2, 3), ..., then (1, 2), (3, 4), .... Or the pairs themselves.
    """
    linear = [(q, q + 1) for q in range(n_qubits - 1)]
    if not isinstance(topology, str):
        return tuple((int(a), int(b)) for a, b in topology)
    match topology:
        case "linear":
            return tuple(linear)
        case "ring":
            return (*linear, (n_qubits - 1, 0)) if n_qubits > 2 else tuple(linear)
        case "all":
            return tuple(itertools.combinations(range(n_qubits), 2))
        case "brick":
            return (*linear[0::2], *linear[1::2])
    raise ValueError(
        f"topology must be 'ring', 'linear', 'all', 'brick' or a list of pairs, not {topology!r}"
    )


def _entanglers(
    n_qubits: int, entangler: str | None, topology: Topology | Pairs
) -> tuple[tuple[str, int, int], ...]:
    """One layer of entanglers: the name of the gate and its qubits."""
    if entangler is None:
        return ()
    (name,) = _checked_names(entangler, 2, "entangler")
    return tuple((name, a, b) for a, b in topology_pairs(n_qubits, topology))


def hardware_efficient(
    n_qubits: int,
    n_layers: int,
    rotations: str | Sequence[str] = ("RY", "RZ"),
    entangler: str | None = "CZ",
    topology: Topology | Pairs = "ring",
    final_rotations: bool = False,
) -> Circuit:
    """Hardware-efficient circuit (Kandala et al., Nature 549, 242 (2017)).

    A layer: on each qubit the rotations in turn, then the entangler on each pair of the topology. Entanglers with
    angles (e.g. ``"RZZ"``, ``"CRX"``, ``"SU4"``) have fresh parameters of their own.

    Args:
        n_qubits: number of qubits.
        n_layers: number of layers.
        rotations: names of one-qubit gates.
        entangler: name of a two-qubit gate, or None.
        topology: see `topology_pairs`.
        final_rotations: whether one more set of rotations follows the last layer.
    """
    build = _Builder(n_qubits)
    rotations = _checked_names(rotations, 1, "rotations")
    entanglers = _entanglers(n_qubits, entangler, topology)
    for _ in range(_checked_count(n_layers, "n_layers")):
        build.rotations(rotations)
        for name, a, b in entanglers:
            build.gate(name, a, b)
        build.end_layer()
    if final_rotations:
        build.rotations(rotations)
        build.end_layer()
    return build.circuit()


def _row(n_qubits: int, layer: int) -> range:
    """First qubits of the bricks of one row: even rows start at qubit 0, odd rows at 1 (at 0 on two qubits)."""
    return range(layer % 2 if n_qubits > 2 else 0, n_qubits - 1, 2)


def brickwall(n_qubits: int, n_layers: int) -> Circuit:
    """Brick wall of arbitrary two-qubit unitaries (SU4, 15 parameters each).

    A layer is one row: (0, 1), (2, 3), ... in even rows, (1, 2), (3, 4), ... in odd rows.
    """
    build = _Builder(n_qubits)
    for layer in range(_checked_count(n_layers, "n_layers")):
        for q in _row(n_qubits, layer):
            build.gate("SU4", q, q + 1)
        build.end_layer()
    return build.circuit()


def haar_brickwork(key: Key[Array, ""], n_qubits: int, n_layers: int) -> Circuit:
    """Brick wall of fixed two-qubit gates, drawn independently from the Haar measure; no parameters.

    Rows as in `brickwall`. The gates depend on the key only, not on the precision in use. Haar: QR of a complex
    Ginibre matrix with the phases of the diagonal of R divided out (Mezzadri, Notices AMS 54, 592 (2007)).
    """
    build = _Builder(n_qubits)
    rows = [_row(n_qubits, layer) for layer in range(_checked_count(n_layers, "n_layers"))]
    draw = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    normal = draw.normal(size=(2, sum(map(len, rows)), 4, 4))
    q, r = np.linalg.qr(normal[0] + 1j * normal[1])
    phases = np.einsum("...ii->...i", r)
    angles = iter(logarithm(q * (phases / np.abs(phases))[..., None, :]).tolist())
    for row in rows:
        for first in row:
            build.ops.append(
                Op("SU4", (first, first + 1), tuple([Param(None, 0.0, t) for t in next(angles)]))
            )
        build.end_layer()
    return build.circuit()


def strongly_entangling(n_qubits: int, n_layers: int, ranges: Sequence[int] | None = None) -> Circuit:
    """Strongly entangling layers (Schuld et al., PRA 101, 032308 (2020)), as PennyLane's template.

    A layer: RZ, RY, RZ on each qubit, then CX from each qubit q to q + r (mod n), with r = ranges[layer].

    Args:
        n_qubits: number of qubits.
        n_layers: number of layers.
        ranges: one range per layer, 1 to n_qubits - 1; by default 1, 2, ..., n_qubits - 1, 1, ....
    """
    build = _Builder(n_qubits)
    n_layers = _checked_count(n_layers, "n_layers")
    if ranges is None:
        ranges = [layer % max(n_qubits - 1, 1) + 1 for layer in range(n_layers)]
    if len(ranges) != n_layers or any(not 0 < r < max(n_qubits, 2) for r in ranges):
        raise ValueError(
            f"ranges must be {n_layers} integers from 1 to {n_qubits - 1}, one per layer, not {ranges}"
        )
    for r in ranges:
        build.rotations(("RZ", "RY", "RZ"))
        for q in range(n_qubits if n_qubits > 1 else 0):
            build.gate("CX", q, (q + r) % n_qubits)
        build.end_layer()
    return build.circuit()


def _pauli_op(angle: Angle, string: str) -> Op | None:
    """``exp(-i angle P / 2)`` as the plainest gate of the set; None for the identity."""
    wires = tuple(q for q, letter in enumerate(string) if letter != "I")
    letters = "".join(string[q] for q in wires)
    angle = angle if isinstance(angle, Param) else fixed(angle)
    if not wires:
        return None
    if len(wires) == 1 or letters in ("XX", "YY", "ZZ"):
        return Op("R" + letters, wires, (angle,))
    return Op("PAULIROT", wires, (angle,), letters)


def _terms(hamiltonian: Any) -> tuple[list[str], list[float]]:
    strings, coefficients = list(hamiltonian.strings), np.asarray(hamiltonian.coefficients)
    if not strings:
        raise ValueError("the Hamiltonian has no terms")
    if not np.isreal(coefficients).all():
        raise ValueError("a Hamiltonian has real coefficients of its Pauli strings; these are complex")
    return strings, np.real(coefficients).astype(float).tolist()


def qaoa(problem: Any, n_layers: int) -> Circuit:
    """Quantum approximate optimisation (Farhi, Goldstone, Gutmann, arXiv:1411.4028); 2 parameters per layer.

    ``H`` on every qubit, then per layer ``exp(-i gamma C)`` and ``exp(-i beta sum X)``; theta is
    (gamma_1, beta_1, gamma_2, beta_2, ...), each shared by all gates of its half layer. For a graph
    ``C = sum_edges w (Z_a Z_b - 1) / 2``, minus the weight of the cut, so the gates are RZZ(w gamma) and RX(2 beta).

    Args:
        problem: a networkx graph (edge attribute ``weight``, 1 where absent; qubit k is its k-th node), or a Pauli sum
            with ``strings`` and real ``coefficients``, whose terms act in their order.
        n_layers: number of layers. The first layer holds the Hadamards as well.
    """
    if hasattr(problem, "strings"):
        strings, coefficients = _terms(problem)
        n_qubits = len(strings[0])
        factors = [(string, 2.0 * c) for string, c in zip(strings, coefficients, strict=True)]
    elif hasattr(problem, "edges"):
        position = {node: k for k, node in enumerate(problem.nodes)}
        n_qubits = len(position)
        factors = []
        for a, b, weight in problem.edges(data="weight", default=1.0):
            if a == b:
                continue  # a loop is never cut
            string = ["I"] * n_qubits
            string[position[a]] = string[position[b]] = "Z"
            factors.append(("".join(string), float(weight)))
    else:
        raise TypeError(f"qaoa takes a networkx graph or a Pauli sum, not {type(problem).__name__}")
    build = _Builder(n_qubits)
    for q in range(n_qubits):
        build.gate("H", q)
    for _ in range(_checked_count(n_layers, "n_layers", 1)):
        gamma, beta = build.fresh(), build.fresh()
        build.ops.extend(
            op for string, factor in factors if (op := _pauli_op(factor * gamma, string)) is not None
        )
        for q in range(n_qubits):
            build.add("RX", 2.0 * beta, q)
        build.end_layer()
    return build.circuit()


def hamiltonian_variational(
    model: Literal["ising", "xxz", "heisenberg"], n_qubits: int, n_layers: int, periodic: bool = False
) -> Circuit:
    """Hamiltonian-variational circuit of a spin chain (Wecker et al., PRA 92, 042303 (2015)), parameters shared.

    Every parameter t enters as ``exp(-i t/2 sum P)`` over the terms that share it. A layer is, in order,

    - ``"ising"``: XX on all bonds; Z on all sites (2 parameters), from ``|0...0>``, the ground state of -sum Z;
    - ``"xxz"``: ZZ on odd bonds, XX + YY on odd bonds, ZZ on even bonds, XX + YY on even bonds (4 parameters);
    - ``"heisenberg"``: XX + YY + ZZ on odd bonds, the same on even bonds (2 parameters).

    The last two start from singlets on the even bonds (0, 1), (2, 3), ... (Wiersema et al., PRX Quantum 1, 020319
    (2020)), in a layer of their own; a last qubit without partner stays in ``|0>``.
    """
    build = _Builder(n_qubits)
    bonds = topology_pairs(n_qubits, "ring" if periodic else "linear")
    even, odd = bonds[0 : n_qubits - 1 : 2], bonds[1 : n_qubits - 1 : 2] + bonds[n_qubits - 1 :]
    groups: list[list[tuple[str, float, Sequence[tuple[int, ...]]]]]
    match model:
        case "ising":
            groups = [[("RXX", 1.0, bonds)], [("RZ", 1.0, [(q,) for q in range(n_qubits)])]]
        case "xxz":
            groups = [
                [(name, factor, b)] for b in (odd, even) for name, factor in (("RZZ", 1.0), ("XXPLUSYY", 2.0))
            ]
        case "heisenberg":
            groups = [[("XXPLUSYY", 2.0, b), ("RZZ", 1.0, b)] for b in (odd, even)]
        case _:
            raise ValueError(f"model must be 'ising', 'xxz' or 'heisenberg', not {model!r}")
    if model != "ising":
        for a, b in even:
            for name, *wires in (("X", a), ("X", b), ("H", a), ("CX", a, b)):
                build.gate(name, *wires)
        build.end_layer()
    for _ in range(_checked_count(n_layers, "n_layers")):
        for group in groups:
            if not any(wires for _, _, wires in group):
                continue  # two qubits have no odd bonds: no gate, no parameter
            shared = build.fresh()
            for name, factor, places in group:
                for wires in places:
                    build.add(name, factor * shared, *wires)
        build.end_layer()
    return build.circuit()


def data_reuploading(
    n_qubits: int,
    n_layers: int,
    n_features: int,
    rotations: str | Sequence[str] = ("RY", "RZ"),
    entangler: str | None = "CZ",
    topology: Topology | Pairs = "ring",
    *,
    encoding: str | Sequence[str] = ("RX", "RY", "RZ"),
    scale: float = 1.0,
    trainable_scaling: bool = False,
    final_rotations: bool = True,
) -> Circuit:
    """Data re-uploading (Perez-Salinas et al., Quantum 4, 226 (2020)): the input x is encoded anew in every layer.

    A layer: encoding gates with angle ``scale * x_j`` (times a parameter of its own if ``trainable_scaling``), then
    trainable rotations on each qubit, then entanglers. Feature j sits on qubit j mod n; where there are more qubits
    than features, the features repeat; where there are more features than qubits, the k-th gate on a qubit is
    ``encoding[k]`` (cyclic).

    Args:
        n_qubits: number of qubits.
        n_layers: number of layers.
        n_features: length of x.
        rotations, entangler, topology: as in `hardware_efficient`.
        encoding: names of one-qubit gates of one angle.
        scale: factor on every input, e.g. pi for features in [-1, 1].
        trainable_scaling: whether every encoding angle has a parameter as factor.
        final_rotations: whether one more set of rotations follows the last layer (without it the last entanglers, if
            diagonal, change no outcome probability).
    """
    build = _Builder(n_qubits)
    n_features = _checked_count(n_features, "n_features", 1)
    rotations = _checked_names(rotations, 1, "rotations")
    encoding = _checked_names(encoding, 1, "encoding")
    if not encoding or any(SIGNATURES[name].n_angles != 1 for name in encoding):
        raise ValueError(f"encoding must be gates of one angle such as RX, RY, RZ, P, not {encoding}")
    entanglers = _entanglers(n_qubits, entangler, topology)
    for _ in range(_checked_count(n_layers, "n_layers", 1)):
        for k in range(max(n_qubits, n_features)):
            angle = Input(k % n_features, scale)
            if trainable_scaling:
                angle = build.fresh() * angle
            build.add(encoding[k // n_qubits % len(encoding)], angle, k % n_qubits)
        build.rotations(rotations)
        for name, a, b in entanglers:
            build.gate(name, a, b)
        build.end_layer()
    if final_rotations:
        build.rotations(rotations)
        build.end_layer()
    return build.circuit()


def trotter(hamiltonian: Any, time: Angle, n_steps: int, order: Literal[1, 2, 4] = 1) -> Circuit:
    """Product formula for ``exp(-i H t)`` (Suzuki, J. Math. Phys. 32, 400 (1991)), up to a global phase.

    Order 1: all terms in their order per step; 2: forward and back with half steps; 4: five second-order steps of
    lengths p, p, 1 - 4p, p, p with p = 1 / (4 - 4^(1/3)). The error falls as n_steps^-order. A step is a layer.

    Args:
        hamiltonian: a Pauli sum with ``strings`` and real ``coefficients``.
        time: the time t, a number or a `Param` (then one trainable parameter).
        n_steps: number of steps.
        order: 1, 2 or 4.
    """
    strings, coefficients = _terms(hamiltonian)
    n_steps = _checked_count(n_steps, "n_steps", 1)
    forward = [(string, 1.0 * c) for string, c in zip(strings, coefficients, strict=True)]
    half = [(string, 0.5 * c) for string, c in forward[:-1]]
    symmetric = [*half, forward[-1], *half[::-1]]
    match order:
        case 1:
            step = forward
        case 2:
            step = symmetric
        case 4:
            p = 1.0 / (4.0 - 4.0 ** (1.0 / 3.0))
            step = [(string, part * c) for part in (p, p, 1.0 - 4.0 * p, p, p) for string, c in symmetric]
        case _:
            raise ValueError(f"order must be 1, 2 or 4, not {order!r}")
    angle = time if isinstance(time, Param) else fixed(time)
    gates = [op for string, c in step if (op := _pauli_op((2.0 * c / n_steps) * angle, string)) is not None]
    return Circuit(len(strings[0]), gates * n_steps, (len(gates),) * n_steps)


# Qiskit's families, with Qiskit's order of parameters (all qubits of one gate, then the next gate).


def _n_local(n_qubits: int, names: Sequence[str], reps: int, entanglement: str) -> Circuit:
    build = _Builder(n_qubits)
    linear = topology_pairs(n_qubits, "linear")
    match entanglement:
        case "reverse_linear":
            pairs = linear[::-1]
        case "linear":
            pairs = linear
        case "full":
            pairs = topology_pairs(n_qubits, "all")
        case "circular":
            pairs = ((n_qubits - 1, 0), *linear) if n_qubits > 2 else linear
        case _:
            raise ValueError(
                f"entanglement must be 'reverse_linear', 'linear', 'full' or 'circular', not {entanglement!r}"
            )
    for layer in range(_checked_count(reps, "reps") + 1):
        if layer:
            for a, b in pairs:
                build.gate("CX", a, b)
        for name in names:
            for q in range(n_qubits):
                build.gate(name, q)
        build.end_layer()
    return build.circuit()


def real_amplitudes(n_qubits: int, reps: int = 3, entanglement: str = "reverse_linear") -> Circuit:
    """Qiskit's ``real_amplitudes``: RY on every qubit, then ``reps`` times CX entanglers and RY; real amplitudes.

    Qubit k here is qubit k there, so the state vectors agree after the reversal of the bit order.
    """
    return _n_local(n_qubits, ("RY",), reps, entanglement)


def efficient_su2(
    n_qubits: int,
    reps: int = 3,
    entanglement: str = "reverse_linear",
    rotations: Sequence[str] = ("RY", "RZ"),
) -> Circuit:
    """Qiskit's ``efficient_su2``: RY then RZ on every qubit, then ``reps`` times CX entanglers and RY, RZ."""
    return _n_local(n_qubits, _checked_names(rotations, 1, "rotations"), reps, entanglement)


def z_feature_map(n_features: int, reps: int = 2) -> Circuit:
    """Qiskit's ``z_feature_map``: ``reps`` times H and then P(2 x_j) on qubit j; no parameters, input x."""
    build = _Builder(n_features)
    for _ in range(_checked_count(reps, "reps", 1)):
        for q in range(n_features):
            build.gate("H", q)
        for q in range(n_features):
            build.add("P", Input(q, 2.0), q)
        build.end_layer()
    return build.circuit()
