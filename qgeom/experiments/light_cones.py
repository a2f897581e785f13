r"""Light cones, operator sizes and differences in random circuits: counting alone, no amplitudes.

One step pairs all qubits at random (or draws ``n / 2`` pairs one after the other). Seen outwards from W,

* the *light cone* of W grows to both qubits of every pair it touches. A gate outside commutes with what is inside and
  cancels in ``U' W U``;
* a Pauli string of the operator, squared amplitudes averaged over the gates, is a Markov chain on the qubits where it
  acts. A gate from a 2-design takes a string on a pair to one of the 15 uniformly (Harrow and Low, Commun. Math. Phys.
  291, 257 (2009)): one qubit, the other, both with probability 1/5, 1/5, 3/5. A CX between random one-qubit gates
  takes a string on one qubit to the same qubit or to both with 1/3, 2/3, and one on both to either or both with 2/9,
  2/9, 5/9;
* in a reversible circuit of Toffoli gates a flipped bit is followed through pairs of runs that differ by it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np

Schedule = Literal["together", "one by one"]
Gates = Literal["Haar", "CX", "filling"]

_AFTER: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    # given one qubit: probability of (it alone, the other alone); given both: (first alone, second alone)
    "Haar": ((0.2, 0.2), (0.2, 0.2)),
    "CX": ((1 / 3, 0.0), (2 / 9, 2 / 9)),
    "filling": ((0.0, 0.0), (0.0, 0.0)),
}


class Growth(NamedTuple):
    """What happens in each step, averaged over the places of W: (steps, circuits) each.

    Attributes:
        gates: Gates per qubit that touch the light cone (or the operator).
        size: Share of the qubits in the light cone (or on which the operator acts) after the step.
    """

    gates: np.ndarray
    size: np.ndarray


def random_pairs(
    rng: np.random.Generator, n: int, steps: int, circuits: int, schedule: Schedule
) -> np.ndarray:
    """Pairs (steps, rounds, circuits, pairs of a round, 2); the pairs of a round are disjoint. n is even."""
    if n < 2 or n % 2:
        raise ValueError(f"pairs of all qubits need an even number of them, not {n}")
    if schedule == "together":
        order = rng.permuted(np.tile(np.arange(n), (steps, circuits, 1)), axis=-1)
        return order.reshape(steps, 1, circuits, n // 2, 2)
    first = rng.integers(0, n, (steps, n // 2, circuits, 1))
    second = (first + rng.integers(1, n, first.shape)) % n
    return np.stack([first, second], axis=-1)


def light_cone(pairs: np.ndarray, starts: np.ndarray) -> Growth:
    """Growth of the light cone from sets of qubits, (circuits, places of W, n) bool, averaged over the places."""
    return _grow(pairs, starts, lambda first, second, touched: (touched, touched))


def operator_size(pairs: np.ndarray, starts: np.ndarray, gates: Gates, rng: np.random.Generator) -> Growth:
    """Growth of Pauli strings, (circuits, strings, n) bool, under random gates of a kind on these pairs."""
    one, both = _AFTER[gates]

    def after(first: np.ndarray, second: np.ndarray, touched: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        draw = rng.random(touched.shape, np.float32)
        pair = first & second
        stay, move = np.where(pair, both[0], one[0]), np.where(pair, both[1], one[1])
        alone = touched & (draw < stay)
        moved = touched & (draw >= stay) & (draw < stay + move)
        # "it" is the qubit that was acted on; of two, the first.
        return touched & np.where(first, ~moved, ~alone), touched & np.where(first, ~alone, ~moved)

    return _grow(pairs, starts, after)


def _grow(
    pairs: np.ndarray, starts: np.ndarray, after: Callable[..., tuple[np.ndarray, np.ndarray]]
) -> Growth:
    now = starts.copy()
    per_circuit = now.shape[1] * now.shape[2]
    gates, sizes = [], []
    for step in pairs:
        count = np.zeros(len(now))
        for ends in step:
            a, b = ends[:, None, :, 0], ends[:, None, :, 1]
            first, second = np.take_along_axis(now, a, 2), np.take_along_axis(now, b, 2)
            touched = first | second
            count += touched.sum(axis=(1, 2))
            new_a, new_b = after(first, second, touched)
            np.put_along_axis(now, a, new_a, 2)
            np.put_along_axis(now, b, new_b, 2)
        gates.append(count / per_circuit)
        sizes.append(now.mean(axis=(1, 2)))
    return Growth(np.asarray(gates), np.asarray(sizes))


class Differences(NamedTuple):
    """A flipped bit in a random Toffoli circuit, (steps,) each, averaged over its places.

    Attributes:
        cone: Gates per bit that do not cancel, by propagation of differences and of what they depend on.
        changed: Gates per bit that act differently in some pair of runs; a part of the former.
        structure: Gates per bit that touch the light cone of the wires.
        size: Share of the bits that differ, averaged over the inputs.
    """

    cone: np.ndarray
    changed: np.ndarray
    structure: np.ndarray
    size: np.ndarray


def toffoli_differences(
    rng: np.random.Generator, n: int, steps: int, places: int, inputs: int, everywhere: bool = False
) -> Differences:
    """Propagate a flip through random Toffoli circuits; each step divides the bits into triples (a rest idles).

    A gate on controls a, b and target c cancels in ``U^{-1} W U`` unless, on some input, ``a and b`` differs between
    the two runs, or the differences made nearer to W depend on c. Bits are depended on once they control a gate whose
    other control differs, or a gate on a bit that is depended on.

    Args:
        rng: Generator.
        n: Number of bits, at least 3.
        steps: Steps of ``n // 3`` gates.
        places: Bits at which W flips, one run each.
        inputs: Random inputs that each difference is followed on.
        everywhere: W flips every bit (the null model).
    """
    if n < 3:
        raise ValueError(f"a Toffoli gate needs 3 bits, not {n}")
    flip = np.zeros((places, n), bool)
    if everywhere:
        flip[:] = True
    else:
        flip[np.arange(places), rng.choice(n, places, replace=places > n)] = True
    run = np.broadcast_to(rng.random((inputs, n)) < 0.5, (places, inputs, n)).copy()
    other = run ^ flip[:, None, :]
    depended, wired = flip.copy() if everywhere else np.zeros((places, n), bool), flip.copy()
    out: list[tuple[float, float, float, float]] = []
    for _ in range(steps):
        a, b, c = rng.permutation(n)[: 3 * (n // 3)].reshape(3, -1)
        differs = run ^ other
        some = np.asarray(differs.any(axis=1))
        new, old = other[..., a] & other[..., b], run[..., a] & run[..., b]
        changed = (new ^ old).any(axis=1)
        kept = changed | depended[:, c]
        depended[:, a] |= (changed & some[:, b]) | depended[:, c]
        depended[:, b] |= (changed & some[:, a]) | depended[:, c]
        run[..., c] ^= old
        other[..., c] ^= new
        touched = wired[:, a] | wired[:, b] | wired[:, c]
        for wires in (a, b, c):
            wired[:, wires] = touched
        size = (run ^ other).mean()
        out.append(
            (kept.sum() / flip.size, changed.sum() / flip.size, touched.sum() / flip.size, float(size))
        )
    return Differences(*np.asarray(out).T)


def delay(gates: np.ndarray, tail: float = 1 / 3) -> tuple[float, float]:
    """``(t0, k)`` of the late line ``C = k (t - t0)``, least squares over the last part of the steps."""
    total = np.cumsum(gates)
    t = np.arange(1, len(total) + 1)
    first = int(len(t) * (1 - tail))
    k, intercept = np.polyfit(t[first:], total[first:], 1)
    return float(-intercept / k), float(k)


def crossing(size: np.ndarray, start: float, level: float = 0.5, tail: float = 1 / 3) -> float:
    """Time at which a size reaches a part of its late mean, linear between steps; ``start`` is the size at t = 0."""
    values = np.concatenate([[start], size])
    late = values[int(len(values) * (1 - tail)) :].mean()
    k = int(np.argmax(values >= level * late))
    if values[k] < level * late:
        return float("nan")
    if k == 0:
        return 0.0
    return float(k - 1 + (level * late - values[k - 1]) / (values[k] - values[k - 1]))
