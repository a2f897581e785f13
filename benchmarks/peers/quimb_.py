"""quimb: two-site DMRG, TEBD, and a MERA under its generic optimiser with JAX, as its examples write them."""

from __future__ import annotations

from typing import Any

import inputs
import numpy as np
import quimb as qu
import quimb.tensor as qtn
from inputs import Contender

Z = np.diag([1.0, -1.0])
X = np.array([[0.0, 1.0], [1.0, 0.0]])


def dmrg(n_sites: int, bond_dimension: int, adaptive: bool) -> Contender:
    """Ground energy of the critical Ising chain (spins are halves: -4 Z Z and a field of 2, turned by 90 degrees)."""
    hamiltonian = qtn.MPO_ham_ising(n_sites, j=-4.0, bx=2.0)
    bonds = sorted({8, min(16, bond_dimension), bond_dimension})

    def run(_: None) -> float:
        solver = qtn.DMRG2(hamiltonian, bond_dims=bonds, cutoffs=1e-12 if adaptive else 1e-16)
        solver.solve(tol=1e-10, max_sweeps=20, verbosity=0)
        return float(np.real(solver.energy))

    return Contender(lambda seed: None, run)


def tebd(n_sites: int, bond_dimension: int, steps: int) -> Contender:
    """<Z_i> after steps of second order from a state of full bond dimension; loading it is not timed."""
    hamiltonian = qtn.LocalHam1D(n_sites, H2=-np.kron(X, X), H1=-Z)
    options = {"max_bond": bond_dimension, "cutoff": 0.0}

    def load(seed: int) -> qtn.MatrixProductState:
        tensors = [t.astype(complex) for t in inputs.mps_tensors(n_sites, bond_dimension, seed)]
        tensors[0], tensors[-1] = tensors[0][0], tensors[-1][:, :, 0]
        state = qtn.MatrixProductState(
            [tensors[0].T, *(t.transpose(0, 2, 1) for t in tensors[1:-1]), tensors[-1]], shape="lrp"
        )
        return state / state.norm()

    def run(state: qtn.MatrixProductState) -> qtn.MatrixProductState:
        solver = qtn.TEBD(state, hamiltonian, split_opts=options, progbar=False)
        solver.update_to(steps * inputs.TROTTER_STEP, dt=inputs.TROTTER_STEP, order=2, progbar=False)
        return solver.pt

    def read(state: qtn.MatrixProductState) -> np.ndarray:
        norm = float(np.real(state.H @ state))
        return np.array([2.0 * np.real(state.magnetization(i)) / norm for i in range(n_sites)])

    return Contender(load, run, read)


def mera(n_sites: int, bond_dimension: int, iterations: int) -> Contender:
    """Energy of the critical Ising ring by a MERA that L-BFGS improves through JAX; compiling is a part of it."""
    terms = {
        (i, (i + 1) % n_sites): -np.kron(X, X) - 0.5 * (np.kron(Z, np.eye(2)) + np.kron(np.eye(2), Z))
        for i in range(n_sites)
    }

    def normalised(state: Any) -> Any:
        return state.isometrize(method="cayley")

    def energy(state: Any, terms: dict[tuple[int, int], Any]) -> Any:
        total = 0.0
        for where, term in terms.items():
            part = state.select([state.site_tag(i) for i in where], "any")
            total = total + (part.gate(term, where) & part.H).contract(all, optimize="auto-hq")
        return total

    def run(seed: int) -> float:
        qu.seed_rand(seed)
        start = qtn.MERA.rand(n_sites, max_bond=bond_dimension, dtype="float64")
        solver = qtn.TNOptimizer(
            start, loss_fn=energy, norm_fn=normalised, loss_constants={"terms": terms},
            autodiff_backend="jax", optimizer="L-BFGS-B", progbar=False,
        )  # fmt: skip
        solver.optimize(iterations)
        return float(min(solver.losses))

    return Contender(lambda seed: seed, run)
