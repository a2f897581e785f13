"""What a circuit is made of after scheduling: layers of blocks, of phases, and of flips.

Every step is a unitary map on the planar state, with what each use of it needs:

* ``constants(dtype)``: arrays as large as the state that depend on nothing; computed once, outside any loop;
* ``weights(angles)``: the small matrices and phases, from the angles of the body;
* ``apply`` and ``invert``: the map and its inverse, on one state;
* ``turning`` and ``births``: derivatives of the state along directions of the angles, in the frame *after* the step;
* ``retreat(...)``: the pull-back of a cotangent through the step, from quantities *after* it, so that a reverse sweep
  may undo the circuit instead of storing its states.
"""

from __future__ import annotations

import abc
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits import planar, small_matrices
from circuits.lowering import Dense, Flip, Phase
from circuits.planar import Planar


#: float32 products at full precision; GPUs would round their factors to 10 bits.
_EXACT = jax.lax.Precision.HIGHEST


class Step(abc.ABC):
    """One unitary step. ``slots`` are the positions of the angles it reads."""

    slots: frozenset[int]

    def constants(self, dtype: Any) -> Any:
        return ()

    def weights(self, angles: Float[Array, " a"]) -> Any:
        return ()

    @abc.abstractmethod
    def apply(self, constants: Any, weights: Any, psi: Planar) -> Planar: ...

    @abc.abstractmethod
    def invert(self, constants: Any, weights: Any, psi: Planar) -> Planar: ...

    def push(
        self, constants: Any, weights: Any, rates: Any, psi: Planar, tangent: Planar
    ) -> tuple[Planar, Planar]:
        """State and tangent after the step; ``rates`` is the tangent of the weights."""
        return jax.jvp(lambda w, p: self.apply(constants, w, p), (weights, psi), (rates, tangent))

    def expanded(self, constants: Any, weights: Any) -> Any:
        """Weights for `apply_many` and `invert_many`; may be as large as a state, which a batch makes worth it."""
        return weights

    def apply_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        """`apply` on a batch of states, shape (k, 2^n)."""
        return jax.vmap(lambda psi: self.apply(constants, expanded, psi))(psis)

    def invert_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        """`invert` on a batch of states, shape (k, 2^n)."""
        return jax.vmap(lambda psi: self.invert(constants, expanded, psi))(psis)

    def turning(self, angles: Float[Array, " a"], rates: Float[Array, " a"], mask: np.ndarray) -> Any:
        """What `births` needs of the angles, small; computed outside any loop.

        Args:
            angles: angles of the body, (a,).
            rates: the derivative of each angle by its parameter, (a,).
            mask: which angles each of the k directions turns, (k, a), every row at least one angle of this step.
        """
        raise NotImplementedError(f"{type(self).__name__} reads no angles")

    def births(self, turning: Any, mask: np.ndarray, psi: Planar) -> Planar:
        """d psi, (k, 2^n), along the directions of `turning`, from the state *after* the step."""
        raise NotImplementedError(f"{type(self).__name__} reads no angles")

    def cotangent(
        self, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> Float[Array, " a"]:
        """The cotangent of the angles, from the state and its cotangent *after* the step."""
        return jnp.zeros_like(angles)

    def retreat(
        self, constants: Any, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> tuple[Planar, Planar, Float[Array, " a"]]:
        """State and cotangent before the step, and the cotangent of the angles.

        A step is orthogonal as a real map, so the cotangent of the state is undone exactly as the state is.
        """
        pulled = self.cotangent(angles, weights, psi, cotangent)
        return self.invert(constants, weights, psi), self.invert(constants, weights, cotangent), pulled


def _bits(n_qubits: int, wires: tuple[int, ...]) -> int:
    """The mask of ``wires`` in the index of a basis state: qubit 0 is the most significant bit."""
    return sum(1 << (n_qubits - 1 - q) for q in wires)


class Flips(Step):
    """A product of controlled flips: one gather, with no arithmetic on amplitudes."""

    slots = frozenset()

    def __init__(self, n_qubits: int, flips: list[Flip]):
        self.n_qubits = n_qubits
        self.masks = [(_bits(n_qubits, f.controls), _bits(n_qubits, (f.target,))) for f in flips]

    def _index(self, masks: list[tuple[int, int]]) -> Array:
        x = jax.lax.iota(jnp.int32, 1 << self.n_qubits)
        for controls, target in masks:
            flipped = x ^ target
            x = jnp.where((x & controls) == controls, flipped, x) if controls else flipped
        return x

    def constants(self, dtype: Any) -> Any:
        # psi'[x] = psi[inverse(x)]; a flip is its own inverse, so the inverse runs the list backwards
        return self._index(self.masks[::-1]), self._index(self.masks)

    def apply(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return _gather(psi, constants[0])

    def invert(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return _gather(psi, constants[1])


def _gather(psi: Planar, index: Array) -> Planar:
    def take(x: Array) -> Array:
        return x.at[index].get(mode="promise_in_bounds", unique_indices=True)

    return Planar(take(psi.re), take(psi.im))


class _Terms:
    """Phase terms that live on one half of the qubits, or across both: masks, scales and slots as arrays."""

    def __init__(self, n_qubits: int, terms: list[Phase]):
        self.z = np.array([_bits(n_qubits, t.z) for t in terms], np.uint32)
        self.b = np.array([_bits(n_qubits, t.b) for t in terms], np.uint32)
        self.scale = np.array([t.scale for t in terms])
        self.slot = np.array([-1 if t.slot is None else t.slot for t in terms], np.int32)
        self.size = len(terms)

    def coefficients(self, angles: Float[Array, " a"]) -> Float[Array, " j"]:
        scale = jnp.asarray(self.scale, angles.dtype)
        if (self.slot < 0).all():
            return scale
        if (self.slot >= 0).all():
            return scale * angles[self.slot]
        return scale * jnp.append(angles, jnp.ones(1, angles.dtype))[self.slot]

    def to_angles(self, cotangent: Float[Array, " j"], n_angles: int) -> Float[Array, " a"]:
        used = self.slot >= 0
        values = cotangent[used] * jnp.asarray(self.scale[used], cotangent.dtype)
        return jnp.zeros(n_angles, cotangent.dtype).at[self.slot[used]].add(values)

    def table(self, n_bits: int, shift: int, dtype: Any) -> Float[Array, "j 2**n_bits"]:
        """f_j restricted to ``n_bits`` bits of the index, ``shift`` bits above the lowest."""
        keep = (1 << n_bits) - 1
        x = jax.lax.iota(jnp.uint32, 1 << n_bits)[None, :]
        z = jnp.asarray((self.z >> shift) & keep, jnp.uint32)[:, None]
        b = jnp.asarray((self.b >> shift) & keep, jnp.uint32)[:, None]
        odd = jax.lax.population_count(x & z) & jnp.uint32(1)
        sign = 1.0 - 2.0 * odd.astype(dtype)
        return jnp.where((x & b) == b, sign, jnp.zeros_like(sign))


class Phases(Step):
    """``psi[x] *= exp(i sum_j a_j f_j(x))``, the ``f_j`` products of bits and signs of bits.

    Terms on the upper or the lower half of the qubits become two vectors of length 2^(n/2) whose outer product is
    never stored; terms across the halves have rank one as matrices over (upper, lower), so that their sum is one
    matrix product. Fixed terms across the halves (e.g. CZ) are one table, of signs where that suffices.
    """

    def __init__(self, n_qubits: int, terms: list[Phase]):
        self.n_qubits = n_qubits
        self.n_upper = n_qubits // 2
        self.n_lower = n_qubits - self.n_upper
        upper, lower, across, fixed = [], [], [], []
        for t in terms:
            if all(q >= self.n_upper for q in t.wires):
                lower.append(t)
            elif all(q < self.n_upper for q in t.wires):
                upper.append(t)
            elif t.slot is None:
                fixed.append(t)
            else:
                across.append(t)
        self.upper, self.lower, self.across, self.fixed = (
            _Terms(n_qubits, part) for part in (upper, lower, across, fixed)
        )
        half_turns = self.fixed.scale / np.pi
        self.fixed_is_sign = bool((np.abs(half_turns - np.rint(half_turns)) < 1e-15).all() and not self.fixed.z.any())
        self.slots = frozenset(t.slot for t in terms if t.slot is not None)

    def _across_table(self, terms: _Terms, coefficients: Float[Array, " j"]) -> Float[Array, "upper lower"]:
        dtype = coefficients.dtype
        upper = terms.table(self.n_upper, self.n_lower, dtype)
        return (coefficients[:, None] * upper).T @ terms.table(self.n_lower, 0, dtype)

    def constants(self, dtype: Any) -> Any:
        if not self.fixed.size:
            return ()
        if self.fixed_is_sign:
            # exp(i pi k): only the parity of the count matters, kept in one byte per amplitude
            count = self._across_table(self.fixed, jnp.asarray(np.rint(self.fixed.scale / np.pi), dtype))
            return (1 - 2 * (count.astype(jnp.int32) & 1)).astype(jnp.int8)
        phase = self._across_table(self.fixed, jnp.asarray(self.fixed.scale, dtype))
        return Planar(jnp.cos(phase), jnp.sin(phase))

    def weights(self, angles: Float[Array, " a"]) -> Any:
        dtype = angles.dtype
        upper = self.upper.coefficients(angles) @ self.upper.table(self.n_upper, self.n_lower, dtype)
        lower = self.lower.coefficients(angles) @ self.lower.table(self.n_lower, 0, dtype)
        return (
            Planar(jnp.cos(upper), jnp.sin(upper)),
            Planar(jnp.cos(lower), jnp.sin(lower)),
            self.across.coefficients(angles) if self.across.size else None,
        )

    def _table(self, constants: Any, weights: Any) -> Planar:
        """exp(i phase) of every basis state, (2^upper, 2^lower)."""
        upper, lower, across = weights
        table = planar.multiply(Planar(*(p[:, None] for p in upper)), Planar(*(p[None, :] for p in lower)))
        if across is not None:
            phase = self._across_table(self.across, across)
            table = planar.multiply(table, Planar(jnp.cos(phase), jnp.sin(phase)))
        if self.fixed.size and self.fixed_is_sign:
            table = planar.multiply(table, Planar(constants.astype(upper.re.dtype), None))
        elif self.fixed.size:
            table = planar.multiply(table, constants)
        return table

    def _times(self, table: Planar, psi: Planar) -> Planar:
        z = Planar(*(part.reshape(1 << self.n_upper, 1 << self.n_lower) for part in psi))
        z = planar.multiply(z, table)
        return Planar(z.re.reshape(psi.re.shape), z.im.reshape(psi.re.shape))

    def apply(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._times(self._table(constants, weights), psi)

    def invert(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._times(planar.conjugate(self._table(constants, weights)), psi)

    def push(
        self, constants: Any, weights: Any, rates: Any, psi: Planar, tangent: Planar
    ) -> tuple[Planar, Planar]:
        if self.across.size:
            return super().push(constants, weights, rates, psi, tangent)
        # i dphi times the state after the step, dphi a sum over the halves: no second table
        upper, lower = (w.re * d.im - w.im * d.re for w, d in zip(weights[:2], rates[:2], strict=True))
        phase = (upper[:, None] + lower[None, :]).reshape(psi.re.shape)
        table = self._table(constants, weights)
        psi, tangent = self._times(table, psi), self._times(table, tangent)
        return psi, Planar(tangent.re - phase * psi.im, tangent.im + phase * psi.re)

    def expanded(self, constants: Any, weights: Any) -> Any:
        return Planar(*(part.reshape(-1) for part in self._table(constants, weights)))

    def apply_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        return planar.multiply(psis, expanded)

    def invert_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        return planar.multiply(psis, planar.conjugate(expanded))

    def turning(self, angles: Float[Array, " a"], rates: Float[Array, " a"], mask: np.ndarray) -> Any:
        directions = jnp.asarray(mask, rates.dtype) * rates

        def linear(terms: _Terms) -> Float[Array, "k j"]:
            scale = jnp.asarray(np.where(terms.slot >= 0, terms.scale, 0.0), rates.dtype)
            return scale * directions[:, np.maximum(terms.slot, 0)]

        upper = linear(self.upper) @ self.upper.table(self.n_upper, self.n_lower, rates.dtype)
        lower = linear(self.lower) @ self.lower.table(self.n_lower, 0, rates.dtype)
        return upper, lower, linear(self.across) if self.across.size else None

    def births(self, turning: Any, mask: np.ndarray, psi: Planar) -> Planar:
        upper, lower, across = turning
        phases = upper[:, :, None] + lower[:, None, :]
        if across is not None:
            phases = phases + jax.vmap(functools.partial(self._across_table, self.across))(across)
        phases = phases.reshape(len(mask), -1)
        return Planar(-phases * psi.im, phases * psi.re)

    def cotangent(
        self, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> Float[Array, " a"]:
        n_angles = angles.shape[0]
        # d psi = i dphi psi, and the pairing is the real one
        phase = (cotangent.im * psi.re - cotangent.re * psi.im).reshape(1 << self.n_upper, 1 << self.n_lower)
        dtype = phase.dtype
        total = jnp.zeros_like(angles)
        if (self.upper.slot >= 0).any():
            pulled = self.upper.table(self.n_upper, self.n_lower, dtype) @ jnp.sum(phase, 1)
            total = total + self.upper.to_angles(pulled, n_angles)
        if (self.lower.slot >= 0).any():
            pulled = self.lower.table(self.n_lower, 0, dtype) @ jnp.sum(phase, 0)
            total = total + self.lower.to_angles(pulled, n_angles)
        if self.across.size:
            upper = self.across.table(self.n_upper, self.n_lower, dtype)
            pulled = jnp.sum((upper @ phase) * self.across.table(self.n_lower, 0, dtype), 1)
            total = total + self.across.to_angles(pulled, n_angles)
        return total


class Piece:
    """A product of dense elements on one wire or on two neighbouring wires."""

    def __init__(self, wires: tuple[int, ...], elements: list[Dense]):
        self.wires = wires
        self.elements = elements

    @functools.cached_property
    def signature(self) -> tuple[Any, ...]:
        """Pieces of equal signature have the same matrix as a function of their own angles."""
        lowest = self.wires[0]
        relative = tuple((tuple(q - lowest for q in e.wires), e.kind) for e in self.elements)
        return (len(self.wires), relative)

    @functools.cached_property
    def slots(self) -> tuple[int, ...]:
        return tuple(s for e in self.elements for s in e.slots)


def _piece_matrices(pieces: list[Piece], angles: Float[Array, " a"]) -> Planar:
    """The matrices of pieces that share a signature, as one batch."""
    first = pieces[0]
    width = len(first.wires)
    own = angles[np.array([p.slots for p in pieces], np.int32).reshape(len(pieces), -1)] if first.slots else None
    identity = jnp.eye(2, dtype=angles.dtype)[None]
    result: Planar | None = None
    position = 0
    for element in first.elements:
        k = len(element.slots)
        mine = angles[:0].reshape(1, 0) if own is None else own[:, position : position + k]
        position += k
        matrix = small_matrices.matrices(element.kind, mine, angles.dtype)
        relative = tuple(q - first.wires[0] for q in element.wires)
        if width == 2 and len(relative) == 1:
            other = Planar(identity, None)
            matrix = planar.kron(matrix, other) if relative == (0,) else planar.kron(other, matrix)
        elif relative == (1, 0):
            matrix = _swap_wires(matrix)
        result = matrix if result is None else planar.matmul(matrix, result)
    if result is None:
        eye = jnp.eye(1 << width, dtype=angles.dtype)
        result = Planar(eye[None], None)
    return Planar(*(None if p is None else jnp.broadcast_to(p, (len(pieces), *p.shape[1:])) for p in result))


def _swap_wires(matrix: Planar) -> Planar:
    order = np.array([0, 2, 1, 3])
    return Planar(*(None if p is None else p[..., order[:, None], order[None, :]] for p in matrix))


class Group:
    """Neighbouring wires whose pieces act as one matrix of size 2^width."""

    def __init__(self, pieces: list[Piece]):
        self.pieces = pieces
        self.first = pieces[0].wires[0]
        self.width = sum(len(p.wires) for p in pieces)
        self.slots = frozenset(s for p in pieces for s in p.slots)
        self.is_real = all(small_matrices.is_real(e.kind) for p in pieces for e in p.elements)


def group_matrices(groups: list[Group], angles: Float[Array, " a"]) -> list[Planar]:
    """One matrix per group. Equal structures are built together, so a wide layer is a handful of small operations."""
    by_signature: dict[Any, list[tuple[int, int]]] = {}
    for g, group in enumerate(groups):
        for p, piece in enumerate(group.pieces):
            by_signature.setdefault(piece.signature, []).append((g, p))
    small: dict[tuple[int, int], tuple[Planar, int]] = {}
    for places in by_signature.values():
        batch = _piece_matrices([groups[g].pieces[p] for g, p in places], angles)
        for row, place in enumerate(places):
            small[place] = (batch, row)
    result: list[Planar | None] = [None] * len(groups)
    alike: dict[Any, list[int]] = {}
    for g, group in enumerate(groups):
        alike.setdefault(tuple(p.signature for p in group.pieces), []).append(g)
    for members in alike.values():
        product: Planar | None = None
        for p in range(len(groups[members[0]].pieces)):
            batch, _ = small[(members[0], p)]
            rows = np.array([small[(g, p)][1] for g in members], np.int32)
            factor = Planar(*(None if part is None else part[rows] for part in batch))
            product = factor if product is None else planar.kron(product, factor)
        assert product is not None
        for row, g in enumerate(members):
            result[g] = Planar(*(None if part is None else part[row] for part in product))
    return [r for r in result if r is not None]


def _last_to_front(matrix: Array, x: Float[Array, " dim"]) -> Float[Array, " dim"]:
    """Multiply the last axis and bring it to the front: as many times as there are groups, and all are back."""
    rows = x.reshape(-1, matrix.shape[1])
    return jax.lax.dot_general(matrix, rows, (((1,), (1,)), ((), ())), precision=_EXACT).reshape(-1)


def _rotate(matrix: Planar, psi: Planar) -> Planar:
    if matrix.im is None:
        return Planar(_last_to_front(matrix.re, psi.re), _last_to_front(matrix.re, psi.im))
    return Planar(
        _last_to_front(matrix.re, psi.re) - _last_to_front(matrix.im, psi.im),
        _last_to_front(matrix.re, psi.im) + _last_to_front(matrix.im, psi.re),
    )


def _rotate_many(matrix: Planar, psis: Planar) -> Planar:
    """Multiply the first axis of each state of a batch and bring it to the end."""

    def part(m: Array, x: Array) -> Array:
        y = x.reshape(x.shape[0], m.shape[1], -1)
        return jnp.einsum("kap,ba->kpb", y, m, precision=_EXACT).reshape(x.shape)

    if matrix.im is None:
        return Planar(part(matrix.re, psis.re), part(matrix.re, psis.im))
    return Planar(
        part(matrix.re, psis.re) - part(matrix.im, psis.im), part(matrix.re, psis.im) + part(matrix.im, psis.re)
    )


def _act_each(matrices: Planar, psi: Planar, before: int) -> Planar:
    """Each of a batch of matrices on one axis of the same state: (k, size, size) and (2^n,) to (k, 2^n)."""

    def part(m: Array, x: Array) -> Array:
        y = x.reshape(1 << before, m.shape[1], -1)
        return jnp.einsum("kab,pbq->kpaq", m, y, precision=_EXACT).reshape(m.shape[0], -1)

    if matrices.im is None:
        return Planar(part(matrices.re, psi.re), part(matrices.re, psi.im))
    return Planar(
        part(matrices.re, psi.re) - part(matrices.im, psi.im), part(matrices.re, psi.im) + part(matrices.im, psi.re)
    )


def _local(matrix: Planar, psi: Planar, before: int) -> Planar:
    """Multiply one axis in place: psi as (2^before, size, rest)."""

    def part(m: Array, x: Array) -> Array:
        y = x.reshape(1 << before, m.shape[1], -1)
        return jnp.einsum("ab,pbq->paq", m, y, precision=_EXACT).reshape(-1)

    if matrix.im is None:
        return Planar(part(matrix.re, psi.re), part(matrix.re, psi.im))
    return Planar(
        part(matrix.re, psi.re) - part(matrix.im, psi.im), part(matrix.re, psi.im) + part(matrix.im, psi.re)
    )


def _environment(psi: Planar, cotangent: Planar, before: int, width: int, real: bool) -> Planar:
    """E[b, a] = sum over the other qubits of cotangent[b] conj(psi[a]); its real part alone for real matrices."""

    def overlap(c: Array, p: Array) -> Array:
        if before + width == (c.size - 1).bit_length():
            # on the last axis a plain product of a transposed copy is twice as fast on CPUs
            size = 1 << width
            return jnp.dot(c.reshape(-1, size).T.copy(), p.reshape(-1, size), precision=_EXACT)
        shape = (1 << before, 1 << width, -1)
        return jnp.einsum("pbq,paq->ba", c.reshape(shape), p.reshape(shape), precision=_EXACT)

    re = overlap(cotangent.re, psi.re) + overlap(cotangent.im, psi.im)
    if real:
        return Planar(re, None)
    return Planar(re, overlap(cotangent.im, psi.re) - overlap(cotangent.re, psi.im))


class Blocks(Step):
    """A layer of matrices on disjoint groups of neighbouring wires.

    Where the groups cover all wires, each product takes the last axis and puts it first, a layout that costs no
    transposition; after the last group the axes are in order again.
    """

    def __init__(self, n_qubits: int, groups: list[Group]):
        self.n_qubits = n_qubits
        self.groups = groups
        self.covers_all = sum(g.width for g in groups) == n_qubits
        self.slots = frozenset().union(*(g.slots for g in groups))

    def weights(self, angles: Float[Array, " a"]) -> Any:
        return group_matrices(self.groups, angles)

    def _act(self, matrices: list[Planar], psi: Planar) -> Planar:
        if self.covers_all:
            for matrix in reversed(matrices):
                psi = _rotate(matrix, psi)
        else:
            for group, matrix in zip(self.groups, matrices, strict=True):
                psi = _local(matrix, psi, group.first)
        return psi

    def apply(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._act(weights, psi)

    def invert(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._act([planar.adjoint(m) for m in weights], psi)

    def push(
        self, constants: Any, weights: Any, rates: Any, psi: Planar, tangent: Planar
    ) -> tuple[Planar, Planar]:
        if not self.covers_all or any(w.im is not None for w in weights):
            return super().push(constants, weights, rates, psi, tangent)
        for matrix, rate in zip(reversed(weights), reversed(rates), strict=True):
            # one product of the state with M above dM, one of the tangent with M
            both = Planar(jnp.concatenate([matrix.re, rate.re]), None)
            stacked = _rotate(both, psi)
            half = psi.re.shape[0]
            moved = _rotate(matrix, tangent)
            psi = Planar(stacked.re[:half], stacked.im[:half])
            tangent = Planar(moved.re + stacked.re[half:], moved.im + stacked.im[half:])
        return psi, tangent

    def apply_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        if not self.covers_all:
            return super().apply_many(constants, expanded, psis)
        for matrix in expanded:
            psis = _rotate_many(matrix, psis)
        return psis

    def invert_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        return self.apply_many(constants, [planar.adjoint(m) for m in expanded], psis)

    def _rows(self, mask: np.ndarray) -> list[np.ndarray]:
        """For each group, the directions that turn it."""
        return [np.flatnonzero(mask[:, sorted(g.slots)].any(1)) for g in self.groups]

    def turning(self, angles: Float[Array, " a"], rates: Float[Array, " a"], mask: np.ndarray) -> list[Planar | None]:
        # the generators dM M' of every group, which act on the state after the step
        matrices, derivative = jax.linearize(lambda a: group_matrices(self.groups, a), angles)
        changes = jax.vmap(derivative)(jnp.asarray(mask, rates.dtype) * rates)
        return [
            planar.matmul(Planar(*(None if c is None else c[rows] for c in change)), planar.adjoint(matrix))
            if len(rows)
            else None
            for matrix, change, rows in zip(matrices, changes, self._rows(mask), strict=True)
        ]

    def births(self, turning: list[Planar | None], mask: np.ndarray, psi: Planar) -> Planar:
        pieces: list[list[Planar]] = [[] for _ in mask]
        blocks: list[Planar] = []
        order: list[int] = []
        for group, generator, rows in zip(self.groups, turning, self._rows(mask), strict=True):
            if generator is None:
                continue
            born = _act_each(generator, psi, group.first)
            blocks.append(born)
            order += rows.tolist()
            for k, row in enumerate(rows):
                pieces[row].append(Planar(born.re[k], born.im[k]))
        if order == list(range(len(mask))):  # each direction turns one group, in order
            return Planar(*(jnp.concatenate(part) for part in zip(*blocks, strict=True)))
        sums = [functools.reduce(lambda a, b: Planar(a.re + b.re, a.im + b.im), piece) for piece in pieces]
        return Planar(*(jnp.stack(part) for part in zip(*sums, strict=True)))

    def _to_angles(
        self, angles: Float[Array, " a"], weights: list[Planar], environments: dict[int, Planar]
    ) -> Float[Array, " a"]:
        """The cotangent of the angles from the environments of the groups that they turn."""
        if not environments:
            return jnp.zeros_like(angles)
        groups = [self.groups[k] for k in environments]
        # the state before a group is M' psi, so the cotangent of M is E M
        pulled = [planar.matmul(e, weights[k]) for k, e in environments.items()]
        _, pull = jax.vjp(lambda a: group_matrices(groups, a), angles)
        return pull(pulled)[0]

    def cotangent(
        self, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> Float[Array, " a"]:
        environments = {
            k: _environment(psi, cotangent, g.first, g.width, weights[k].im is None)
            for k, g in enumerate(self.groups)
            if g.slots
        }
        return self._to_angles(angles, weights, environments)

    def retreat(
        self, constants: Any, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> tuple[Planar, Planar, Float[Array, " a"]]:
        if not self.covers_all:
            return super().retreat(constants, angles, weights, psi, cotangent)
        environments: dict[int, Planar] = {}
        for k in reversed(range(len(self.groups))):
            group, matrix = self.groups[k], weights[k]
            if group.slots:
                # the group's axis is the last one now, where the overlap needs no transposition
                before = self.n_qubits - group.width
                environments[k] = _environment(psi, cotangent, before, group.width, matrix.im is None)
            inverse = planar.adjoint(matrix)
            psi, cotangent = _rotate(inverse, psi), _rotate(inverse, cotangent)
        return psi, cotangent, self._to_angles(angles, weights, environments)


class DistantBlock(Step):
    """One matrix on two wires that are not neighbours."""

    def __init__(self, n_qubits: int, elements: list[Dense]):
        self.n_qubits = n_qubits
        a, b = sorted(elements[0].wires)
        self.wires = (a, b)
        # as if the two wires were 0 and 1
        place = {a: 0, b: 1}
        renamed = [Dense(tuple(place[q] for q in e.wires), e.kind, e.slots) for e in elements]
        self.group = Group([Piece((0, 1), renamed)])
        self.slots = self.group.slots
        self.shape = (1 << a, 2, 1 << (b - a - 1), 2, 1 << (n_qubits - b - 1))

    def _gathered(self, psi: Planar) -> Planar:
        return Planar(*(p.reshape(self.shape).transpose(1, 3, 0, 2, 4).reshape(-1) for p in psi))

    def _scattered(self, psi: Planar) -> Planar:
        s = self.shape
        inner = (2, 2, s[0], s[2], s[4])
        return Planar(*(p.reshape(inner).transpose(2, 0, 3, 1, 4).reshape(-1) for p in psi))

    def weights(self, angles: Float[Array, " a"]) -> Any:
        return group_matrices([self.group], angles)[0]

    def apply(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._scattered(_local(weights, self._gathered(psi), 0))

    def invert(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._scattered(_local(planar.adjoint(weights), self._gathered(psi), 0))

    def _as_blocks(self) -> Blocks:
        return Blocks(self.n_qubits, [self.group])

    def turning(self, angles: Float[Array, " a"], rates: Float[Array, " a"], mask: np.ndarray) -> Any:
        return self._as_blocks().turning(angles, rates, mask)

    def births(self, turning: Any, mask: np.ndarray, psi: Planar) -> Planar:
        return jax.vmap(self._scattered)(self._as_blocks().births(turning, mask, self._gathered(psi)))

    def cotangent(
        self, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> Float[Array, " a"]:
        return self._as_blocks().cotangent(angles, [weights], self._gathered(psi), self._gathered(cotangent))
