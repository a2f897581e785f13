r"""Ground states by MERA: of finite rings and chains, and of infinite critical chains.

Riemannian optimisation of isometric tensor networks: Hauru, Van Damme and Haegeman, SciPost Phys. 10, 040 (2021).
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from circuits.description import parameter_dtype
from circuits.local import LocalHamiltonian
from circuits.mera.finite import FiniteMERA
from circuits.mera.finite import unpack as unpack_finite
from circuits.mera.minimise import minimise, start_finite, start_infinite
from circuits.mera.optimise import Progress
from circuits.mera.scale_invariant import ScaleInvariantMERA
from circuits.mera.scale_invariant import unpack as unpack_infinite
from circuits.mera.schemes import Scheme
from circuits.mera.sizes import check_bond_dimension, scheme_of
from circuits.mera.terms import bulk, ring, windows
from circuits.paulis import PauliSum

Method = Literal["riemannian", "linearised"]


@dataclasses.dataclass(frozen=True)
class GroundState:
    """A ground state; unpacks as ``mera, energy = ...``.

    Attributes:
        mera: the state, a `FiniteMERA` or `ScaleInvariantMERA`.
        energy: its energy: of the whole chain if that is finite, per site if it is infinite.
        converged: whether the residual fell below the tolerance.
        residual: norm of the Riemannian gradient of the energy per site.
        history: the energy after every evaluation, in the same units; not monotonic where a line search overshot.
    """

    mera: FiniteMERA | ScaleInvariantMERA
    energy: float
    converged: bool
    residual: float
    history: tuple[float, ...]

    def __iter__(self) -> Iterator[Any]:
        return iter((self.mera, self.energy))


def ground_state(
    hamiltonian: PauliSum | LocalHamiltonian | Any,
    bond_dimension: int = 8,
    *,
    sites: float | None = None,
    scale_invariant: bool = False,
    scheme: Literal["binary", "ternary"] = "binary",
    layers: int | None = None,
    uniform: bool | None = None,
    method: Method = "riemannian",
    tolerance: float = 1e-5,
    max_iterations: int = 1000,
    initial_state: FiniteMERA | ScaleInvariantMERA | None = None,
    key: Key[Array, ""] | None = None,
    dtype: Any = None,
    progress: Progress | None = None,
) -> GroundState:
    r"""The MERA of lowest energy: ``mera, energy = ground_state(hamiltonian)``.

    The energy is **total** for a finite chain and **per site** for an infinite one (``scale_invariant=True`` or
    ``sites=math.inf``).

    Args:
        hamiltonian: a PauliSum or LocalHamiltonian whose terms act on at most 3 (binary) or 2 (ternary) neighbouring
            sites of a ring, or a Hermitian two-site matrix ``(d^2, d^2)``, repeated on every bond, with ``sites``. An
            open chain is a ring without the term that closes it.
        bond_dimension: largest bond dimension chi. Cost per evaluation O(chi^9 log n) binary, O(chi^8 log n) ternary;
            with ``n`` for ``log n`` where every position has its own tensors.
        sites: number of sites, for a two-site matrix; infinite for the scale-invariant MERA.
        scale_invariant: an infinite critical chain: transitional layers, then one layer repeated. ``hamiltonian`` is
            then a two-site matrix, or any translation-invariant ring, of which the local term is taken.
        scheme: "binary" (more accurate at equal chi) or "ternary" (cheaper).
        layers: number of layers below the top tensor, or of transitional layers; chosen from the size if left out (one
            transitional layer of full bond dimension).
        uniform: whether the positions of a layer share their tensors; by default where the Hamiltonian is translation
            invariant.
        method: "riemannian": L-BFGS on the Stiefel manifolds, preconditioned by the density matrices of the tensors'
            upper legs; "linearised": the update of Evenbly and Vidal.
        tolerance: on the norm of the Riemannian gradient of the energy per site.
        max_iterations: largest number of energy evaluations.
        initial_state: where to start; from density matrices of small rings if left out (deterministic).
        key: adds a little noise to that start, which breaks its symmetries.
        dtype: float64 (the default) or float32; the tensors are complex only where the Hamiltonian is.
        progress: called as ``progress(evaluation, energy, residual)``.

    Raises:
        ValueError: a size that no MERA of this scheme fits (says which do), a bond dimension below 2, a Hamiltonian
            that is not Hermitian, has far terms, or is not translation invariant where it must be.
        TypeError: a Hamiltonian of an unknown kind.

    Warns:
        RuntimeWarning: no convergence; the result is the best so far, marked, with its residual.
    """
    kind = scheme_of(scheme)
    chi = check_bond_dimension(bond_dimension)
    if method not in ("riemannian", "linearised"):
        raise ValueError(f"method must be 'riemannian' or 'linearised'; got {method!r}")
    real = parameter_dtype(dtype)
    infinite = scale_invariant or (sites is not None and math.isinf(sites))
    n_sites = None if infinite else _size(hamiltonian, sites)
    if n_sites is None:
        operators = bulk(hamiltonian, kind)[None]
    else:
        local = (
            hamiltonian
            if isinstance(hamiltonian, (PauliSum, LocalHamiltonian))
            else ring(hamiltonian, n_sites)
        )
        operators = windows(local, kind).operators
    shared = operators.shape[0] == 1 if uniform is None else uniform
    if shared and operators.shape[0] > 1:
        raise ValueError(
            "tensors shared by all positions (uniform=True) need a translation-invariant Hamiltonian; build the model "
            "with periodic=True, or leave uniform out"
        )
    wanted = np.result_type(real, np.complex64) if np.iscomplexobj(operators) else real
    if initial_state is not None:
        start = _checked(initial_state, infinite, n_sites, kind, operators)
    elif n_sites is None:
        start = start_infinite(kind, operators[0], chi, layers, key)
    else:
        start = start_finite(kind, operators, n_sites, chi, layers, shared, key)
    start = jax.tree.map(lambda x: x.astype(wanted), start)  # found in double precision
    unit = 1.0
    if n_sites is not None:
        unit = float(n_sites)
        if isinstance(start, FiniteMERA) and not start.is_uniform:
            operators = np.broadcast_to(operators, (n_sites, *operators.shape[1:]))
        operators = operators / n_sites
    found = minimise(
        kind,
        start,
        operators.astype(wanted),
        method=method,
        tolerance=tolerance,
        max_iterations=max_iterations,
        progress=None if progress is None else lambda i, value, residual: progress(i, value * unit, residual),
    )
    converged = found.residual <= tolerance
    if not converged:
        warnings.warn(
            f"the MERA has not converged: residual {found.residual:.2e} after {len(found.history)} evaluations, "
            f"tolerance {tolerance:.2e}; the best state so far is returned; raise max_iterations",
            RuntimeWarning,
            stacklevel=2,
        )
    if isinstance(start, FiniteMERA):
        mera = unpack_finite(kind, jax.tree.map(jnp.asarray, found.point), start.top.ndim)
    else:
        mera = unpack_infinite(kind, jax.tree.map(jnp.asarray, found.point))
    history = tuple(value * unit for value in found.history)
    return GroundState(mera, found.energy * unit, converged, found.residual, history)


def _size(hamiltonian: Any, sites: float | None) -> int:
    """The number of sites of a finite chain."""
    if isinstance(hamiltonian, PauliSum):
        own = hamiltonian.n_qubits
    elif isinstance(hamiltonian, LocalHamiltonian):
        own = hamiltonian.n_sites
    elif sites is None:
        raise ValueError("a two-site matrix needs sites=n (a ring), sites=math.inf or scale_invariant=True")
    else:
        own = int(sites)
    if sites is not None and sites != own:
        raise ValueError(f"the Hamiltonian has {own} sites; got sites={sites}")
    return own


def _checked(
    state: FiniteMERA | ScaleInvariantMERA,
    infinite: bool,
    n_sites: int | None,
    scheme: Scheme,
    operators: np.ndarray,
) -> FiniteMERA | ScaleInvariantMERA:
    """A start given by the caller."""
    kind = ScaleInvariantMERA if infinite else FiniteMERA
    if not isinstance(state, kind):
        raise TypeError(f"initial_state must be a {kind.__name__} here; got {type(state).__name__}")
    size = None if infinite else state.n_sites
    if state.scheme != scheme or size != n_sites or state.local_dimension != operators.shape[-1]:
        raise ValueError(f"initial_state does not fit the Hamiltonian and scheme: {state}")
    if isinstance(state, FiniteMERA) and state.is_uniform and operators.shape[0] > 1:
        raise ValueError(
            "initial_state shares its tensors between positions; the Hamiltonian is not translation invariant"
        )
    if jnp.issubdtype(state.dtype, jnp.complexfloating) and not np.iscomplexobj(operators):
        raise ValueError(
            "initial_state is complex while the Hamiltonian is real; give its real part, made isometric"
        )
    return state
