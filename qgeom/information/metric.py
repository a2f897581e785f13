"""The information metric: the metric of the points that a description yields, pulled back to its parameters.

A description takes parameters ``theta`` (and an input ``x``) to a point of a manifold that has a metric ``M`` of its
own. The pullback by the Jacobian ``J = d point / d theta``, averaged over data,

    F = E_x [J' M J],

is the one object of which everything here is a property. It is

* the quantum Fisher matrix (QFIM), ``4 Re Q``, where the points are states (Q the quantum geometric tensor);
* the SLD Fisher matrix, 4 x Bures at constant rank, where they are density matrices (or the RLD one, see `manifold`);
* the Fisher matrix ``E[d_i ln p d_j ln p]`` where they are categorical distributions: the expectation under the
  model, not the empirical one;
* ``J'J`` where they are means of unit-variance normal distributions.

To second order ``d' F d / 2`` is the relative entropy of neighbours (classical), and ``d' F d / 4`` their infidelity
(pure states). ``F`` is a *semi*-metric: directions in its kernel change the parameters and not the point.

Nothing is computed before it is asked for, and products with vectors need no matrix. :class:`InformationMetric` is a
pytree and works inside ``jax.jit``, ``jax.vmap`` and ``jax.jacfwd``, but for the methods said to run on the host.
"""

from __future__ import annotations

import importlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Complex, Float, Key, PyTree

from circuits.description import Description, Params
from qgeom.information import planning, pullback
from qgeom.information.fisher_rao import DEFAULT_THRESHOLD
from qgeom.information.manifold import PointMetric
from qgeom.information.pullback import Plan
from qgeom.information.solve import dense_solve, iterative_solve, pseudo_inverse_solve
from qgeom.information.spectrum import SpectralDensity, half_log_determinant, lanczos_density, rank_cut

# Up to here the dense Cholesky factorisation is faster than conjugate gradients.
DENSE_SOLVE_LIMIT = 512


