r"""Folding along a chain: neighbouring sites of equal shape run as one ``lax.scan``.

Tensors of an open chain have few different shapes, ``d^k`` near the ends and ``D`` in the bulk. Unrolling a fold over
hundreds of sites compiles for minutes; padding every tensor to the largest shape wastes work near the ends. Here each
run of equal shapes becomes one scan, and the few sites at the ends are unrolled: compile time does not grow with the
length, the work is that of the tensors as they are, and forward and reverse derivatives are those of `lax.scan`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

_SHORTEST = 3  # runs below this length are unrolled: a scan of two steps compiles no faster than two steps


def fold(
    step: Callable[[Any, Any], tuple[Any, Any]], carry: Any, sites: Sequence[Any], reverse: bool = False
) -> tuple[Any, list[Any]]:
    """``carry, out = step(carry, site)`` along the sites: the last carry, and the outputs in the order of the sites.

    Args:
        step: a pure function; the carry may change its shape from site to site.
        carry: where to start.
        sites: one pytree of arrays per site, all of the same structure.
        reverse: go from the last site to the first.
    """
    ordered = list(reversed(sites)) if reverse else list(sites)
    outputs: list[Any] = []
    for _, group in itertools.groupby(ordered, key=_signature):
        run = list(group)
        while run:
            after, _ = jax.eval_shape(step, carry, run[0])
            if len(run) >= _SHORTEST and _signature(after) == _signature(carry):
                stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *run)
                carry, out = lax.scan(step, carry, stacked)
                outputs += [jax.tree.map(lambda leaf, i=i: leaf[i], out) for i in range(len(run))]
                run = []
            else:
                carry, out = step(carry, run[0])
                outputs.append(out)
                run = run[1:]
    return carry, outputs[::-1] if reverse else outputs


def _signature(tree: Any) -> Any:
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((leaf.shape, jnp.dtype(leaf.dtype)) for leaf in leaves)


def padded(tensors: Sequence[Array]) -> Array:
    """The tensors of an open chain as one array (n, D, d, D), zeros beyond their bonds and levels.

    The boundary bonds of dimension one sit at index 0. Contractions that start from, and end on, index 0 are those of
    the chain: what is added multiplies zeros. Where compile time counts more than the work near the ends, this is
    better than `fold`: one shape, one scan.
    """
    bond = max(max(t.shape[0], t.shape[2]) for t in tensors)
    d = max(t.shape[1] for t in tensors)
    widths = [((0, bond - t.shape[0]), (0, d - t.shape[1]), (0, bond - t.shape[2])) for t in tensors]
    return jnp.stack([jnp.pad(t, w) for t, w in zip(tensors, widths, strict=True)])


def corner(stack: Array) -> Array:
    """The boundary of a padded chain, (D, D): one at index (0, 0)."""
    return jnp.zeros((stack.shape[1], stack.shape[1]), stack.dtype).at[0, 0].set(1.0)


def trimmed(stack: Array, bonds: Sequence[int], local_dimensions: Sequence[int]) -> tuple[Array, ...]:
    """The tensors of a padded chain, cut to the given n + 1 bonds and n levels."""
    return tuple(stack[i, : bonds[i], :d, : bonds[i + 1]] for i, d in enumerate(local_dimensions))
