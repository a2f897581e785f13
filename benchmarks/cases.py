"""What is raced and what is measured, at which sizes, against which targets."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

# label -> (module, function) under peers/
QFIM = {
    "qgeom": ("qgeom_", "qfim"),
    "jacfwd": ("jacfwd", "qfim"),
    "TensorCircuit-NG": ("tensorcircuit_", "qfim"),
    "Qiskit": ("qiskit_", "qfim"),
    "PennyLane": ("pennylane_", "qfim"),
}
ENERGY = {
    "qgeom": ("qgeom_", "energy"),
    "Lightning": ("pennylane_", "energy"),
    "Qulacs": ("qulacs_", "energy"),
    "Aer": ("qiskit_", "energy"),
    "TensorCircuit-NG": ("tensorcircuit_", "energy"),
}
GRADIENT = {
    "qgeom": ("qgeom_", "gradient"),
    "Lightning": ("pennylane_", "gradient"),
    "Qulacs": ("qulacs_", "gradient"),
    "TensorCircuit-NG": ("tensorcircuit_", "gradient"),
}
FISHER_MV = {
    "qgeom": ("qgeom_", "fisher_mv"),
    "curvlinops": ("torch_", "curvlinops_mv"),
    "nngeometry": ("torch_", "nngeometry_mv"),
}
FISHER_DIAGONAL = {
    "qgeom": ("qgeom_", "fisher_diagonal"),
    "nngeometry": ("torch_", "nngeometry_diagonal"),
}
DMRG = {"qgeom": ("networks_", "dmrg"), "TeNPy": ("tenpy_", "dmrg"), "quimb": ("quimb_", "dmrg")}
TEBD = {"qgeom": ("networks_", "tebd"), "TeNPy": ("tenpy_", "tebd"), "quimb": ("quimb_", "tebd")}
RICCI = {
    "qgeom": ("ricci_", "ricci"),
    "GraphRicciCurvature": ("graphricci_", "ricci"),
    "POT": ("pot_", "ricci"),
}
MERA = {"qgeom": ("networks_", "mera"), "quimb": ("quimb_", "mera")}


@dataclass(frozen=True)
class Race:
    """One task for several contenders: same input, same answer, timed in alternation."""

    name: str
    title: str
    contenders: dict[str, tuple[str, str]]
    arguments: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-8  # largest difference allowed, absolute unless `relative`
    relative: bool = False  # to the largest entry
    exact: float | None = None  # the answer, where it is known: differences are then errors
    targets: dict[str, dict[str, float]] = field(
        default_factory=dict
    )  # peer -> {"warm": factor, "cold": factor}


@dataclass(frozen=True)
class Measurement:
    """Figures about qgeom alone: each variant in a fresh process, variants in alternation, medians."""

    name: str
    title: str
    function: str  # in measurements.py
    variants: tuple[dict[str, Any], ...]
    repeats: int = 1
    gpu: bool = False
    targets: dict[str, float] = field(
        default_factory=dict
    )  # figure -> largest (or, on the GPU, smallest) value


def _qfim(n: int, layers: int, targets: dict[str, dict[str, float]] | None = None) -> Race:
    title = f"dense QFIM, {n} qubits, {layers} layers, P = {2 * n * layers}"
    return Race(f"qfim-{n}-{layers}", title, QFIM, {"n_qubits": n, "n_layers": layers}, targets=targets or {})


def _energy(n: int, layers: int, targets: dict[str, dict[str, float]] | None = None) -> Race:
    title = f"energy, {n} qubits, {layers} layers"
    return Race(
        f"energy-{n}-{layers}", title, ENERGY, {"n_qubits": n, "n_layers": layers}, targets=targets or {}
    )


def _gradient(n: int, layers: int, targets: dict[str, dict[str, float]] | None = None) -> Race:
    title = f"gradient, {n} qubits, {layers} layers, P = {2 * n * layers}"
    return Race(
        f"gradient-{n}-{layers}", title, GRADIENT, {"n_qubits": n, "n_layers": layers}, targets=targets or {}
    )


_MLP = "MLP 64-128-128-10, batch 256, float32"
_MLP_RACES = (
    Race(
        "mlp-product",
        f"Fisher-vector product, {_MLP}",
        FISHER_MV,
        tolerance=1e-4,
        relative=True,
        targets={"curvlinops": {"warm": 4.0}},
    ),
    Race(
        "mlp-diagonal",
        f"Fisher diagonal, {_MLP}",
        FISHER_DIAGONAL,
        tolerance=1e-4,
        relative=True,
        targets={"nngeometry": {"warm": 2.5}},
    ),
)


def _open_ising(n: int) -> float:
    """Ground energy of the open critical chain: free fermions (Pfeuty 1970)."""
    return 1.0 - 1.0 / math.sin(math.pi / (2 * (2 * n + 1)))


def _ising_ring(n: int) -> float:
    """Ground energy of the critical ring."""
    return -2.0 / math.sin(math.pi / (2 * n))


def _dmrg(n: int, bond: int, adaptive: bool, targets: dict[str, dict[str, float]] | None = None) -> Race:
    kept = "as many states as are needed" if adaptive else f"{bond} states"
    return Race(
        f"dmrg-{n}-{'adaptive' if adaptive else bond}",
        f"DMRG of the critical Ising chain, {n} sites, {kept}",
        DMRG,
        {"n_sites": n, "bond_dimension": bond, "adaptive": adaptive},
        tolerance=2e-8,
        exact=_open_ising(n),
        targets=targets or {},
    )


def _tebd(n: int, bond: int, steps: int, targets: dict[str, dict[str, float]] | None = None) -> Race:
    title = f"TEBD, {steps} steps of second order, {n} sites, bond {bond}"
    arguments = {"n_sites": n, "bond_dimension": bond, "steps": steps}
    return Race(f"tebd-{n}-{bond}", title, TEBD, arguments, tolerance=1e-3, targets=targets or {})


def _mera(n: int, bond: int, iterations: int, targets: dict[str, dict[str, float]] | None = None) -> Race:
    return Race(
        f"mera-{n}-{bond}",
        f"MERA of the critical Ising ring, {n} sites, bond {bond}, {iterations} iterations",
        MERA,
        {"n_sites": n, "bond_dimension": bond, "iterations": iterations},
        tolerance=0.2,
        exact=_ising_ring(n),
        targets=targets or {},
    )


def _ricci(nodes: int, edges: int, targets: dict[str, dict[str, float]] | None = None) -> Race:
    title = f"Ollivier-Ricci curvature, {nodes} nodes, {edges} edges, exact"
    arguments = {"n_nodes": nodes, "n_edges": edges}
    return Race(f"ricci-{nodes}", title, RICCI, arguments, tolerance=1e-9, targets=targets or {})


RACES = (
    _qfim(8, 6),
    _qfim(10, 10),
    _qfim(12, 10, {"TensorCircuit-NG": {"warm": 40.0, "cold": 20.0}, "jacfwd": {"warm": 25.0}}),
    _qfim(14, 10, {"TensorCircuit-NG": {"warm": 60.0, "cold": 15.0}, "jacfwd": {"warm": 35.0}}),
    _energy(16, 5),
    _energy(20, 5, {"Lightning": {"warm": 2.5}}),
    _energy(22, 5, {"Lightning": {"warm": 2.5}}),
    _gradient(16, 5, {"Lightning": {"warm": 1.0}}),
    _gradient(20, 5, {"Lightning": {"warm": 2.0}}),
    _gradient(22, 5, {"Lightning": {"warm": 2.0}}),
    *_MLP_RACES,
    _dmrg(64, 64, adaptive=True, targets={"TeNPy": {"cold": 1.0, "warm": 1.0}}),
    _dmrg(64, 64, adaptive=False, targets={"TeNPy": {"cold": 3.0, "warm": 3.0}}),
    _tebd(64, 64, 4, {"TeNPy": {"warm": 4.0}}),
    _mera(16, 4, 200, {"quimb": {"cold": 3.0}}),
    _ricci(1000, 4763, {"GraphRicciCurvature": {"warm": 1.5}}),
)
QUICK_RACES = (
    _qfim(4, 3),
    _qfim(6, 4),
    _energy(8, 3),
    _gradient(8, 3),
    *(replace(r, targets={}) for r in _MLP_RACES),
    _dmrg(16, 16, adaptive=False),
    _tebd(12, 16, 2),
    _mera(8, 2, 20),
    _ricci(40, 100),
)

_BUILDS = ("family", "gate by gate", "shared parameters", "shared, gate by gate")


def _depth(build: str, n_qubits: int, shallow: int, deep: int, repeats: int) -> Measurement:
    return Measurement(
        f"depth-{build.replace(', ', '-').replace(' ', '-')}",
        f"first call, {deep} layers against {shallow}, {n_qubits} qubits, {build}",
        "first_call",
        tuple({"build": build, "n_qubits": n_qubits, "n_layers": layers} for layers in (shallow, deep)),
        repeats=repeats,
        targets={"first_call_s": 1.6},  # of the ratio deep / shallow
    )


def _measurements(
    product: tuple[int, int],
    gradient: tuple[int, int],
    depth: tuple[int, int, int],
    gates: tuple[int, int],
    repeats: int,
) -> tuple[Measurement, ...]:
    return (
        Measurement(
            "fisher-product",
            f"F v, {product[0]} qubits, {product[1]} layers, in evaluations of the state",
            "fisher_product",
            ({"n_qubits": product[0], "n_layers": product[1]},),
            targets={"product_in_evaluations": 7.0, "memory_in_states": 8.0},
        ),
        Measurement(
            "gradient-memory",
            f"memory of the gradient, {gradient[0]} qubits, {gradient[1]} layers, in states",
            "gradient_memory",
            ({"n_qubits": gradient[0], "n_layers": gradient[1]},),
            targets={"memory_in_states": 8.0},
        ),
        *(_depth(build, *depth, repeats) for build in _BUILDS),
        Measurement(
            "unrepeated-gates",
            f"first call of {gates[1]} gates without repeats, {gates[0]} qubits",
            "unrepeated",
            ({"n_qubits": gates[0], "n_gates": gates[1]},),
        ),
        Measurement(
            "gpu-layer",
            "one layer at 26 qubits, complex64, against the copy of a state",
            "gpu_layer",
            ({"n_qubits": 26},),
            gpu=True,
            targets={"share_of_copy_bandwidth": 0.5},
        ),
        Measurement(
            "gpu-qfim",
            "dense QFIM, 20 qubits, 10 layers, P = 400, complex64 and complex128",
            "gpu_qfim",
            ({"n_qubits": 20, "n_layers": 10},),
            gpu=True,
            targets={"warm_s": 0.5},
        ),
    )


MEASUREMENTS = _measurements((20, 10), (20, 100), (8, 5, 500), (10, 10_000), repeats=5)
# at toy sizes the targets mean nothing
QUICK_MEASUREMENTS = tuple(
    replace(m, targets={}) for m in _measurements((8, 3), (8, 10), (4, 5, 50), (4, 200), repeats=1)
)