class InformationMetric(eqx.Module):
    """The information metric of a description at one parameter point; made by :func:`information_metric`.

    Vectors ``v`` are flat arrays of the kept parameters, or pytrees like the parameters (frozen entries count as
    zero); results come back in the same form. Matrices are in the order of ``jax.flatten_util.ravel_pytree``,
    restricted to the kept parameters.
    """

    plan: Plan = eqx.field(static=True)
    params: Params
    data: PyTree | None
    weights: Float[Array, " n"]

    # -- size and precision ------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number p of kept parameters."""
        return self._total if self.plan.kept is None else len(self.plan.kept)

    @property
    def dtype(self) -> jnp.dtype:
        """float64 or float32: that of the parameters."""
        return jnp.result_type(*jax.tree.leaves(self.params))

    @property
    def dropped(self) -> int:
        """How many outcomes (or eigenvalues of density matrices), over all data, the metric leaves out."""
        return int(pullback.count_dropped(self.plan, self.params, self.data))

    @property
    def _total(self) -> int:
        return sum(np.size(leaf) for leaf in jax.tree.leaves(self.params))

    @property
    def _arguments(self) -> tuple[Plan, Params, Any, Array]:
        return self.plan, self.params, self.data, self.weights

    # -- products ----------------------------------------------------------------------------------------------

    def mv(self, v: PyTree) -> PyTree:
        """``F v``: one tangent and one cotangent sweep; memory does not grow with the number of parameters."""
        return pullback.product(*self._arguments, v)

    def inner(self, u: PyTree, v: PyTree) -> Float[Array, ""]:
        """``u' F v``, by tangent sweeps alone."""
        return pullback.inner(*self._arguments, u, v)

    def as_linear_operator(self) -> lx.AbstractLinearOperator:
        """The metric as a matrix-free lineax operator on flat vectors, symmetric and positive semi-definite."""
        structure = jax.ShapeDtypeStruct((self.size,), self.dtype)
        return lx.FunctionLinearOperator(self.mv, structure, (lx.symmetric_tag, lx.positive_semidefinite_tag))

    # -- matrices ----------------------------------------------------------------------------------------------

    def as_matrix(self) -> Float[Array, "p p"]:
        """The dense matrix; traceable, and differentiable in forward mode (Christoffel symbols)."""
        planning.require_matrix(self.size, self.dtype)
        return pullback.matrix(*self._arguments)

    def diagonal(self) -> Float[Array, " p"]:
        """The diagonal, without the matrix; by the description's own ``fisher_diagonal`` where it has one."""
        return pullback.diagonal(*self._arguments)

    def trace(self) -> Float[Array, ""]:
        """The sum of the diagonal."""
        return jnp.sum(self.diagonal())

    def blocks(self) -> tuple[Float[Array, "k k"], ...]:
        """The diagonal block of every node of the description, in the order of ``description.nodes``.

        A node's parameters come in the order the node names them; frozen ones are left out, and a node without
        parameters has a block of shape (0, 0).
        """
        positions = planning.node_positions(self.plan, self._total)
        sizes = sorted({len(p) for p in positions} - {0})
        members = [[i for i, p in enumerate(positions) if len(p) == size] for size in sizes]
        groups = tuple(jnp.asarray([positions[i] for i in nodes]) for nodes in members)
        found = [jnp.zeros((0, 0), self.dtype)] * len(positions)
        for nodes, values in zip(members, pullback.blocks(*self._arguments, groups), strict=True):
            for i, block in zip(nodes, values, strict=True):
                found[i] = block
        return tuple(found)

    def quantum_geometric_tensor(self) -> Complex[Array, "p p"]:
        """``Q_ij = <d_i psi|(1 - |psi><psi|)|d_j psi>``, Hermitian; ``F = 4 Re Q``. States only.

        Raises:
            TypeError: if the description does not yield pure states.
        """
        if not planning.yields_states(self.plan):
            raise TypeError(
                f"the quantum geometric tensor and the Berry curvature need pure states; {self._kind} are not"
            )
        return pullback.geometric_tensor(*self._arguments)

    def berry_curvature(self) -> Float[Array, "p p"]:
        """``-2 Im Q``, antisymmetric. States only."""
        return -2.0 * self.quantum_geometric_tensor().imag

    # -- spectrum ----------------------------------------------------------------------------------------------

    def eigenvalues(self) -> Float[Array, " p"]:
        """All eigenvalues, ascending. Where data rows are fewer than parameters, from the smaller ``J J'``."""
        dual = planning.dual_size(self.plan, self.weights.shape[0], self.size)
        if dual is None:
            return jnp.linalg.eigvalsh(self.as_matrix())
        return jnp.sort(
            jnp.pad(jnp.linalg.eigvalsh(pullback.dual_matrix(*self._arguments)), (self.size - dual, 0))
        )

    def rank(self, tolerance: float | None = None) -> int:
        """Numerical rank, by the rule of :mod:`qgeom.information.spectrum`; on the host.

        Args:
            tolerance: eigenvalues count above ``tolerance * lambda_max``, instead of the rule.
        """
        eigenvalues = np.asarray(self.eigenvalues())
        return int(np.sum(eigenvalues > self._cut(eigenvalues, tolerance)))

    def kernel(self, tolerance: float | None = None) -> Float[Array, "p nullity"]:
        """Orthonormal basis, in columns, of the directions that do not move the point; on the host."""
        eigenvalues, vectors = jnp.linalg.eigh(self.as_matrix())
        values = np.asarray(eigenvalues)
        return vectors[:, : int(np.sum(values <= self._cut(values, tolerance)))]

    def log_volume(
        self, kappa: float | Array = 1.0, mean_trace: float | Array | None = None
    ) -> Float[Array, ""]:
        """``1/2 ln det(1 + kappa F-hat)`` with ``F-hat = p F / mean tr F``.

        Args:
            kappa: resolution; ``gamma n / (2 pi ln n)`` in the effective dimension of n samples.
            mean_trace: mean of ``tr F`` over parameter points; that of this point unless given.
        """
        eigenvalues = self.eigenvalues()
        eigenvalues = jnp.where(eigenvalues > self.noise_floor, eigenvalues, jnp.zeros_like(eigenvalues))
        return half_log_determinant(eigenvalues, kappa, mean_trace)

    def spectral_density(
        self, steps: int = 32, probes: int = 8, key: Key[Array, ""] | None = None
    ) -> SpectralDensity:
        """The density of eigenvalues by stochastic Lanczos quadrature, without a matrix, with its error.

        Args:
            steps: Lanczos steps of each probe (at most p).
            probes: random probes; the error falls with their square root.
            key: random key; ``jax.random.key(0)`` unless given.
        """
        if steps < 1 or probes < 1:
            raise ValueError(f"spectral_density needs steps >= 1 and probes >= 1, not {steps} and {probes}")
        key = jax.random.key(0) if key is None else key
        nodes, weights, exhausted = _lanczos(self, min(steps, self.size), probes, key)
        return SpectralDensity(np.asarray(nodes), np.asarray(weights), np.asarray(exhausted), self.size)

    # -- natural gradient --------------------------------------------------------------------------------------

    def solve(
        self,
        gradient: PyTree,
        damping: float | Array = 1e-4,
        *,
        matrix_free: bool | None = None,
        rtol: float | None = None,
    ) -> PyTree:
        """The natural gradient: ``(F + damping) x = gradient``.

        Args:
            gradient: flat, or a pytree like the parameters; the result has the same form.
            damping: added to the diagonal, in units of F. Exactly 0.0 asks for the solution of least norm on the
                support of F (pseudo-inverse, dense).
            matrix_free: conjugate gradients instead of a Cholesky factorisation; chosen by size unless given.
            rtol: relative residual of conjugate gradients; 1e-10 in float64 and 1e-5 in float32 unless given.

        Raises:
            ValueError: negative damping, or conjugate gradients that do not converge.
        """
        flat, restore = pullback.flattened(self.plan, self.params, gradient)
        concrete = not isinstance(damping, Tracer)
        if concrete and not float(damping) >= 0.0:
            raise ValueError(f"damping must be zero or positive, not {damping}")
        if concrete and float(damping) == 0.0:
            if matrix_free:
                raise ValueError("damping=0 asks for the pseudo-inverse, which is dense: give damping > 0")
            return restore(_pseudo_inverse(self, flat))
        damping = jnp.asarray(damping, self.dtype)
        if not (self.size > DENSE_SOLVE_LIMIT if matrix_free is None else matrix_free):
            return restore(_cholesky(self, flat, damping))
        rtol = (1e-10 if self.dtype == jnp.float64 else 1e-5) if rtol is None else rtol
        solution, residual = _conjugate_gradients(self, flat, damping, rtol)
        if not isinstance(residual, Tracer) and not float(residual) <= 100.0 * rtol:
            raise ValueError(
                f"conjugate gradients stopped at relative residual {float(residual):.1g}, not {rtol:.1g}: "
                f"raise damping (now {float(damping):.1g}) or rtol"
            )
        return restore(solution)

    # -- plumbing ----------------------------------------------------------------------------------------------

    @property
    def noise_floor(self) -> float | Array:
        """``(8 epsilon |point|)^2``: smaller eigenvalues come from the rounding errors of the points."""
        epsilon = float(jnp.finfo(self.dtype).eps)
        size = (
            1.0
            if self.plan.manifold.bounded
            else pullback.largest_coordinate(self.plan, self.params, self.data)
        )
        return (8.0 * epsilon * size) ** 2

    def _cut(self, eigenvalues: np.ndarray, tolerance: float | None) -> float:
        return rank_cut(eigenvalues, tolerance, float(self.noise_floor))

    @property
    def _kind(self) -> str:
        return self.plan.manifold.name.split(" of ")[-1]

    def __repr__(self) -> str:
        n = "no data" if self.data is None else f"{self.weights.shape[0]} data points"
        kept = (
            f"{self.size} parameters"
            if self.plan.kept is None
            else f"{self.size} of {self._total} parameters"
        )
        mode = "reverse" if self.plan.reverse else "forward"
        return f"InformationMetric({kept}, {self.plan.manifold.name}, {n}, {self.dtype}, matrices in {mode} mode)"


