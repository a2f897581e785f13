r"""How often a bulk qubit survives erasures: exact beside greedy, over all patterns or a sample of them.

Up to 26 boundary qubits every one of the 2^n patterns is decided, with no rank computed: a pattern recovers the qubit
if it contains the support of one of the 2^(n-k) representatives of its X, and of one of its Z. The supports are marked
in a table of 2^n bits, 64 to a word, which is closed upwards one qubit at a time; the greedy algorithm is run on all
patterns at once, a bit for each, with a counter of legs made of logical operations. Beyond that, patterns are sampled
for each number of erasures, and the intervals are Wilson's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import scipy.optimize
import scipy.stats

from qgeom.emergent.enumerators import supports
from qgeom.emergent.estimate import Estimate
from qgeom.emergent.pentagon import HolographicCode
from qgeom.emergent.stabilizers import StabilizerCode, qubit_mask
from qgeom.emergent.tensor_graph import NetworkGraph
from qgeom.emergent.wedge import bond_counts, greedy_wedges, legs_needed

_MAX_TABLE = 26  # qubits: 8 MiB of bits
_IN_WORD = 6  # qubits within one word
_ALL = np.uint64(2**64 - 1)
_HALVES = tuple(  # of the 64 patterns of a word, those with bit b set
    np.uint64(sum(1 << p for p in range(64) if p >> b & 1)) for b in range(_IN_WORD)
)
_BLOCK = 8192  # words that the greedy algorithm takes at once: its tables then stay in the cache
_SAMPLES = 1000


@dataclass(frozen=True, eq=False)
class PatternSet:
    """A set of patterns of kept qubits, one bit for each of the 2^n patterns.

    Attributes:
        n_qubits: number of qubits n, at most 26.
        words: uint64 (2^(n-6),), pattern p as bit ``p % 64`` of word ``p // 64``; qubit 0 is the most significant bit
            of p, a kept qubit a one. Below 6 qubits one word, its other bits zero.
    """

    n_qubits: int
    words: np.ndarray

    def contains(self, region: Sequence[int]) -> bool:
        """Whether the pattern in which these qubits are kept is in the set.

        Raises:
            ValueError: if a qubit is not there or named twice.
        """
        kept = qubit_mask(self.n_qubits, region)
        pattern = sum(1 << (self.n_qubits - 1 - i) for i in np.flatnonzero(kept).tolist())
        return bool(int(self.words[pattern >> _IN_WORD]) >> (pattern & 63) & 1)

    def counts(self) -> np.ndarray:
        """How many patterns with w kept qubits are in the set: int64 (n + 1,)."""
        above = np.bitwise_count(np.arange(len(self.words), dtype=np.uint64)).astype(np.int64)
        found = np.zeros(self.n_qubits + _IN_WORD + 1, dtype=np.int64)
        for low in range(_IN_WORD + 1):
            mask = np.uint64(sum(1 << p for p in range(64) if p.bit_count() == low))
            each = np.bitwise_count(self.words & mask)
            found += np.bincount(above + low, weights=each, minlength=len(found)).astype(np.int64)
        return found[: self.n_qubits + 1]

    def complements(self) -> PatternSet:
        """The patterns whose complement is in the set."""
        bits = np.unpackbits(self.words.view(np.uint8), bitorder="little")[: 2**self.n_qubits]
        return _from_bits(self.n_qubits, bits[::-1])

    def __and__(self, other: PatternSet) -> PatternSet:
        """The patterns in both sets."""
        return PatternSet(self.n_qubits, self.words & self._fitting(other))

    def __le__(self, other: PatternSet) -> bool:
        """Whether every pattern is in the other set as well."""
        return not np.any(self.words & ~self._fitting(other))

    def __len__(self) -> int:
        return int(np.sum(np.bitwise_count(self.words), dtype=np.int64))

    def _fitting(self, other: PatternSet) -> np.ndarray:
        if other.n_qubits != self.n_qubits:
            raise ValueError(f"the sets are of patterns of {self.n_qubits} and of {other.n_qubits} qubits")
        return other.words


@dataclass(frozen=True)
class RecoveryCurve:
    """The probability that a bulk qubit survives, for each number of erased boundary qubits (all choices alike).

    Attributes:
        n_qubits: number of boundary qubits n.
        erasures: the numbers of erasures.
        exact: by the code; an interval of no width where all patterns are counted, else Wilson's at 95%.
        greedy: by the greedy algorithm, on the same patterns.
        method: whether all patterns were counted, or how many were drawn.
    """

    n_qubits: int
    erasures: tuple[int, ...]
    exact: tuple[Estimate, ...]
    greedy: tuple[Estimate, ...]
    method: str

    def independent(self, probability: float, greedy: bool = False) -> Estimate:
        r"""The probability of recovery where every qubit is erased with a probability p on its own.

        ``sum_e C(n, e) p^e (1 - p)^(n - e) P(e)``; the ends of the interval are those of every P(e) at once.

        Raises:
            ValueError: if p is no probability, or the curve does not have every number of erasures.
        """
        if not 0.0 <= probability <= 1.0:
            raise ValueError(f"a probability lies between 0 and 1; got {probability}")
        value, low, high = self._averaged(probability, greedy).tolist()
        return Estimate(value, low, high, self.method)

    def half_point(self, greedy: bool = False) -> Estimate:
        """The probability of independent erasures at which the qubit survives half of the time.

        Raises:
            ValueError: if the curve does not have every number of erasures.
        """
        value, low, high = (
            _crossing(lambda p, end=end: float(self._averaged(p, greedy)[end]) - 0.5) for end in range(3)
        )
        return Estimate(value, low, high, self.method)

    def _averaged(self, probability: float, greedy: bool) -> np.ndarray:
        """Value, low and high over the binomial number of erasures: float64 (3,)."""
        if self.erasures != tuple(range(self.n_qubits + 1)):
            raise ValueError("independent erasures need the curve at every number of erasures, 0 to n")
        points = self.greedy if greedy else self.exact
        weights = scipy.stats.binom.pmf(np.array(self.erasures), self.n_qubits, probability)
        return weights @ np.array([[p.value, p.low, p.high] for p in points])


def recoverable_patterns(code: StabilizerCode, logical: int = 0) -> PatternSet:
    """All patterns of kept qubits from which a logical qubit can be recovered (see `StabilizerCode.recoverable`).

    Raises:
        ValueError: if there are more than 26 qubits, or no such logical qubit.
    """
    n = _table_size(code.n_qubits)
    if not 0 <= logical < code.n_logical:
        raise ValueError(f"logical qubits are 0 .. {code.n_logical - 1}; got {logical}")
    tables = []
    for operator in code.logicals[2 * logical : 2 * logical + 2]:
        marked = np.zeros(2**n, dtype=bool)
        for block in supports(code.stabilizers, operator):
            marked[block] = True
        tables.append(_upward(_from_bits(n, marked)))
    return tables[0] & tables[1]


def greedy_patterns(graph: NetworkGraph, tensor: int = 0) -> PatternSet:
    """All patterns of kept boundary legs whose greedy wedge holds a tensor.

    Raises:
        ValueError: if there are more than 26 boundary legs, or no such tensor.
    """
    n = _table_size(graph.n_sites)
    if not 0 <= tensor < graph.n_tensors:
        raise ValueError(f"tensors are 0 .. {graph.n_tensors - 1}; got {tensor}")
    total = max(1, 2 ** (n - _IN_WORD))
    blocks = [
        _greedy_block(graph, tensor, start, min(start + _BLOCK, total)) for start in range(0, total, _BLOCK)
    ]
    return PatternSet(n, np.concatenate(blocks))


def recovery_curve(
    holographic: HolographicCode,
    bulk: int = 0,
    *,
    erasures: Sequence[int] | None = None,
    samples: int | None = None,
    seed: int | np.random.Generator | None = None,
) -> RecoveryCurve:
    """Recovery of a bulk qubit against the number of erasures, exact beside greedy.

    Args:
        holographic: the code and its network.
        bulk: the bulk leg; 0 is the centre.
        erasures: numbers of erasures; 0 .. n unless given.
        samples: how many random patterns for each number of erasures. Unless given, all of them up to 26 qubits, and
            1000 beyond.
        seed: of the sample: NumPy's default generator, or the generator.

    Raises:
        ValueError: if there is no such bulk leg or number of erasures, or ``samples`` is less than one.
    """
    code, graph = holographic.code, holographic.graph
    n = code.n_qubits
    wanted = tuple(range(n + 1)) if erasures is None else tuple(int(e) for e in erasures)
    if not 0 <= bulk < code.n_logical or not all(0 <= e <= n for e in wanted):
        raise ValueError(
            f"bulk legs are 0 .. {code.n_logical - 1} and erasures 0 .. {n}; got {bulk} and {list(wanted)}"
        )
    if samples is not None and samples < 1:
        raise ValueError(f"samples must be at least 1; got {samples}")
    tensor = int(graph.bulk[bulk])
    if samples is None and n <= _MAX_TABLE:
        tables = (recoverable_patterns(code, bulk), greedy_patterns(graph, tensor))
        method = f"all 2^{n} patterns"
        found = []
        for counts in (table.counts() for table in tables):
            shares = [int(counts[n - e]) / comb(n, e) for e in wanted]
            found.append(tuple(Estimate(p, p, p, method) for p in shares))
        return RecoveryCurve(n, wanted, found[0], found[1], method)
    rng = np.random.default_rng(seed)
    count = _SAMPLES if samples is None else samples
    method = f"{count} random patterns for each number of erasures, Wilson"
    exact, greedy = [], []
    for e in wanted:
        order = np.argsort(rng.random((count, n)), axis=1)
        kept = order >= e  # a random permutation: e random qubits hold the places 0 .. e - 1
        exact.append(_sampled(code.recoverable(kept, bulk), method))
        greedy.append(_sampled(greedy_wedges(graph, kept)[:, tensor], method))
    return RecoveryCurve(n, wanted, tuple(exact), tuple(greedy), method)


def _crossing(excess: Callable[[float], float]) -> float:
    """Where a falling function on [0, 1] crosses zero; an end of it where it does not."""
    if excess(0.0) <= 0.0:
        return 0.0
    if excess(1.0) >= 0.0:
        return 1.0
    return float(scipy.optimize.brentq(excess, 0.0, 1.0))  # pyright: ignore


def _sampled(recovered: np.ndarray, method: str) -> Estimate:
    count, total = int(np.sum(recovered)), len(recovered)
    interval = scipy.stats.binomtest(count, total).proportion_ci(0.95, method="wilson")
    return Estimate(count / total, float(interval.low), float(interval.high), method)


def _table_size(n_qubits: int) -> int:
    if n_qubits > _MAX_TABLE:
        raise ValueError(
            f"a table of all 2^n patterns is kept for up to {_MAX_TABLE} qubits, not {n_qubits}; use recovery_curve "
            f"with samples"
        )
    return n_qubits


def _from_bits(n: int, bits: np.ndarray) -> PatternSet:
    packed = np.packbits(np.ascontiguousarray(bits), bitorder="little")
    return PatternSet(n, np.pad(packed, (0, -len(packed) % 8)).view("<u8"))


def _upward(patterns: PatternSet) -> PatternSet:
    """The set with every pattern that contains one of its own."""
    words = patterns.words.copy()
    for b in range(patterns.n_qubits):
        if b < _IN_WORD:
            words |= (words & ~_HALVES[b]) << np.uint64(1 << b)
        else:
            pairs = words.reshape(-1, 2, 1 << (b - _IN_WORD))
            pairs[:, 1] |= pairs[:, 0]
    return PatternSet(patterns.n_qubits, words)


def _greedy_block(graph: NetworkGraph, tensor: int, start: int, stop: int) -> np.ndarray:
    """Some words of the patterns whose greedy wedge holds a tensor."""
    needed, joined = legs_needed(graph), bond_counts(graph)
    kept = [_kept(graph.n_sites, i, start, stop) for i in range(graph.n_sites)]
    legs = [[kept[i] for i in np.flatnonzero(graph.sites == t)] for t in range(graph.n_tensors)]
    taken = [np.zeros(stop - start, dtype=np.uint64) for _ in range(graph.n_tensors)]
    waiting = list(range(graph.n_tensors))  # the outermost, built last, come first
    while waiting:
        t = waiting.pop()
        neighbours = [int(u) for u in np.flatnonzero(joined[t])]
        inward = [taken[u] for u in neighbours for _ in range(joined[t, u])]
        more = _at_least(int(needed[t]), legs[t] + inward)
        if np.any(more != taken[t]):
            taken[t] = more
            waiting = [u for u in neighbours if u not in waiting] + waiting
    return taken[tensor]


def _kept(n: int, qubit: int, start: int, stop: int) -> np.ndarray:
    """The patterns that keep a qubit: words ``start .. stop - 1``."""
    b = n - 1 - qubit
    if b < _IN_WORD:
        valid = _ALL if n >= _IN_WORD else np.uint64((1 << 2**n) - 1)
        return np.full(stop - start, _HALVES[b] & valid)
    high = np.arange(start, stop, dtype=np.uint64) >> np.uint64(b - _IN_WORD) & np.uint64(1)
    return np.where(high != 0, _ALL, np.uint64(0))


def _at_least(number: int, inputs: list[np.ndarray]) -> np.ndarray:
    """Where at least ``number`` of the inputs are set, bit by bit."""
    reached = [np.zeros_like(inputs[0]) for _ in range(number)]  # reached[k]: at least k + 1 so far
    both = np.empty_like(inputs[0])
    for seen, x in enumerate(inputs):
        left = len(inputs) - seen - 1
        for k in range(min(number - 1, seen), 0, -1):
            if k + 1 + left >= number:  # else what is reached here no longer counts
                np.bitwise_and(reached[k - 1], x, out=both)
                reached[k] |= both
        reached[0] |= x
    return reached[-1]
