"""Which sizes a MERA fits: layers, sites of the top, bond dimensions."""

from __future__ import annotations

from circuits.mera.binary import BINARY
from circuits.mera.schemes import Scheme
from circuits.mera.ternary import TERNARY

MAX_TOP = 2**20  # entries of the top tensor
_TOP_SITES = 7  # sites of a top tensor that are offered in messages


def scheme_of(name: str) -> Scheme:
    """The scheme of that name.

    Raises:
        ValueError: if it is neither binary nor ternary.
    """
    for scheme in (BINARY, TERNARY):
        if scheme.name == name:
            return scheme
    raise ValueError(f"scheme must be 'binary' or 'ternary'; got {name!r}")


def check_bond_dimension(bond_dimension: int) -> int:
    """The bond dimension as an int.

    Raises:
        TypeError: if it is no integer.
        ValueError: if it is below 2.
    """
    if isinstance(bond_dimension, bool) or int(bond_dimension) != bond_dimension:
        raise TypeError(f"the bond dimension must be an integer; got {bond_dimension!r}")
    if bond_dimension < 2:
        raise ValueError(
            f"the bond dimension must be at least 2 (1 is a product state); got {bond_dimension}"
        )
    return int(bond_dimension)


def growth(scheme: Scheme, local_dimension: int, bond_dimension: int, layers: int) -> tuple[int, ...]:
    """Bond dimensions of the levels, the physical one first: ``min(chi, d^b)`` of the level below, ``layers + 1``."""
    found = [local_dimension]
    for _ in range(layers):
        found.append(min(bond_dimension, found[-1] ** scheme.branching))
    return tuple(found)


def layers_of(
    scheme: Scheme, n_sites: int, local_dimension: int, bond_dimension: int, layers: int | None = None
) -> int:
    """The number of layers of a finite MERA: as many as leave at least ``support`` sites at the top, unless given.

    Raises:
        ValueError: if the size does not fit; the message says which sizes near by do.
    """
    b, s = scheme.branching, scheme.support
    if layers is None:
        layers, top = 0, n_sites
        while top % b == 0 and top // b >= s:
            layers, top = layers + 1, top // b
    if layers >= 1 and n_sites % b**layers == 0:
        top = n_sites // b**layers
        chi = growth(scheme, local_dimension, bond_dimension, layers)[-1]
        if top >= s and chi**top <= MAX_TOP:
            return layers
    fitting = sorted(
        {b**k * t for k in range(1, 12) for t in range(s, _TOP_SITES + 1)},
        key=lambda n: (abs(n - n_sites), n),
    )
    near = ", ".join(str(n) for n in sorted(fitting[:4]))
    raise ValueError(
        f"{n_sites} sites do not fit a {scheme.name} MERA{f' of {layers} layers' if layers else ''}: n must be "
        f"{b}^layers t with t sites at the top, {s} <= t <= {_TOP_SITES}, and chi^t below 2^20; near by: {near}"
    )
