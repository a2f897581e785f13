r"""The sides of the comparison of ground states: a description, and how it finds the state of lowest energy.

======== ========================================================= =============================================
side     description                                               found by
======== ========================================================= =============================================
circuit  ``circuits.hamiltonian_variational`` or hardware-efficient imaginary time, exact natural gradient (VQE)
MPS      ``circuits.mps.MatrixProduct``, real, open                DMRG
MERA     ``circuits.mera.MERA``, binary, real, on a ring           Riemannian L-BFGS
network  ``RBMState`` or ``MLPState``                              imaginary time (stochastic reconfiguration)
======== ========================================================= =============================================

Every point is a state vector, so that all are measured by the same code.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from circuits import ansatze, mera, mps
from circuits.circuit import Circuit
from circuits.description import Description
from circuits.mera.description import MERA
from circuits.mera.finite import FiniteMERA
from circuits.mps.description import MatrixProduct
from circuits.networks.quantum_state import MLPState, NeuralQuantumState, RBMState
from circuits.paulis import PauliSum
from qgeom.comparison.ground_state_descent import CHUNK, imaginary_time
from qgeom.comparison.ground_state_settings import GroundStateSettings
from qgeom.progress import Progress

_MERA_TOLERANCE = 1e-5
_MERA_EVALUATIONS = 1000


@dataclass(frozen=True)
class Found:
    """What a side found, seed by seed.

    Attributes:
        theta: flat parameters (seeds, P).
        histories: energies after every update, one array per seed; the first before any, where there is a start.
        converged: whether the method says so; None where it has no criterion and takes all its steps.
    """

    theta: np.ndarray
    histories: list[np.ndarray]
    converged: list[bool] | None


@dataclass(frozen=True)
class Side(abc.ABC):
    """One side. Its parameters are real; points are state vectors of norm one."""

    description: Description
    form: str

    @abc.abstractmethod
    def work(self, seeds: int) -> int:
        """How often `solve` advances the progress."""

    @abc.abstractmethod
    def solve(self, hamiltonian: PauliSum, seeds: tuple[int, ...], progress: Progress) -> Found:
        """Look for the ground state, once per seed."""


@dataclass(frozen=True)
class DescentSide(Side):
    """A circuit or network by imaginary time; the seed draws the initial parameters."""

    start: float
    steps: int
    learning_rate: float
    damping: float

    def work(self, seeds: int) -> int:
        return -(-self.steps // CHUNK)

    def solve(self, hamiltonian: PauliSum, seeds: tuple[int, ...], progress: Progress) -> Found:
        starts = [
            jax.tree.map(lambda leaf: self.start * leaf, self.description.init(jax.random.key(seed)))
            for seed in seeds
        ]
        theta, energies = imaginary_time(
            self.description, hamiltonian, starts, self.steps, self.learning_rate, self.damping, progress
        )
        return Found(theta, list(energies), None)


@dataclass(frozen=True)
class MatrixProductSide(Side):
    """An MPS by DMRG; the seed draws the initial state. The history is per half sweep."""

    network: MatrixProduct

    def work(self, seeds: int) -> int:
        return seeds

    def solve(self, hamiltonian: PauliSum, seeds: tuple[int, ...], progress: Progress) -> Found:
        found = []
        for seed in seeds:
            found.append(
                mps.ground_state(
                    hamiltonian,
                    self.network.bond_dimension,
                    key=jax.random.key(seed),
                    progress=lambda stage, energy: progress.advance(0),
                )
            )
            progress.advance()
        theta = [_flat(self.network.params_of(_fitted(one.state, self.network))) for one in found]
        return Found(
            np.stack(theta),
            [np.asarray(one.energies, float) for one in found],
            [bool(one.converged) for one in found],
        )


@dataclass(frozen=True)
class MERASide(Side):
    """A MERA; the seed draws a little noise on a fixed initial state. The history is per evaluation."""

    network: MERA

    def work(self, seeds: int) -> int:
        return seeds

    def solve(self, hamiltonian: PauliSum, seeds: tuple[int, ...], progress: Progress) -> Found:
        theta, histories, converged = [], [], []
        for seed in seeds:
            one = mera.ground_state(
                hamiltonian,
                self.network.bond_dimension,
                uniform=False,
                tolerance=_MERA_TOLERANCE,
                max_iterations=_MERA_EVALUATIONS,
                key=jax.random.key(seed),
                progress=lambda evaluation, energy, residual: progress.advance(0),
            )
            assert isinstance(one.mera, FiniteMERA)
            theta.append(_flat(self.network.params_of(one.mera)))
            histories.append(np.minimum.accumulate(np.asarray(one.history, float)))
            converged.append(bool(one.converged))
            progress.advance()
        return Found(np.stack(theta), histories, converged)


def sides_of(settings: GroundStateSettings) -> dict[str, Side]:
    """The sides that the settings ask for, by name.

    Raises:
        ValueError: sides that repeat, or a size that fits no MERA (says which do).
    """
    if len(set(settings.sides)) != len(settings.sides):
        raise ValueError(f"the sides {', '.join(settings.sides)} repeat")
    made = {"circuit": _circuit_side, "MPS": _mps_side, "MERA": _mera_side, "network": _network_side}
    return {name: made[name](settings) for name in settings.sides}


def _circuit_side(settings: GroundStateSettings) -> Side:
    n, layers = settings.n_sites, settings.circuit_layers
    if settings.ansatz == "hamiltonian-variational":
        circuit = ansatze.hamiltonian_variational(settings.hamiltonian, n, layers, settings.periodic)
        form = f"variational, {layers} layers"
    else:
        topology = "ring" if settings.periodic else "linear"
        circuit = ansatze.hardware_efficient(n, layers, ("RY",), "CZ", topology, final_rotations=True)
        form = f"RY and CZ, {layers} layers"
    return DescentSide(circuit, form, settings.start, *_rates(settings))


def _mps_side(settings: GroundStateSettings) -> Side:
    network = MatrixProduct(settings.n_sites, settings.bond_dimension, field="real")
    return MatrixProductSide(network.state_description(), f"bond {network.bond_dimension}", network)


def _mera_side(settings: GroundStateSettings) -> Side:
    network = MERA(settings.n_sites, settings.mera_bond_dimension)
    return MERASide(network, f"binary, bond {network.bond_dimension}", network)


def _network_side(settings: GroundStateSettings) -> Side:
    n, hidden = settings.n_sites, settings.hidden or settings.n_sites
    # The basis in which the ground state is positive, and Marshall's sign where that takes signs.
    basis = "X" if settings.hamiltonian == "ising" else "Z"
    marshall = settings.hamiltonian != "ising"
    network: NeuralQuantumState
    if settings.network == "rbm":
        network = RBMState(n, hidden, settings.amplitudes, basis, marshall)
        form = f"{settings.amplitudes} RBM, {hidden} hidden"
    else:
        network = MLPState(n, (hidden,), settings.amplitudes, basis=basis, marshall=marshall)
        form = f"{settings.amplitudes} MLP, {hidden} hidden"
    return DescentSide(network, form, 1.0, *_rates(settings))


def _rates(settings: GroundStateSettings) -> tuple[int, float, float]:
    return settings.steps, settings.learning_rate, settings.damping


def circuit_of(side: Side) -> Circuit | None:
    """The circuit of a side, None where it is none."""
    return side.description if isinstance(side.description, Circuit) else None


def _flat(params: Any) -> np.ndarray:
    return np.asarray(ravel_pytree(params)[0], np.float64)


def _fitted(psi: mps.MPS, network: MatrixProduct) -> mps.MPS:
    """The state with the tensor shapes of the description: bonds that it does not use are filled with zeros."""
    if psi.bond_dimension > network.bond_dimension:
        psi = psi.compress(network.bond_dimension)
    filled = []
    for tensor, shape in zip(psi.tensors, network.tensor_shapes, strict=True):
        filled.append(jnp.pad(tensor, [(0, want - have) for want, have in zip(shape, tensor.shape)]))
    return mps.MPS(filled)
