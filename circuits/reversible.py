"""Evolution whose gradient stores no states: the circuit is undone during the reverse sweep.

A unitary circuit needs no record of its intermediate states, since each follows from the next one by the inverse
step. Reverse mode therefore costs a few states of memory at any depth. Forward mode must keep working (a custom
reverse rule alone forbids it), so the rule is attached one level lower:

* `evolve` is a ``custom_jvp`` function: psi = U(angles) psi_0;
* its tangent is one primitive, *linear* in the tangents of the initial state and of the angles; its transpose is the
  reverse sweep. Batching keeps the primitive whole, by recording the batched axes, so that ``grad(vmap)`` and
  ``vmap(grad)`` are as lean as ``grad``.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from circuits.planar import Planar
from circuits.program import Program


def forward(program: Program, psi: Planar, angles: Float[Array, " a"]) -> Planar:
    """psi after all segments, by plain loops: differentiable by JAX in forward mode at no extra memory."""
    for segment in program.segments:
        psi = forward_segment(segment, psi, segment.prepare(angles))
    return psi


def forward_segment(segment: Any, psi: Planar, rows: Any) -> Planar:
    constants = segment.constants(psi.re.dtype)
    if segment.repeats == 1:
        return segment.body(constants, jax.tree.map(lambda r: r[0], rows), psi)

    def body(state: Planar, row: Any) -> tuple[Planar, None]:
        return segment.body(constants, row, state), None

    return jax.lax.scan(body, psi, rows)[0]


def push(
    program: Program, psi: Planar, angles: Float[Array, " a"], tangent: Planar, rates: Float[Array, " a"]
) -> tuple[Planar, Planar]:
    """The final state and its tangent, from those of the initial state and of the angles, in one sweep."""
    for segment in program.segments:
        constants = segment.constants(psi.re.dtype)
        rows, changes = jax.jvp(segment.prepare, (angles,), (rates,))
        # masks have no tangent; a loop wants an array in their place
        changes = jax.tree.map(lambda r, c: r if c.dtype == jax.dtypes.float0 else c, rows, changes)

        def body(
            carry: tuple[Planar, Planar], row: Any, segment: Any = segment, constants: Any = constants
        ) -> Any:
            return segment.push(constants, *row, *carry), None

        if segment.repeats == 1:
            psi, tangent = body((psi, tangent), jax.tree.map(lambda r: r[0], (rows, changes)))[0]
        else:
            psi, tangent = jax.lax.scan(body, (psi, tangent), (rows, changes))[0]
    return psi, tangent


def backward(
    program: Program, psi: Planar, angles: Float[Array, " a"], cotangent: Planar
) -> tuple[Planar, Float[Array, " a"]]:
    """Cotangents of the initial state and of the angles, from the *final* state and its cotangent."""
    total = jnp.zeros_like(angles)
    for segment in reversed(program.segments):
        constants = segment.constants(psi.re.dtype)
        rows = segment.prepare(angles)

        def body(
            carry: tuple[Planar, Planar], row: Any, segment: Any = segment, constants: Any = constants
        ) -> Any:
            state, ct, pulled = segment.sweep(constants, row, *carry)
            return (state, ct), pulled

        if segment.repeats == 1:
            (psi, cotangent), pulled = body((psi, cotangent), jax.tree.map(lambda r: r[0], rows))
            pulled = jax.tree.map(lambda p: p[None], pulled)
        else:
            (psi, cotangent), pulled = jax.lax.scan(body, (psi, cotangent), rows, reverse=True)
        total = total + segment.pull(angles, pulled)
    return cotangent, total


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def evolve(program: Program, psi: Planar, angles: Float[Array, " a"]) -> Planar:
    """psi = U(angles) psi_0, with gradients by the reverse sweep and forward mode throughout."""
    return forward(program, psi, angles)


@evolve.defjvp
def _evolve_jvp(program: Program, primals: Any, tangents: Any) -> tuple[Planar, Planar]:
    psi, angles = primals
    dpsi, dangles = tangents
    out = evolve(program, psi, angles)
    tangent = _tangent_p.bind(*psi, *out, angles, *dpsi, dangles, program=program, batch=())
    return out, Planar(*tangent)


# The tangent of `evolve`. Operands: psi_0 and psi (re, im each), angles; then, linear, dpsi_0 (re, im) and dangles.
_tangent_p = Primitive("circuit_tangent")
_tangent_p.multiple_results = True
_N_FIXED, _N_LINEAR = 5, 3


def _push_one(program: Program, *operands: Array) -> list[Array]:
    re0, im0, _, _, angles, dre, dim, dangles = operands
    return list(push(program, Planar(re0, im0), angles, Planar(dre, dim), dangles)[1])


def _pull_one(program: Program, *operands: Array) -> list[Array]:
    """Cotangents of (dpsi_0 re, im, dangles) from those of the tangent, given psi_0, psi, angles."""
    _, _, re, im, angles, cre, cim = operands
    dpsi, dangles = backward(program, Planar(re, im), angles, Planar(cre, cim))
    return [*dpsi, dangles]


def _batched(function: Any, batch: tuple[tuple[bool, ...], ...]) -> Any:
    """``function`` under one vmap per entry of ``batch``, the outermost last; an entry says which operands have it."""
    for axes in batch:
        function = jax.vmap(function, in_axes=tuple(0 if b else None for b in axes))
    return function


def _tangent_impl(*operands: Array, program: Program, batch: tuple[tuple[bool, ...], ...]) -> list[Array]:
    return _batched(functools.partial(_push_one, program), batch)(*operands)


_tangent_p.def_impl(
    lambda *operands, program, batch: jax.jit(functools.partial(_tangent_impl, program=program, batch=batch))(
        *operands
    )
)
mlir.register_lowering(_tangent_p, mlir.lower_fun(_tangent_impl, multiple_results=True))


@_tangent_p.def_abstract_eval
def _tangent_abstract(*operands: Any, program: Program, batch: tuple[tuple[bool, ...], ...]) -> list[Any]:
    shapes = [jax.ShapeDtypeStruct(o.shape, o.dtype) for o in operands]
    out = jax.eval_shape(functools.partial(_tangent_impl, program=program, batch=batch), *shapes)
    return [ShapedArray(o.shape, o.dtype) for o in out]


def _tangent_batch(operands: Any, dims: Any, *, program: Program, batch: tuple[tuple[bool, ...], ...]) -> Any:
    moved = [o if d is None else jnp.moveaxis(o, d, 0) for o, d in zip(operands, dims, strict=True)]
    axes = tuple(d is not None for d in dims)
    out = _tangent_p.bind(*moved, program=program, batch=(*batch, axes))
    return out, [0] * len(out)


batching.primitive_batchers[_tangent_p] = _tangent_batch


def _tangent_jvp(
    primals: Any, tangents: Any, *, program: Program, batch: tuple[tuple[bool, ...], ...]
) -> Any:
    out = _tangent_p.bind(*primals, program=program, batch=batch)
    fixed, linear = tangents[:_N_FIXED], tangents[_N_FIXED:]
    result: list[Any] = [jnp.zeros_like(o) for o in out]
    if not all(isinstance(t, ad.Zero) for t in linear):
        full = [ad.instantiate_zeros(t) for t in linear]
        result = _tangent_p.bind(*primals[:_N_FIXED], *full, program=program, batch=batch)
    if not all(isinstance(t, ad.Zero) for t in fixed):
        # derivatives of second order: JAX's own rules for the plain loops
        function = functools.partial(_tangent_impl, program=program, batch=batch)
        full = [ad.instantiate_zeros(t) for t in fixed]
        _, second = jax.jvp(
            lambda *f: function(*f, *primals[_N_FIXED:]), tuple(primals[:_N_FIXED]), tuple(full)
        )
        result = [a + b for a, b in zip(result, second, strict=True)]
    return out, result


ad.primitive_jvps[_tangent_p] = _tangent_jvp


def _tangent_transpose(
    cotangents: Any, *operands: Any, program: Program, batch: tuple[tuple[bool, ...], ...]
) -> list[Any]:
    fixed, linear = operands[:_N_FIXED], operands[_N_FIXED:]
    cts = [ad.instantiate_zeros(c) for c in cotangents]
    # where a batched axis is absent from an operand its cotangent is the sum over that axis
    function = functools.partial(_pull_one, program)
    for axes in batch:
        function = _summed_vmap(function, axes)
    pulled = function(*fixed, *cts)
    linear_cts = [p if ad.is_undefined_primal(x) else None for p, x in zip(pulled, linear, strict=True)]
    return [None] * _N_FIXED + linear_cts


def _summed_vmap(function: Any, axes: tuple[bool, ...]) -> Any:
    in_axes = tuple(0 if b else None for b in axes[:_N_FIXED]) + (0, 0)

    def mapped(*operands: Array) -> list[Array]:
        out = jax.vmap(function, in_axes=in_axes)(*operands)
        return [o if b else jnp.sum(o, 0) for o, b in zip(out, axes[_N_FIXED:], strict=True)]

    return mapped


ad.primitive_transposes[_tangent_p] = _tangent_transpose
