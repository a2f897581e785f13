r"""Binary MERA: two sites to one, operators on three sites, cost ``O(chi^9)`` in time and ``O(chi^7)`` in memory.

Evenbly and Vidal, PRB 79, 144108 (2009), section III::

      j       j+1      j+2
      w        w        w
     / \      / \      / \
    0   1    2   3    4   5      (+ 2j)
        \ u /    \ u /
"""

from __future__ import annotations

from circuits.mera.schemes import Cone, Scheme

# The order of contraction: first the isometries with what they meet alone, then the operator between them.
_PATH = ((5, 6), (7, 8), (3, 5), (3, 4), (0, 2), (0, 5), (3, 4), (2, 3), (1, 2), (0, 1))

BINARY = Scheme(
    name="binary",
    branching=2,
    support=3,
    cones=(
        # The operator on the sites 1, 2, 3, and its mirror image on the sites 2, 3, 4.
        Cone(1, 2, (0, 1), (0, 1, 2), "ghijkl,ghmn,jkop,iqrs,lqtv,wmA,woX,nrB,ptY,sxC,vxZ->ABCXYZ", _PATH),
    ),
)
