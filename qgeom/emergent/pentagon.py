"""Holographic codes of perfect tensors: the pentagon (HaPPY) code on patches of {5,4}, and concatenated codes on trees.

Every tensor is the [[5,1,3]] code with its logical qubit as a sixth leg: a perfect tensor, an isometry from any three
legs to the others. A bond joins two legs by a Bell pair. Pastawski, Yoshida, Harlow, Preskill, JHEP 06 (2015) 149.

Sizes of two shells, which are counted differently in the literature:

* 25 boundary qubits and 11 bulk sites: all pentagons that touch the central one (``inflation="vertex"``);
* 20 boundary qubits and 6 bulk sites: the five pentagons across its sides (``inflation="edge"``, the layers of that
  paper, of rate 1 / sqrt 5 in the limit);
* 25 boundary qubits of 6 tensors: the tree, where every leg of a tensor is encoded once more: one logical qubit in the
  concatenated code [[25,1,9]] (`concatenated_code`).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from qgeom.emergent.stabilizers import StabilizerCode, StabilizerState, five_qubit_code
from qgeom.emergent.tensor_graph import NetworkGraph
from qgeom.emergent.tiling import Inflation, Tiling, pentagon_tiling

_LEGS = 6
_MAX_LEVELS = 3


@dataclass(frozen=True, eq=False)
class HolographicCode:
    """A code whose encoder is a network of perfect tensors.

    Attributes:
        graph: the network; boundary legs in order round the circle, bulk legs centre first.
        code: boundary legs are its qubits, bulk leg j is logical qubit j (the centre is 0).
        tiling: the patch of pentagons, for drawing; None for a tree.
    """

    graph: NetworkGraph
    code: StabilizerCode
    tiling: Tiling | None = None

    def state(self, letter: str = "Z") -> StabilizerState:
        """The boundary state with every bulk leg in an eigenstate of X, Y or Z.

        Raises:
            ValueError: if the letter is another.
        """
        fixed = self.code.fixed(dict.fromkeys(range(self.code.n_logical), letter))
        return StabilizerState(fixed.stabilizers)

    def central(self, letter: str = "Z") -> HolographicCode:
        """The code of the central bulk leg alone, every other one in an eigenstate of X, Y or Z.

        Raises:
            ValueError: if the letter is another.
        """
        code = self.code.fixed(dict.fromkeys(range(1, self.code.n_logical), letter))
        graph = dataclasses.replace(
            self.graph, bulk=self.graph.bulk[:1], bulk_dimensions=self.graph.bulk_dimensions[:1]
        )
        return HolographicCode(graph, code, self.tiling)

    def __repr__(self) -> str:
        return (
            f"HolographicCode({self.code.n_qubits} boundary qubits, {self.code.n_logical} bulk qubits, "
            f"{self.graph.n_tensors} perfect tensors)"
        )


def pentagon_code(shells: int = 2, inflation: Inflation = "vertex") -> HolographicCode:
    """The holographic pentagon code.

    Args:
        shells: number of shells of pentagons, the centre included: 1 is the [[5,1,3]] code.
        inflation: ``"vertex"``: [[25,11]], [[95,51]], ... ; ``"edge"``: [[20,6]], [[55,21]], ...

    Raises:
        ValueError: if the number of shells is not 1 to 4, or the inflation is unknown.
    """
    tiling = pentagon_tiling(shells, inflation)
    count = tiling.n_tiles
    graph = NetworkGraph(
        tensors=tuple(f"pentagon[{int(shell)}][{i}]" for i, shell in enumerate(tiling.shells)),
        bonds=tiling.bonds[:, [0, 2]],
        dimensions=np.full(len(tiling.bonds), 2.0),
        sites=tiling.boundary[:, 0],
        site_dimensions=np.full(len(tiling.boundary), 2.0),
        bulk=np.arange(count),
        bulk_dimensions=np.full(count, 2.0),
    )
    pairs = [(_LEGS * a + i, _LEGS * b + j) for a, i, b, j in tiling.bonds.tolist()]
    boundary = [_LEGS * tile + side for tile, side in tiling.boundary.tolist()]
    bulk = [_LEGS * tile + _LEGS - 1 for tile in range(count)]
    return HolographicCode(graph, _contracted(count, pairs, boundary, bulk), tiling)


def concatenated_code(levels: int = 2) -> HolographicCode:
    """The [[5,1,3]] code concatenated with itself: a tree of perfect tensors, one bulk leg at its root.

    [[5,1,3]], [[25,1,9]], [[125,1,27]] for 1, 2, 3 levels.

    Raises:
        ValueError: if there are not 1 to 3 levels.
    """
    if not 1 <= levels <= _MAX_LEVELS:
        raise ValueError(f"levels must lie between 1 and {_MAX_LEVELS}; got {levels}")
    names, pairs = ["perfect[0][0]"], []
    legs = list(
        range(_LEGS - 1)
    )  # of the tensors added last, in order round the circle; leg 5 is the root's input
    for level in range(1, levels):
        outer = []
        for j, leg in enumerate(legs):
            first = _LEGS * len(names)
            names.append(f"perfect[{level}][{j}]")
            pairs.append((leg, first + _LEGS - 1))
            outer += range(first, first + _LEGS - 1)
        legs = outer
    graph = NetworkGraph(
        tensors=tuple(names),
        bonds=np.array([(a // _LEGS, b // _LEGS) for a, b in pairs]),
        dimensions=np.full(len(pairs), 2.0),
        sites=np.array(legs) // _LEGS,
        site_dimensions=np.full(len(legs), 2.0),
        bulk=np.zeros(1),
        bulk_dimensions=np.full(1, 2.0),
    )
    return HolographicCode(graph, _contracted(len(names), pairs, legs, [_LEGS - 1]))


def _contracted(
    count: int, pairs: list[tuple[int, int]], boundary: list[int], bulk: list[int]
) -> StabilizerCode:
    """Copies of the perfect tensor, legs ``6 t .. 6 t + 5``, joined in pairs; open legs in the order given."""
    tensor = five_qubit_code().to_state().generators
    x, z = tensor[:, :_LEGS], tensor[:, _LEGS:]
    many = np.eye(count, dtype=bool)
    network = StabilizerState(np.hstack([np.kron(many, x), np.kron(many, z)])).contract(pairs)
    joined = {leg for pair in pairs for leg in pair}
    place = {leg: k for k, leg in enumerate(leg for leg in range(_LEGS * count) if leg not in joined)}
    order = np.array([place[leg] for leg in [*boundary, *bulk]])
    n = network.n_qubits
    ordered = StabilizerState(network.generators[:, np.concatenate([order, order + n])])
    return StabilizerCode.from_state(ordered, range(len(boundary), n))