def information_metric(
    description: Description | Any,
    params: Params,
    data: PyTree | None = None,
    *more: Any,
    subset: Any = None,
    weights: ArrayLike | None = None,
    threshold: float = DEFAULT_THRESHOLD,
    batch_size: int | None = None,
    mode: str = "auto",
    manifold: PointMetric | None = None,
) -> InformationMetric:
    """The information metric of ``description`` at ``params``, averaged over ``data``.

    A PennyLane QNode is a description, too: ``information_metric(qnode, *args)`` is the metric of its state at these
    arguments, over the trainable ones (`circuits.from_pennylane`) raveled one after the other.

    Args:
        description: a circuit, a network, or any :class:`circuits.description.Description` that yields states,
            density matrices, distributions or normal distributions; or a QNode.
        params: its parameters, any pytree of real arrays; their dtype is the precision of the metric.
        data: inputs with a leading axis of length n (an array, or a pytree of such); None where D takes no input.
        more: with ``params`` and ``data``, the positional arguments of a QNode.
        subset: parameters to keep, the rest frozen: positions (integers or a slice) in flattened order, a boolean
            mask of that length, or a pytree of booleans like ``params``.
        weights: n non-negative weights of the data, scaled to sum to one; equal unless given.
        threshold: outcomes of at most this probability are left out, and counted in ``dropped``.
        batch_size: data points held in memory together; computed from the memory budget unless given.
        mode: ``"forward"`` or ``"reverse"`` differentiation for matrices; ``"auto"`` takes the cheaper.
        manifold: the metric of the points, where they have several: density matrices have that of the symmetric
            logarithmic derivative unless ``qgeom.information.RightLogarithmic()`` is given (it has its own threshold).

    Raises:
        ValueError: NaN in the parameters, wrong shapes, float64 parameters while x64 is off, an empty subset.
        TypeError: parameters that are not real floating-point arrays, or points without an information metric.
    """
    if type(description).__module__.split(".")[0] == "pennylane":
        arguments = (params,) if data is None and not more else (params, data, *more)
        description, params = _of_qnode(description, arguments)
        data = None
    elif more:
        raise TypeError(f"a description takes parameters and data, not {2 + len(more)} arguments")
    params, data, weights = planning.checked_arrays(description, params, data, weights)
    plan = planning.make_plan(
        description, params, data, weights.shape[0], subset, threshold, batch_size, mode, manifold
    )
    return InformationMetric(plan, params, data, weights)


def _of_qnode(qnode: Any, arguments: tuple[Any, ...]) -> tuple[Description, Any]:
    # By name, so that PennyLane, which is optional, loads only where there is a QNode.
    pennylane = importlib.import_module("circuits.convert.pennylane")
    return pennylane.from_pennylane(qnode, *arguments), pennylane.trainable_vector(arguments)


@eqx.filter_jit
def _lanczos(metric: InformationMetric, steps: int, probes: int, key: Array) -> tuple[Array, Array, Array]:
    return lanczos_density(metric.mv, metric.size, steps, probes, key, metric.dtype)


@eqx.filter_jit
def _pseudo_inverse(metric: InformationMetric, gradient: Array) -> Array:
    return pseudo_inverse_solve(metric.as_matrix(), gradient)


@eqx.filter_jit
def _cholesky(metric: InformationMetric, gradient: Array, damping: Array) -> Array:
    return dense_solve(metric.as_matrix(), gradient, damping)


@eqx.filter_jit
def _conjugate_gradients(
    metric: InformationMetric, gradient: Array, damping: Array, rtol: float
) -> tuple[Array, Array]:
    return iterative_solve(metric.mv, gradient, damping, rtol)
