r"""Ground states by the density matrix renormalisation group.

Stages of growing, fixed bond dimension: two-site sweeps at a small one, where a sweep costs next to nothing and the
perturbed density matrix finds its way out of local minima; then one-site sweeps at the full one, whose first expands
the bonds. Each stage compiles one program for all its sweeps (`circuits.mps.sweeps`).
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from circuits.description import parameter_dtype
from circuits.local import LocalHamiltonian
from circuits.mps import deflation, sweeps
from circuits.mps.chain import Problem, assemble, disassemble, is_exact, random_tensors
from circuits.mps.exact_ground import solve_exactly
from circuits.mps.mpo import MPO
from circuits.mps.sizes import bond_dimensions
from circuits.mps.state import MPS
from circuits.paulis import PauliSum
from circuits.threads import few_blas_threads

_FIRST = 27  # largest bond dimension of the first stage
_MIXING = 1e-3  # weight of the perturbation in the first sweep; a tenth of it in each that follows
_KRYLOV = 6  # with 3 the last digits of a critical chain take ten times as many sweeps
_KRYLOV_MOST = 20
_GROWTH = 8  # largest ratio of the bond dimensions of two stages


class Stage(NamedTuple):
    """Sweeps at one bond dimension.

    Args:
        bond_dimension: the bond dimension D.
        sites: 2 or 1, how many are optimised at a time. One-site sweeps are cheaper, and exact in that they cut
            nothing; where D exceeds that of the stage before, the first of them expands the bonds.
        sweeps: at most so many sweeps, there and back.
        tolerance: stop when the energy changes by less than this fraction of it in a sweep.
    """

    bond_dimension: int
    sites: int
    sweeps: int
    tolerance: float


@dataclasses.dataclass(frozen=True)
class GroundState:
    """A ground state; unpacks as ``psi, energy = ...``.

    Attributes:
        state: the `MPS`, of norm one.
        energy: its energy.
        converged: whether the energy changed by less than the tolerance in the last sweep.
        residual: the largest ``|(H_eff - E) C|`` over the sites in the last sweep, before each update: zero at a
            stationary point of the energy at this bond dimension.
        discarded: the largest weight cut off at a bond in the last sweep; 0 in one-site sweeps.
        energies: the energy after every half sweep.
    """

    state: MPS
    energy: float
    converged: bool
    residual: float
    discarded: float
    energies: tuple[float, ...]
    _variance: Callable[[], float] = dataclasses.field(repr=False, compare=False, default=lambda: 0.0)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.state, self.energy))

    @functools.cached_property
    def variance(self) -> float:
        """``<H^2> - <H>^2`` over changes of at most two neighbouring sites: zero for an eigenstate.

        Exact for nearest-neighbour Hamiltonians, else a lower bound; computed when first asked for.
        """
        return self._variance()


def default_schedule(
    bond_dimension: int, local_dimension: int, tolerance: float, max_sweeps: int
) -> tuple[Stage, ...]:
    """Two-site sweeps at a small power of d (16 for qubits, 27 for spin 1), then one-site sweeps at growing sizes.

    Powers of d because all active tensors then have one shape, and compile once.
    """
    d = local_dimension
    sizes = [bond_dimension]
    first = _power(d, min(_FIRST, bond_dimension))
    while sizes[0] > first * _GROWTH and _power(d, sizes[0] // _GROWTH) > first:
        sizes.insert(0, _power(d, sizes[0] // _GROWTH))
    start = Stage(first, 2, max_sweeps, max(1e-10, tolerance))
    middle = [Stage(size, 1, 4, max(1e-11, tolerance)) for size in sizes[:-1]]
    return (start, *middle, Stage(bond_dimension, 1, max_sweeps, tolerance))


def _power(d: int, largest: int) -> int:
    power = 1
    while power * d <= largest:
        power *= d
    return power


def ground_state(
    hamiltonian: PauliSum | LocalHamiltonian | MPO,
    bond_dimension: int = 64,
    *,
    tolerance: float | None = None,
    max_sweeps: int = 50,
    schedule: Sequence[Stage] | None = None,
    initial: MPS | None = None,
    orthogonal_to: Sequence[MPS] = (),
    krylov_steps: int | None = None,
    key: jax.Array | None = None,
    dtype: Any = None,
    progress: Callable[[Stage, float], None] | None = None,
) -> GroundState:
    """The ground state of a Hamiltonian on an open chain as a matrix product state, ``psi, energy = ground_state(h)``.

    Periodic and long-range Hamiltonians are welcome: their operator is wider. Chains so short that ``bond_dimension``
    is (nearly) exact are diagonalised. The state is real where the Hamiltonian is. Of a degenerate level, one state.

    Args:
        hamiltonian: a Pauli sum, a `LocalHamiltonian` or a Hermitian `MPO`.
        bond_dimension: the bond dimension D of the state; more than exact is cut down to it, with a warning.
        tolerance: converged when the energy changes by less than this fraction of it in a sweep (there and back); 1e-12
            in double and 1e-6 in single precision unless given.
        max_sweeps: largest number of sweeps in a stage.
        schedule: the stages, `default_schedule` unless given.
        initial: a state to start from, instead of a random one; stages of smaller bond dimension are left out.
        orthogonal_to: lower states to project out: the result is the lowest state orthogonal to them.
        krylov_steps: applications of the effective Hamiltonian per site; 6 unless given, more where few sites are
            active.
        key: random key of the start; 0 unless given.
        dtype: float64 or float32, the precision; complex where needed.
        progress: called with the stage and the energy after every half sweep.

    Raises:
        ValueError: a bond dimension below one, a Hamiltonian that is not Hermitian (the deviation is said), states on
            other chains, float64 with x64 off.
        TypeError: if ``hamiltonian`` is none of the three.

    Example:
        >>> import jax, circuits
        >>> jax.config.update("jax_enable_x64", True)
        >>> from circuits.mps.dmrg import ground_state
        >>> psi, energy = ground_state(circuits.hamiltonians.ising(20), bond_dimension=8)
        >>> round(energy, 6)
        -25.107797
    """
    operator = MPO.from_hamiltonian(hamiltonian)
    real = parameter_dtype(dtype)
    tolerance = (1e-12 if real == jnp.float64 else 1e-6) if tolerance is None else tolerance
    bonds = bond_dimensions(operator.local_dimensions, bond_dimension)  # warns beyond what is exact
    _check(operator, (*orthogonal_to, *(() if initial is None else (initial,))), krylov_steps)
    n, d = operator.n_sites, operator.local_dimensions[0]
    complex_state = not operator.is_real or any(
        jnp.issubdtype(psi.dtype, jnp.complexfloating)
        for psi in (*orthogonal_to, *([initial] if initial else []))
    )
    kind = np.result_type(real, np.complex64) if complex_state else real
    size = min(bond_dimension, max(bonds))
    if is_exact(n, d, size):
        vector, energy, residual = solve_exactly(operator, [np.asarray(p.to_vector()) for p in orthogonal_to])
        state = MPS.from_vector(jnp.asarray(vector, kind), d)
        return GroundState(state, energy, True, residual, 0.0, (energy,), lambda: residual**2)
    stages = default_schedule(size, d, tolerance, max_sweeps) if schedule is None else tuple(schedule)
    if schedule is None and initial is not None:  # do not cut down what was given
        stages = tuple(s for s in stages if s.bond_dimension >= min(initial.bond_dimension, size))
    _check_stages(stages, size)
    with few_blas_threads(d * max(stage.bond_dimension for stage in stages)):
        return _run(operator, stages, initial, orthogonal_to, krylov_steps, key, kind, progress)


def _run(
    operator: MPO,
    stages: Sequence[Stage],
    initial: MPS | None,
    orthogonal_to: Sequence[MPS],
    krylov_steps: int | None,
    key: jax.Array | None,
    dtype: Any,
    progress: Callable[[Stage, float], None] | None,
) -> GroundState:
    n, d = operator.n_sites, operator.local_dimensions[0]
    energies: list[float] = []
    problem, report, lower, converged = None, None, None, False
    start = random_tensors(jax.random.key(0) if key is None else key, n, d, stages[0].bond_dimension, dtype)
    if initial is not None:
        size = min(stages[0].bond_dimension, initial.bond_dimension)
        start = initial.compress(size).canonical(0).normalised().tensors
    used = max(t.shape[0] for t in start)
    for stage in stages:
        bond = stage.bond_dimension
        if problem is None or problem.chain.bulk.shape[1] != bond:
            problem = assemble(
                start if problem is None else disassemble(problem.chain), operator, bond, dtype
            )
            lower = deflation.prepare(orthogonal_to, problem.chain, dtype) if orthogonal_to else None
        active, width = problem.directions[0].shape[:2]
        steps = max(_KRYLOV, min(_KRYLOV_MOST, 96 // active)) if krylov_steps is None else krylov_steps
        nothing = jnp.zeros((width, bond, bond), dtype)
        expand = _expansion(width, used, bond, dtype)
        converged, before = False, None
        for sweep in range(stage.sweeps):
            for direction in problem.directions:
                if stage.sites == 2:
                    weight = jnp.asarray(_MIXING * 0.1**sweep if sweep < 6 else 0.0, nothing.real.dtype)
                else:
                    weight, expand = expand, nothing
                chain, around, lower, report = sweeps.half_sweep(
                    problem.chain,
                    problem.around,
                    direction,
                    weight,
                    lower,
                    pairs=stage.sites == 2,
                    steps=steps,
                )
                problem = problem._replace(chain=chain, around=around)
                energies.append(float(report.energies[-1]))
                if progress is not None:
                    progress(stage, energies[-1])
            used = bond
            change = np.inf if before is None else abs(before - energies[-1])
            before = energies[-1]
            if change <= stage.tolerance * max(1.0, abs(before)):
                converged = True
                break
    assert problem is not None
    assert report is not None
    residual, discarded = float(report.gradients.max()), float(report.discarded.max())
    if not converged:
        warnings.warn(
            f"DMRG has not converged in {stages[-1].sweeps} sweeps: residual {residual:.3g}; the best state so far is "
            "returned, raise max_sweeps or tolerance",
            stacklevel=3,
        )
    state = MPS([jnp.asarray(t) for t in disassemble(problem.chain)])
    variance = functools.partial(_variance, problem)
    return GroundState(state, energies[-1], converged, residual, discarded, tuple(energies), variance)


def _variance(problem: Problem) -> float:
    return float(sweeps.variance(problem.chain, problem.around, problem.directions[0]))


def _expansion(width: int, used: int, bond: int, dtype: Any) -> jax.Array:
    """The random map of `sweeps.half_sweep` into the columns beyond the ``used`` first."""
    random = np.random.default_rng(0).normal(size=(width, bond, bond)) / np.sqrt(width * bond)
    random[:, :, :used] = 0.0
    return jnp.asarray(random, dtype)


def _check_stages(stages: Sequence[Stage], largest: int) -> None:
    sizes = [stage.bond_dimension for stage in stages]
    if not sizes or sizes != sorted(sizes) or sizes[0] < 1 or sizes[-1] > largest:
        raise ValueError(f"the stages of a schedule must grow, from 1 to at most {largest}; got {sizes}")
    if any(stage.sites not in (1, 2) or stage.sweeps < 1 for stage in stages):
        raise ValueError(f"a stage optimises 1 or 2 sites, in at least one sweep; got {tuple(stages)}")


def _check(operator: MPO, states: Sequence[MPS], steps: int | None) -> None:
    if len(set(operator.local_dimensions)) != 1:
        raise ValueError(f"all sites must have one dimension; the operator has {operator.local_dimensions}")
    if steps is not None and steps < 1:
        raise ValueError(f"krylov_steps must be at least 1; got {steps}")
    deviation = operator.hermitian_deviation()
    if deviation > 1e-8:
        raise ValueError(
            f"the operator is not Hermitian: |H - H^dagger| / |H| = {deviation:.3g}; use (H + H.adjoint()) * 0.5"
        )
    for psi in states:
        if tuple(psi.local_dimensions) != operator.local_dimensions:
            raise ValueError(
                f"the Hamiltonian acts on {operator.n_sites} sites of dimension {operator.local_dimensions[0]}; "
                f"a state has sites of dimensions {tuple(psi.local_dimensions)}"
            )
