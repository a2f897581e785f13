r"""Ternary MERA: three sites to one, operators on two sites, cost ``O(chi^8)`` in time and ``O(chi^6)`` in memory.

Evenbly and Vidal, PRB 79, 144108 (2009)::

        j             j+1
        w              w
     /  |  \        /  |  \
    0   1   2      3   4   5      (+ 3j)
             \ u /

A one-site operator in the middle of an isometry is raised to a one-site operator: see `scaling`.
"""

from __future__ import annotations

from circuits.mera.schemes import Cone, Scheme

_SIDE = ((5, 6), (3, 4), (0, 4), (1, 3), (0, 2), (0, 1))
_CENTRE = ((3, 4), (3, 4), (0, 2), (0, 3), (1, 2), (0, 1))

TERNARY = Scheme(
    name="ternary",
    branching=3,
    support=2,
    cones=(
        # On the sites 1, 2 and, the mirror image, on 3, 4; on 2, 3, under the disentangler.
        Cone(1, 3, (0,), (0, 1), "abcd,befg,dehi,jafA,jchX,gklB,iklY->ABXY", _SIDE),
        Cone(2, None, (0,), (0, 1), "abcd,abfg,cdhi,jkfA,jkhX,gmlB,imlY->ABXY", _CENTRE),
    ),
)
