"""TeNPy: two-site DMRG with its mixer, and TEBD, as its user guide writes them."""

from __future__ import annotations

import warnings

import inputs
import numpy as np
from inputs import Contender
from tenpy.algorithms import dmrg as tenpy_dmrg
from tenpy.algorithms.tebd import TEBDEngine
from tenpy.models.tf_ising import TFIChain
from tenpy.networks.mps import MPS

warnings.filterwarnings("ignore", module="tenpy")


def dmrg(n_sites: int, bond_dimension: int, adaptive: bool) -> Contender:
    """Ground energy of the critical Ising chain; adaptive: Schmidt values below 1e-6 are dropped."""
    model = TFIChain({"L": n_sites, "J": 1.0, "g": 1.0, "bc_MPS": "finite"})
    options = {
        "mixer": True,
        "max_E_err": 1e-10 if adaptive else 1e-12,  # what is dropped moves the energy by more than 1e-12
        "trunc_params": {"chi_max": bond_dimension, "svd_min": 1e-6 if adaptive else None},
    }

    def run(_: None) -> float:
        psi = MPS.from_product_state(model.lat.mps_sites(), ["up"] * n_sites, bc="finite")
        return float(tenpy_dmrg.run(psi, model, options)["E"])

    return Contender(lambda seed: None, run)


def tebd(n_sites: int, bond_dimension: int, steps: int) -> Contender:
    """<Z_i> after steps of second order from a state of full bond dimension; loading it is not timed."""
    model = TFIChain({"L": n_sites, "J": 1.0, "g": 1.0, "bc_MPS": "finite", "conserve": None})
    sites = model.lat.mps_sites()
    options = {
        "order": 2,
        "dt": inputs.TROTTER_STEP,
        "N_steps": steps,
        "trunc_params": {"chi_max": bond_dimension, "svd_min": None},
    }

    def load(seed: int) -> MPS:
        tensors = [t.transpose(1, 0, 2) for t in inputs.mps_tensors(n_sites, bond_dimension, seed)]
        psi = MPS.from_Bflat(sites, tensors, bc="finite", form=None, dtype=complex)
        psi.canonical_form()
        return psi

    def run(psi: MPS) -> MPS:
        psi = psi.copy()
        TEBDEngine(psi, model, options).run()
        return psi

    return Contender(load, run, lambda psi: np.real(psi.expectation_value("Sigmaz")))
