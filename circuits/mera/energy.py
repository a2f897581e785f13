r"""The energy of a MERA, its Euclidean gradient, and the metric of its tensors, in one pass.

The operators are raised layer by layer, and reverse differentiation of that pass *is* the descending superoperator with
the environments of Evenbly and Vidal: for ``E`` bilinear in ``W*`` and ``W`` the gradient is twice the environment.
Zero operators ("probes") added at every level collect the local density matrices on the way.

Tensors are held as matrices with orthonormal columns (see `stiefel`), layers of equal bond dimension stacked: they run
in one `lax.scan`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from circuits.mera.krylov import gmres
from circuits.mera.schemes import Scheme
from circuits.mera.superoperators import Layer, ascend, identity

RECOMPUTE = 8  # bond dimension from which a layer is recomputed in the reverse pass


class Tensors(NamedTuple):
    """The tensors of a MERA as matrices from upper to lower indices, ``(..., n, p)``.

    ``head``: the layers whose bond dimension grows, or all of them where every position has its own tensors, each
    array with a leading axis of positions. ``tail``: the shared layers of equal bond dimension, with a leading axis
    of layers, or None. ``cap``: the top vector ``(chi^t, 1)`` of a finite MERA, or the repeated `Layer`. The same
    tree holds gradients, metrics and density matrices of the tensors.
    """

    head: tuple[Any, ...]
    tail: Any
    cap: Any


class Evaluation(NamedTuple):
    """What the optimiser needs at a point: energy, Euclidean gradient, and metric (``(..., p, p)``) per tensor."""

    energy: Array
    gradient: Tensors
    metric: Tensors
    warm: Warm
    residual: Array  # how well the fixed points are solved; zero for a finite MERA


class Warm(NamedTuple):
    """Where the fixed points of the repeated layer start: ``sigma`` (trace one) and the summed Hamiltonian."""

    density: Any
    hamiltonian: Any


def unfold(scheme: Scheme, layer: Layer) -> Layer:
    """Tensors with one axis per site from the matrices of a layer."""
    lead = layer.disentangler.shape[:-2]
    d = _root(layer.disentangler.shape[-1], 2)
    chi = layer.isometry.shape[-1]
    return Layer(
        layer.disentangler.reshape((*lead, d, d, d, d)),
        layer.isometry.reshape((*lead, *(d,) * scheme.branching, chi)),
    )


def fold(scheme: Scheme, layer: Layer) -> Layer:
    """The matrices of the tensors of a layer: the inverse of `unfold`."""
    u, w = layer
    d = u.shape[-1]
    lead = u.shape[:-4]
    return Layer(u.reshape((*lead, d * d, d * d)), w.reshape((*lead, d**scheme.branching, w.shape[-1])))


def finite(scheme: Scheme, tensors: Tensors, hamiltonian: Array, warm: Warm, tolerance: Array) -> Evaluation:
    """Energy of a finite MERA: ``hamiltonian`` is ``(n or 1, d, ...)``, one operator per site or the shared one.

    Divided by the number of sites, it gives the energy per site. ``warm`` and ``tolerance`` are not used.
    """
    probes = _probes(scheme, tensors, hamiltonian)
    sites = _root(tensors.cap.shape[-2], _top_dimension(tensors, hamiltonian), logarithm=True)

    def energy(tensors: Tensors, probes: Tensors) -> Array:
        raised = _climb(scheme, tensors, hamiltonian, probes, 1.0)
        return top_energy(scheme, tensors.cap, raised, sites)

    value, (gradient, densities) = jax.value_and_grad(energy, argnums=(0, 1))(tensors, probes)
    metric = _metric(scheme, tensors, densities)
    return Evaluation(value, _both_sides(gradient), metric, warm, jnp.zeros_like(value))


def infinite(
    scheme: Scheme, tensors: Tensors, hamiltonian: Array, warm: Warm, tolerance: Array
) -> Evaluation:
    r"""Energy per site of a scale-invariant MERA, ``tr(rho* h_T)``, with ``rho* = D(rho*)`` of the repeated layer.

    The derivative of the fixed point needs the Hamiltonian summed over all scales,
    ``htilde = (1 - A)^{-1} (h_T - E)``: ``dE = tr(rho* dh_T) + tr(rho* dA(htilde))``, with ``A`` the mean over the
    cones. Both fixed points start from the last ones (`Warm`). An error ``r`` in one of them enters the energy only
    times the error of the other, since ``tr(htilde (D sigma - sigma))`` is added.
    """
    probes = _probes(scheme, tensors, hamiltonian)
    repeated = tensors.cap
    scale = 1.0 / scheme.branching

    raised, pull = jax.vjp(
        lambda tensors, probes: _climb(scheme, tensors, hamiltonian, probes, scale), tensors, probes
    )

    def up(layer: Layer, operator: Array) -> Array:
        return _raise(scheme, _shared(layer), operator[None])[0] * scale

    def raise_(operator: Array) -> Array:
        return up(repeated, operator)

    lower = jax.linear_transpose(raise_, warm.density)
    one = identity(scheme, _root(repeated.disentangler.shape[-1], 2), raised.dtype)

    density = warm.density / jnp.sum(warm.density * one)
    density, defect = gmres(lambda x: lower(x)[0], density, jnp.zeros_like(density), tolerance)
    density = density / jnp.sum(density * one)
    energy = jnp.sum(density * raised[0])
    start = warm.hamiltonian - jnp.sum(density * warm.hamiltonian) * one
    summed, defect_h = gmres(raise_, start, raised[0] - energy * one, tolerance)
    energy = energy + jnp.sum(summed * (lower(density)[0] - density))

    gradient, densities = pull(density[None])
    (repeated_gradient,) = jax.vjp(lambda layer: up(layer, summed), repeated)[1](density)
    gradient = gradient._replace(cap=repeated_gradient)
    metric = _metric(scheme, tensors, densities, density)
    return Evaluation(
        energy.real,
        _both_sides(gradient),
        metric,
        Warm(density, summed),
        jnp.maximum(defect, defect_h),
    )


def top_energy(scheme: Scheme, top: Array, operators: Array, sites: int) -> Array:
    """``sum_j <top| O_j |top>`` on a ring of ``sites``; ``top`` is ``(chi^sites, 1)``; derivatives of the ket only."""
    chi = operators.shape[-1]
    block = chi**scheme.support
    turned = turns(top.reshape((chi,) * sites)).reshape((sites, block, -1))
    matrices = operators.reshape((-1, block, block))
    acted = matrices @ turned  # one shared operator broadcasts over the positions
    return jnp.sum(lax.stop_gradient(turned).conj() * acted).real


def turns(vector: Array) -> Array:
    """The ``t`` rotations of a vector on ``t`` sites: entry ``j`` has site ``j`` as its first axis."""
    t = vector.ndim
    return jnp.stack([jnp.transpose(vector, [(j + k) % t for k in range(t)]) for j in range(t)])


def _raise(scheme: Scheme, layer: Layer, operators: Array) -> Array:
    """`ascend` by a layer of matrices, with derivatives of the ket only: half the work (see `_both_sides`)."""
    layer = unfold(scheme, layer)
    return ascend(scheme, layer, operators, bra=lax.stop_gradient(layer))


def _both_sides(gradient: Tensors) -> Tensors:
    """The gradient from that of the ket: for a real function of ``(W*, W)`` the bra adds the conjugate."""
    return jax.tree.map(lambda x: 2.0 * x.conj(), gradient)


def _climb(scheme: Scheme, tensors: Tensors, operators: Array, probes: Tensors, scale: float) -> Array:
    def one(layer: Layer, operators: Array) -> Array:
        return _raise(scheme, layer, operators) * scale

    # Where its intermediates would fill the memory, a layer is recomputed in the reverse pass.
    largest = max(layer.isometry.shape[-1] for layer in (*tensors.head, tensors.tail) if layer is not None)
    if largest >= RECOMPUTE:
        one = jax.checkpoint(one)
    for layer, probe in zip(tensors.head, probes.head, strict=True):
        operators = one(layer, operators) + probe
    if tensors.tail is not None:

        def step(operators: Array, item: tuple[Layer, Array]) -> tuple[Array, None]:
            layer, probe = item
            return one(_shared(layer), operators) + probe, None

        operators, _ = lax.scan(step, operators, (tensors.tail, probes.tail))
    return operators


def _probes(scheme: Scheme, tensors: Tensors, hamiltonian: Array) -> Tensors:
    """Zero operators at the upper level of every layer."""
    positions = hamiltonian.shape[0]
    head = []
    for layer in tensors.head:
        positions = positions if positions == 1 else positions // scheme.branching
        chi = layer.isometry.shape[-1]
        head.append(jnp.zeros((positions, *(chi,) * (2 * scheme.support)), hamiltonian.dtype))
    tail = None
    if tensors.tail is not None:
        layers, chi = tensors.tail.isometry.shape[0], tensors.tail.isometry.shape[-1]
        tail = jnp.zeros((layers, 1, *(chi,) * (2 * scheme.support)), hamiltonian.dtype)
    return Tensors(tuple(head), tail, jnp.zeros(()))


def _metric(scheme: Scheme, tensors: Tensors, densities: Tensors, repeated: Array | None = None) -> Tensors:
    """The metric of every tensor; ``repeated`` is the fixed point of the repeated layer, if there is one.

    Per site there are ``b^-l`` copies of a tensor of level ``l`` (in a finite MERA the densities carry that factor).
    """
    rate = 1.0 if repeated is None else 1.0 / scheme.branching
    level = 1.0
    head = []
    for layer, sigma in zip(tensors.head, densities.head, strict=True):
        level *= rate
        head.append(_upper_densities(scheme, unfold(scheme, layer), sigma * level))
    tail = None
    if tensors.tail is not None:
        layers = tensors.tail.isometry.shape[0]
        weights = level * rate ** np.arange(1.0, layers + 1.0)
        sigma = densities.tail * jnp.asarray(weights, densities.tail.dtype).reshape(
            -1, *(1,) * (densities.tail.ndim - 1)
        )
        # The layers of the tail stand where positions do, each with its own density.
        tail = _upper_densities(scheme, unfold(scheme, tensors.tail), sigma[:, 0], neighbours=False)
        level *= rate**layers
    cap: Any = jnp.full((1, 1), level**2, jax.tree.leaves(tensors)[0].dtype)
    if repeated is not None:
        level *= rate / (1.0 - rate)  # the sum over all the layers it stands for
        stacked = unfold(scheme, _shared(tensors.cap))
        cap = jax.tree.map(lambda x: x[0], _upper_densities(scheme, stacked, (repeated * level)[None]))
    return Tensors(tuple(head), tail, cap)


def _upper_densities(scheme: Scheme, layer: Layer, sigma: Array, neighbours: bool = True) -> Layer:
    """``rho`` of the upper legs of the disentanglers (two sites) and of the isometries (one site).

    ``neighbours``: whether the leading axis is a ring of positions, so that an isometry meets the next one.
    """
    u, w = layer
    s, b = scheme.support, scheme.branching
    d, chi = u.shape[-1], w.shape[-1]
    rest = chi ** (s - 2)
    sigma = sigma.reshape((sigma.shape[0], chi, chi, rest, chi, chi, rest))
    two = jnp.einsum("pabrxyr->pabxy", sigma)
    following = jnp.roll(w, -1, axis=0) if neighbours else w
    left = w.reshape((w.shape[0], d ** (b - 1), d, chi))  # its last site meets the disentangler
    right = following.reshape((w.shape[0], d, d ** (b - 1), chi))
    # sigma[bra, ket] pairs with O[bra, ket] = conj(W) O W, so a lowered density has conj(W) on its bra legs.
    half = jnp.einsum("pabxy,plma,plnx->pmnby", two, left.conj(), left)
    pair = jnp.einsum("pmnby,pqrb,pzry->pmqnz", half, right.conj(), right).reshape((-1, d * d, d * d))
    site = jnp.einsum("pabxb->pax", two)
    return Layer(jnp.swapaxes(pair, -1, -2), jnp.swapaxes(site, -1, -2))


def _shared(layer: Layer) -> Layer:
    return jax.tree.map(lambda x: x[None], layer)


def _top_dimension(tensors: Tensors, hamiltonian: Array) -> int:
    if tensors.tail is not None:
        return tensors.tail.isometry.shape[-1]
    return tensors.head[-1].isometry.shape[-1] if tensors.head else hamiltonian.shape[-1]


def _root(value: int, of: int, logarithm: bool = False) -> int:
    """The integer ``x`` with ``x**of == value``, or with ``of**x == value`` for ``logarithm``."""
    for x in range(1, 4097):
        if (of**x if logarithm else x**of) == value:
            return x
    raise ValueError(f"{value} is no power of {of}" if logarithm else f"{value} has no integer root {of}")
