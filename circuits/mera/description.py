r"""The MERA as a description: theta are matrices whose columns, made orthonormal, are its tensors.

Every tensor is ``Q`` of ``X = QR`` (Gram and Schmidt, `stiefel.orthonormal`) for a matrix ``X`` of free parameters: a
smooth map wherever the columns are independent, so that metric and gradients need no constraint. The kernel of the
metric holds

* the triangular directions ``X -> X R`` of every tensor: ``p (p + 1) / 2`` for a real one ``(n, p)``, ``p^2`` for a
complex;
* the gauge of the network, a unitary on every bond between two layers: ``w -> w V`` undone by the tensors above.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Key

from circuits.description import Description, Node, State, parameter_dtype
from circuits.mera import stiefel
from circuits.mera.energy import fold, unfold
from circuits.mera.finite import FiniteMERA
from circuits.mera.sizes import check_bond_dimension, growth, layers_of, scheme_of
from circuits.mera.superoperators import Layer

MAX_QUBITS = 16  # the point is the state vector
Field = Literal["real", "complex"]
MERAParams = tuple[Float[Array, "..."], ...]


@dataclass(frozen=True)
class MERA(Description):
    """A MERA of a ring of qubits as a description of a pure state; its point is the `State` of at most 16 qubits.

    Args:
        n_sites: number of qubits, ``branching^layers t``.
        bond_dimension: largest bond dimension chi.
        scheme: "binary" or "ternary".
        uniform: whether the positions of a layer share their tensors; one tensor is then a node of its own.
        field: "real" tensors, or "complex" ones.

    Parameters: a tuple of real arrays in causal order, the top ``(chi^t, 1)`` first, then for every layer from the top
    down its isometries ``(P, d^b, chi)`` and its disentanglers ``(P, d^2, d^2)``, with ``P`` positions (1 if uniform);
    for complex tensors with a leading axis of two, real and imaginary parts.

    Raises:
        ValueError: a size that fits no MERA of this scheme (says which do) or exceeds 16 qubits, a bond dimension
            below 2, an unknown scheme or field.
    """

    n_sites: int
    bond_dimension: int = 4
    scheme: Literal["binary", "ternary"] = "binary"
    uniform: bool = False
    field: Field = "real"

    def __post_init__(self) -> None:
        if self.field not in ("real", "complex"):
            raise ValueError(f"field must be 'real' or 'complex'; got {self.field!r}")
        check_bond_dimension(self.bond_dimension)
        layers_of(scheme_of(self.scheme), self.n_sites, 2, self.bond_dimension)
        if self.n_sites > MAX_QUBITS:
            raise ValueError(
                f"the point of a MERA description is its state vector, up to {MAX_QUBITS} qubits; got {self.n_sites}"
            )

    @property
    def n_layers(self) -> int:
        """Number of layers below the top tensor."""
        return layers_of(scheme_of(self.scheme), self.n_sites, 2, self.bond_dimension)

    @property
    def bond_dimensions(self) -> tuple[int, ...]:
        """The dimension of a site at every level, the physical one first."""
        return growth(scheme_of(self.scheme), 2, self.bond_dimension, self.n_layers)

    @property
    def matrix_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """``(P, n, p)`` of the top and, from the top down, of isometries and disentanglers of each layer."""
        b, dims = scheme_of(self.scheme).branching, self.bond_dimensions
        shapes = [(1, dims[-1] ** self._sites(self.n_layers), 1)]
        for level in reversed(range(self.n_layers)):
            positions = 1 if self.uniform else self._sites(level + 1)
            shapes.append((positions, dims[level] ** b, dims[level + 1]))
            shapes.append((positions, dims[level] ** 2, dims[level] ** 2))
        return tuple(shapes)

    @property
    def n_parameters(self) -> int:
        """Number of real parameters: the entries of all matrices, twice for complex ones."""
        return self._parts * sum(math.prod(shape) for shape in self.matrix_shapes)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The tensors: top, then isometries and disentanglers of each layer downwards, position by position.

        ``wires`` are the first qubits below the sites that a tensor acts on. Where positions share a tensor, so do
        their nodes share its parameters.
        """
        b = scheme_of(self.scheme).branching
        found: list[Node] = []
        offset = 0
        for k, (positions, n, p) in enumerate(self.matrix_shapes):
            level = self.n_layers - (k + 1) // 2
            kind = "top" if k == 0 else ("isometry", "disentangler")[(k + 1) % 2]
            size = n * p
            indices = np.arange(offset, offset + self._parts * positions * size).reshape(
                self._parts, positions, size
            )
            offset += indices.size
            count = 1 if k == 0 else self._sites(level + 1)
            for j in range(count):
                sites = self._lower_sites(kind, level, j)
                wires = tuple(site * b**level for site in sites)
                own = tuple(int(i) for i in indices[:, j % positions].reshape(-1))
                found.append(Node(f"{kind}[{level}][{j}]" if k else "top", kind, wires, own, k))
        return tuple(found)

    @property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """The bonds, downwards: from the top or a disentangler to isometries, from an isometry to disentanglers."""
        b = scheme_of(self.scheme).branching
        source = [0] * self._sites(self.n_layers)  # the node that each site of the level comes from
        edges: list[tuple[int, int]] = []
        number = 1
        for level in reversed(range(self.n_layers)):
            count = self._sites(level + 1)
            edges += [(source[j], number + j) for j in range(count)]
            lower = [number + site // b for site in range(count * b)]
            number += count
            for j in range(count):
                for site in self._lower_sites("disentangler", level, j):
                    edges.append((lower[site], number + j))
                    lower[site] = number + j
            number += count
            source = lower
        return tuple(edges)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """``kind[level][position][row, column]``, with ``.re`` and ``.im`` for complex tensors."""
        names: list[str] = []
        for k, (positions, n, p) in enumerate(self.matrix_shapes):
            level = self.n_layers - (k + 1) // 2
            kind = "top" if k == 0 else f"{('isometry', 'disentangler')[(k + 1) % 2]}[{level}]"
            parts = (".re", ".im") if self.field == "complex" else ("",)
            for part, j, row, column in itertools.product(parts, range(positions), range(n), range(p)):
                place = "" if k == 0 or self.uniform else f"[{j}]"
                names.append(f"{kind}{place}{part}[{row}, {column}]")
        return tuple(names)

    def init(self, key: Key[Array, ""], dtype: Any = None) -> MERAParams:
        """Haar-random isometries. ``dtype`` is the real dtype of the parameters, float64 unless given."""
        real = parameter_dtype(dtype)
        keys = jax.random.split(key, len(self.matrix_shapes))
        kind = np.result_type(real, np.complex64) if self.field == "complex" else real
        return self._split(
            [stiefel.random(k, s, kind) for k, s in zip(keys, self.matrix_shapes, strict=True)]
        )

    def params_of(self, mera: FiniteMERA) -> MERAParams:
        """The parameters of a given state, e.g. of a ground state: its tensors.

        Raises:
            ValueError: if its size, scheme or bond dimensions differ, or it is complex where the field is real.
        """
        top_sites = self._sites(self.n_layers)
        same = mera.scheme.name == self.scheme and mera.bond_dimensions == self.bond_dimensions
        if not same or mera.top.ndim != top_sites:
            raise ValueError(f"the description is {self}; the state is {mera}")
        if self.field == "real" and jnp.iscomplexobj(mera.top):
            raise ValueError("the state is complex; use MERA(..., field='complex')")
        if self.uniform and not mera.is_uniform:
            raise ValueError("the state has its own tensors at every position; use MERA(..., uniform=False)")
        matrices = [mera.top.reshape(1, -1, 1)]
        for layer in reversed(mera.layers):
            matrices += list(reversed(fold(mera.scheme, layer)))
        wide = [jnp.broadcast_to(m, s) for m, s in zip(matrices, self.matrix_shapes, strict=True)]
        if self.field == "complex":
            wide = [m if jnp.iscomplexobj(m) else lax.complex(m, jnp.zeros_like(m)) for m in wide]
        return self._split(wide)

    def network(self, params: MERAParams) -> FiniteMERA:
        """The tensors as a `FiniteMERA`, with its density matrices, expectation values and entropies."""
        return self._assemble([stiefel.orthonormal(m) for m in self._join(params)])

    def __call__(self, params: MERAParams, x: Array | None = None) -> State:
        """The state, of norm one.

        Raises:
            ValueError: if there is an input ``x`` (the state takes none), or the parameters do not fit.
        """
        if x is not None:
            raise ValueError("a MERA takes no input x")
        return self.network(params).state()

    def curve(self, params: MERAParams, x: Array | None = None) -> State:
        r"""The states layer by layer, ``2 layers + 2`` points: ``|0 ... 0>``, then with the top tensor, then with the
        isometries and the disentanglers of each layer, from the top down.

        A tensor that is off is the identity, or ``|i> -> |0 ... 0 i>`` in the lexical order of its lower indices; the
        top is ``|0 ... 0>``.
        """
        if x is not None:
            raise ValueError("a MERA takes no input x")
        on = [stiefel.orthonormal(m) for m in self._join(params)]
        off = [jnp.broadcast_to(jnp.eye(*m.shape[1:], dtype=m.dtype), m.shape) for m in on]
        points = [self._assemble(on[:k] + off[k:]).state().vector for k in range(len(on) + 1)]
        return State(jnp.stack(points))

    @property
    def _parts(self) -> int:
        return 2 if self.field == "complex" else 1

    def _sites(self, level: int) -> int:
        return self.n_sites // scheme_of(self.scheme).branching ** level

    def _lower_sites(self, kind: str, level: int, j: int) -> tuple[int, ...]:
        """The sites of the level that the ``j``-th tensor of a kind acts on."""
        b = scheme_of(self.scheme).branching
        if kind == "top":
            return tuple(range(self._sites(level)))
        if kind == "isometry":
            return tuple(range(b * j, b * j + b))
        return (b * j + b - 1, (b * j + b) % self._sites(level))

    def _split(self, matrices: list[Array]) -> MERAParams:
        if self.field == "complex":
            return tuple(jnp.stack([m.real, m.imag]) for m in matrices)
        return tuple(matrices)

    def _join(self, params: MERAParams) -> list[Array]:
        lead = (2,) if self.field == "complex" else ()
        shapes = tuple(lead + shape for shape in self.matrix_shapes)
        if tuple(p.shape for p in params) != shapes:
            raise ValueError(
                f"the parameters of this MERA have shapes {shapes}; got {tuple(p.shape for p in params)}"
            )
        return [lax.complex(p[0], p[1]) for p in params] if lead else list(params)

    def _assemble(self, matrices: list[Array]) -> FiniteMERA:
        scheme = scheme_of(self.scheme)
        pairs = zip(matrices[1::2], matrices[2::2], strict=True)
        layers = [unfold(scheme, Layer(u, w)) for w, u in pairs]
        top = matrices[0].reshape((self.bond_dimensions[-1],) * self._sites(self.n_layers))
        return FiniteMERA(tuple(reversed(layers)), top, scheme)
