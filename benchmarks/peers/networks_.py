"""qgeom's tensor networks, called as the documentation says."""

from __future__ import annotations

import inputs
import jax
import jax.numpy as jnp
import numpy as np
from inputs import Contender

import circuits
from circuits.mps import MPS, evolve_tebd

jax.config.update("jax_enable_x64", True)


def dmrg(n_sites: int, bond_dimension: int, adaptive: bool) -> Contender:
    """Ground energy of the critical Ising chain; a bond dimension is fixed here, so adaptive is 22."""
    hamiltonian = circuits.hamiltonians.ising(n_sites)
    size = inputs.ADAPTIVE_STATES if adaptive else bond_dimension

    def run(_: None) -> float:
        return circuits.mps.ground_state(hamiltonian, bond_dimension=size).energy

    return Contender(lambda seed: None, run)


def tebd(n_sites: int, bond_dimension: int, steps: int) -> Contender:
    """<Z_i> after steps of second order from a state of full bond dimension; loading it is not timed."""
    hamiltonian = circuits.hamiltonians.ising(n_sites)

    def load(seed: int) -> MPS:
        tensors = inputs.mps_tensors(n_sites, bond_dimension, seed)
        return MPS([jnp.asarray(t, jnp.complex128) for t in tensors]).normalised()

    def run(psi: MPS) -> MPS:
        found = evolve_tebd(psi, hamiltonian, inputs.TROTTER_STEP, steps, bond_dimension=bond_dimension)
        return jax.block_until_ready(found.state)

    def read(psi: MPS) -> np.ndarray:
        z = jnp.asarray([[1.0, 0.0], [0.0, -1.0]], jnp.complex128)
        return np.array([np.real(np.trace(psi.density_matrix([i]) @ z)) for i in range(n_sites)])

    return Contender(load, run, read)


def mera(n_sites: int, bond_dimension: int, iterations: int) -> Contender:
    """Energy of the critical Ising ring by Riemannian optimisation; compiling is a part of it."""
    hamiltonian = circuits.hamiltonians.ising(n_sites, periodic=True)

    def run(seed: int) -> float:
        found = circuits.mera.ground_state(
            hamiltonian, bond_dimension=bond_dimension, max_iterations=iterations, key=jax.random.key(seed)
        )
        return found.energy

    return Contender(lambda seed: seed, run)
