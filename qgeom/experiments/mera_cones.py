r"""Density matrices of a few sites of a MERA, anywhere on the ring: the causal cone of the sites, contracted.

Outside the cone every tensor meets its conjugate and drops out, so that what is left is a few tensors per layer and the
top. The order of contraction is found once for every structure and kept.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import opt_einsum

from circuits.mera.finite import FiniteMERA

Legs = tuple[int, ...]


def reduced_density(mera: FiniteMERA, sites: Sequence[int]) -> np.ndarray:
    """The density matrix of some sites, (d^k, d^k), the first of them most significant; trace one.

    Raises:
        ValueError: for sites that are not there, or named twice.
    """
    chosen = tuple(int(i) for i in sites)
    if not chosen or len(set(chosen)) != len(chosen) or not all(0 <= i < mera.n_sites for i in chosen):
        raise ValueError(f"sites are different numbers of 0 .. {mera.n_sites - 1}; got {list(chosen)}")
    layers = [(np.asarray(layer.disentangler), np.asarray(layer.isometry)) for layer in mera.layers]
    shapes = tuple((u.shape, w.shape) for u, w in layers)
    wanted, contract = _cone(mera.scheme.branching, shapes, np.shape(mera.top), chosen)
    tensors: list[np.ndarray] = []
    for kind, level, j in wanted:
        if kind == 2:
            tensor = np.asarray(mera.top)
        else:
            whole = layers[level][kind]
            tensor = whole[j % whole.shape[0]]
        tensors += [tensor, tensor.conj()]
    size = mera.local_dimension ** len(chosen)
    return np.asarray(contract(*tensors)).reshape(size, size)


@functools.lru_cache(maxsize=4096)
def _cone(
    branching: int, shapes: tuple[Any, ...], top: tuple[int, ...], sites: Legs
) -> tuple[tuple[tuple[int, int, int], ...], Callable[..., Any]]:
    """Which tensors are in the cone (kind 0: disentangler, 1: isometry, 2: top), and their contraction."""
    fresh = itertools.count()
    n = len(top) * branching ** len(shapes)
    # Labels of the legs that enter the cone from below, in the ket and in the bra; the others are traced.
    ket = {i: next(fresh) for i in sites}
    bra = {i: next(fresh) for i in sites}
    out = [*(ket[i] for i in sites), *(bra[i] for i in sites)]
    wanted: list[tuple[int, int, int]] = []
    operands: list[tuple[tuple[int, ...], list[int]]] = []

    def add(which: tuple[int, int, int], shape: Legs, below: Legs, above: Legs) -> None:
        """A tensor over legs ``below``, with its conjugate; its upper legs are ``above``."""
        for i in below:
            if i not in ket:
                ket[i] = bra[i] = next(fresh)
        lower = [[side.pop(i) for i in below] for side in (ket, bra)]
        for side, legs in zip((ket, bra), lower, strict=True):
            for key in above:
                side[key] = next(fresh)
            operands.append((shape, [*legs, *(side[key] for key in above)]))
        wanted.append(which)

    for level, (u, w) in enumerate(shapes):
        touched = {(i - branching + 1) // branching for i in ket if i % branching in (0, branching - 1)}
        touched = {j % (n // branching) for j in touched}
        for j in sorted(touched):
            pair = ((branching * j + branching - 1) % n, (branching * j + branching) % n)
            add((0, level, j), u[1:], pair, pair)
        raised_ket, raised_bra = {}, {}
        for j in sorted({i // branching for i in ket}):
            block = tuple(range(branching * j, branching * (j + 1)))
            add((1, level, j), w[1:], block, (-1,))
            raised_ket[j], raised_bra[j] = ket.pop(-1), bra.pop(-1)
        ket.update(raised_ket)
        bra.update(raised_bra)
        n //= branching
    add((2, 0, 0), top, tuple(range(len(top))), ())
    symbols = ["".join(opt_einsum.get_symbol(k) for k in legs) for _, legs in operands]
    equation = ",".join(symbols) + "->" + "".join(opt_einsum.get_symbol(k) for k in out)
    contract = opt_einsum.contract_expression(equation, *(shape for shape, _ in operands), optimize="greedy")
    return tuple(wanted), contract
