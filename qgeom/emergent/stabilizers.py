r"""Stabilizer states and codes as boolean tableaux: entropies, contraction of legs, logical operators, erasures.

A Pauli operator on n qubits, up to its phase, is a row ``(x | z)`` of 2n bits: qubit i carries ``X^{x_i} Z^{z_i}``.
Phases are left out, since entropies, weights, supports and what can be recovered do not depend on them. Source:
Gottesman, quant-ph/9705052; entropies: Fattal, Cubitt, Yamamoto, Bravyi, Chuang, quant-ph/0406168.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qgeom.emergent.gf2 import in_span, left_kernel, pack_words, rank, row_reduce

_LETTERS = "IXZY"  # of x + 2 z
_CHUNK = 1 << 23  # words of one batch of eliminations: 64 MiB


def pauli_rows(strings: Sequence[str]) -> np.ndarray:
    """Pauli strings, such as ``("XZZXI", "IXZZX")``, as rows: bool (strings, 2n).

    Raises:
        ValueError: if a letter is none of I, X, Y, Z, there is no string, or their lengths differ.
    """
    lengths = {len(s) for s in strings}
    if len(lengths) != 1 or not set("".join(strings)) <= set(_LETTERS):
        raise ValueError(f"Pauli strings are of one length and made of I, X, Y, Z; got {list(strings)}")
    codes = np.array([[_LETTERS.index(letter) for letter in s] for s in strings])
    return np.hstack([codes & 1, codes >> 1]).astype(bool)


def pauli_strings(rows: np.ndarray) -> tuple[str, ...]:
    """The Pauli strings of rows (r, 2n); the inverse of `pauli_rows`."""
    n = rows.shape[1] // 2
    codes = rows[:, :n].astype(int) + 2 * rows[:, n:].astype(int)
    return tuple("".join(_LETTERS[c] for c in row) for row in codes)


def symplectic_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Which operators anticommute: bool (rows of a, rows of b), ``x_a . z_b + z_a . x_b`` mod 2."""
    n = a.shape[1] // 2
    first, second = a.astype(np.int64), b.astype(np.int64)
    product = first[:, :n] @ second[:, n:].T + first[:, n:] @ second[:, :n].T
    return (product & 1).astype(bool)


@dataclass(frozen=True, eq=False)
class StabilizerState:
    r"""The state ``rho = 2^{-n} sum of all g`` over a commuting group of Pauli operators; pure for n generators.

    Args:
        generators: bool (r, 2n), independent and commuting, ``r <= n``.

    Raises:
        ValueError: if the generators depend on each other or do not commute.
    """

    generators: np.ndarray

    def __post_init__(self) -> None:
        rows = np.array(self.generators, dtype=bool)
        if rows.ndim != 2 or rows.shape[1] % 2:
            raise ValueError(f"generators have shape (r, 2n), x left of z; got {rows.shape}")
        _check_group(rows)
        rows.flags.writeable = False
        object.__setattr__(self, "generators", rows)

    @classmethod
    def from_strings(cls, strings: Sequence[str]) -> StabilizerState:
        """The state stabilised by Pauli strings (all with sign +1)."""
        return cls(pauli_rows(strings))

    @property
    def n_qubits(self) -> int:
        """Number of qubits n."""
        return self.generators.shape[1] // 2

    @property
    def is_pure(self) -> bool:
        """Whether there are as many generators as qubits."""
        return self.generators.shape[0] == self.n_qubits

    def entropy(self, region: Sequence[int]) -> float:
        r"""``S(A) = (|A| - dim G_A) ln 2`` in nats, ``G_A`` the operators of the group within the region A.

        ``dim G_A = r - rank`` of the generators on the other qubits. All Renyi entropies are equal.

        Raises:
            ValueError: if a qubit is not there or named twice.
        """
        kept = self.mask(region)
        outside = np.concatenate([~kept, ~kept])
        inside = len(self.generators) - rank(self.generators[:, outside])
        return (int(np.sum(kept)) - inside) * math.log(2.0)

    def mutual_information(self, a: Sequence[int], b: Sequence[int]) -> float:
        """``S(A) + S(B) - S(AB)`` of two disjoint regions, in nats.

        Raises:
            ValueError: if they share a qubit.
        """
        return self.entropy(a) + self.entropy(b) - self.entropy([*a, *b])

    def mask(self, region: Sequence[int]) -> np.ndarray:
        """A region as bool (n,)."""
        return qubit_mask(self.n_qubits, region)

    def contract(self, pairs: Sequence[tuple[int, int]]) -> StabilizerState:
        r"""Legs joined in pairs by ``<00| + <11|``; the legs left over keep their order.

        What remains are the operators equal on both legs of every pair, without those legs. The projection is taken to
        be possible, as it is where one side is an isometry into the other (a sign could make the result zero, and signs
        are not kept).

        Raises:
            ValueError: if a leg is in two pairs, or is not there.
        """
        flat = [leg for pair in pairs for leg in pair]
        joined = self.mask(flat)
        n, rows = self.n_qubits, self.generators
        first, second = (np.array([pair[k] for pair in pairs], dtype=np.int64) for k in (0, 1))
        differences = [rows[:, first + at] ^ rows[:, second + at] for at in (0, n)]
        kernel = left_kernel(np.hstack(differences)).astype(np.int64)
        left = np.concatenate([~joined, ~joined])
        products = (kernel @ rows[:, left].astype(np.int64)) & 1
        return StabilizerState(row_reduce(products)[0])


@dataclass(frozen=True, eq=False)
class StabilizerCode:
    r"""A code of k logical qubits in n, given by its stabilizers and the logical operators.

    Args:
        stabilizers: bool (n - k, 2n), independent and commuting.
        logicals: bool (2k, 2n): ``X_0, Z_0, X_1, Z_1, ...``; they commute with the stabilizers and with each other but
            for ``X_j`` and ``Z_j``.

    Raises:
        ValueError: if numbers or commutators are wrong.
    """

    stabilizers: np.ndarray
    logicals: np.ndarray

    def __post_init__(self) -> None:
        rows, logicals = np.array(self.stabilizers, dtype=bool), np.array(self.logicals, dtype=bool)
        n, k = rows.shape[1] // 2, logicals.shape[0] // 2
        if logicals.shape != (2 * k, 2 * n) or rows.shape != (n - k, 2 * n):
            raise ValueError(
                f"a code of k qubits in n has (n - k, 2n) stabilizers and (2k, 2n) logical operators; got "
                f"{rows.shape} and {logicals.shape}"
            )
        _check_group(rows)
        wanted = np.kron(np.eye(k, dtype=bool), np.array([[False, True], [True, False]]))
        if np.any(symplectic_product(rows, logicals)) or np.any(
            symplectic_product(logicals, logicals) ^ wanted
        ):
            raise ValueError("the logical operators do not commute as X_0, Z_0, X_1, Z_1, ... must")
        for name, array in (("stabilizers", rows), ("logicals", logicals)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def from_state(cls, state: StabilizerState, logical: Sequence[int]) -> StabilizerCode:
        """The code whose encoder is a pure state with these legs turned into inputs.

        Raises:
            ValueError: if the state is mixed, or the legs are not maximally entangled with the rest (no isometry).
        """
        if not state.is_pure:
            raise ValueError("only a pure state is an encoder; this one has fewer generators than qubits")
        inputs = state.mask(logical)
        n, legs = state.n_qubits, np.asarray(logical, dtype=np.int64)
        ends = np.stack([legs, legs + n], axis=1).reshape(-1)  # x_0, z_0, x_1, z_1, ...
        rest = np.flatnonzero(np.concatenate([~inputs, ~inputs]))
        reduced, pivots = row_reduce(state.generators[:, np.concatenate([ends, rest])])
        if not np.array_equal(pivots[: len(ends)], np.arange(len(ends))):
            raise ValueError("the logical legs are not maximally entangled with the rest: no isometry")
        return cls(reduced[len(ends) :, len(ends) :], reduced[: len(ends), len(ends) :])

    @property
    def n_qubits(self) -> int:
        """Number of physical qubits n."""
        return self.stabilizers.shape[1] // 2

    @property
    def n_logical(self) -> int:
        """Number of logical qubits k."""
        return self.logicals.shape[0] // 2

    def to_state(self) -> StabilizerState:
        """The pure state of n + k legs: logical qubits, after the physical ones, entangled with references."""
        n, k = self.n_qubits, self.n_logical
        rows = np.zeros((n + k, 2 * (n + k)), dtype=bool)
        columns = np.concatenate([np.arange(n), np.arange(n) + n + k])
        rows[: n - k, columns] = self.stabilizers
        rows[n - k :, columns] = self.logicals
        for j in range(k):
            rows[n - k + 2 * j, n + j] = rows[n - k + 2 * j + 1, 2 * n + k + j] = True
        return StabilizerState(rows)

    def fixed(self, letters: Mapping[int, str]) -> StabilizerCode:
        """The code with some logical qubits in an eigenstate of their X, Y or Z: ``{logical qubit: letter}``.

        Raises:
            ValueError: if a qubit is not there, or a letter is another.
        """
        rows = np.concatenate([self.stabilizers, self._letters(letters)])
        return StabilizerCode(rows, self._operators([j for j in range(self.n_logical) if j not in letters]))

    def recoverable(self, kept: np.ndarray, logical: int = 0) -> np.ndarray:
        r"""Whether a logical qubit can be recovered from the qubits that are kept, the others being erased.

        That is so if both its operators, times stabilizers, act on kept qubits alone: ``X_j`` and ``Z_j``, restricted
        to the erased qubits, lie in the span of the stabilizers restricted to them. The other logical qubits may be in
        any state, and need not survive; with references R of all of them it says ``I(A : R_j) = 2 ln 2``. Source:
        Bravyi and Terhal, NJP 11, 043029 (2009); Pastawski et al., JHEP 06 (2015) 149, section 5.

        Args:
            kept: bool (..., n), patterns of kept qubits.
            logical: the logical qubit j.

        Returns:
            bool (...).

        Raises:
            ValueError: if the shape does not fit, or there is no such logical qubit.
        """
        return self.recoverable_each(kept, [logical])[..., 0]

    def recoverable_each(
        self, kept: np.ndarray, logicals: Sequence[int], others: str | None = None
    ) -> np.ndarray:
        """`recoverable` for several logical qubits, each on its own, by one elimination.

        Args:
            kept: bool (..., n), patterns of kept qubits.
            logicals: different logical qubits.
            others: the letter in whose eigenstate all logical qubits but the one in question are, as in `fixed`;
                arbitrary unless given.

        Returns:
            bool (..., len(logicals)).

        Raises:
            ValueError: if the shape does not fit, there is no such logical qubit, one is named twice, or the letter is
                another.
        """
        patterns = np.asarray(kept, dtype=bool)
        chosen = [int(j) for j in logicals]
        fits = patterns.shape[-1] == self.n_qubits and all(0 <= j < self.n_logical for j in chosen)
        if not fits or len(set(chosen)) != len(chosen):
            raise ValueError(
                f"patterns have shape (..., {self.n_qubits}) and logical qubits are 0 .. {self.n_logical - 1}, each "
                f"named once; got {patterns.shape} and {chosen}"
            )
        count, group, wanted = len(chosen), self.stabilizers, [self._operators(chosen)]
        if others is not None:
            group = self.fixed({j: others for j in range(self.n_logical) if j not in chosen}).stabilizers
            wanted.append(self._letters(dict.fromkeys(chosen, others)))
        erased = ~patterns.reshape(-1, self.n_qubits)
        masks = pack_words(np.concatenate([erased, erased], axis=1))
        rows, targets = pack_words(group), pack_words(np.concatenate(wanted))
        size = max(1, _CHUNK // (rows.size + targets.size))
        found = np.empty((len(masks), count), dtype=bool)
        for start in range(0, len(masks), size):
            mask = masks[start : start + size, None]
            left = targets & mask  # the elimination leaves what is not in the span of the group
            inside = in_span(rows & mask, left)
            if others is None:
                found[start : start + size] = inside.reshape(-1, count, 2).all(axis=2)
                continue
            for i in range(count):
                spectators = np.delete(left[:, 2 * count :], i, axis=1)
                own = left[:, 2 * i : 2 * i + 2].copy()
                found[start : start + size, i] = in_span(spectators, own).all(axis=1)
        return found.reshape(*patterns.shape[:-1], count)

    def _operators(self, logicals: Sequence[int]) -> np.ndarray:
        """``X_j, Z_j`` of these logical qubits: bool (2 len, 2n)."""
        pairs = self.logicals.reshape(self.n_logical, 2, -1)
        return pairs[list(logicals)].reshape(2 * len(logicals), 2 * self.n_qubits)

    def _letters(self, letters: Mapping[int, str]) -> np.ndarray:
        """One operator of each logical qubit, its X, Y or Z: bool (len, 2n).

        Raises:
            ValueError: if a qubit is not there, or a letter is another.
        """
        for j, letter in letters.items():
            if letter not in ("X", "Y", "Z") or not 0 <= j < self.n_logical:
                raise ValueError(
                    f"fix logical qubits 0 .. {self.n_logical - 1} to 'X', 'Y' or 'Z'; got {j}: {letter!r}"
                )
        pairs = self.logicals.reshape(self.n_logical, 2, -1)
        rows = [(pairs[j, 0] & (letters[j] in "XY")) ^ (pairs[j, 1] & (letters[j] in "YZ")) for j in letters]
        return np.array(rows, dtype=bool).reshape(-1, 2 * self.n_qubits)

    def represented(self, region: Sequence[int], logical: int = 0) -> np.ndarray:
        """The logical X and Z of a qubit as operators within a region: bool (2, 2n).

        Raises:
            ValueError: if they cannot be represented there.
        """
        kept = qubit_mask(self.n_qubits, region)
        erased = np.flatnonzero(np.concatenate([~kept, ~kept]))
        group = self.stabilizers.astype(np.int64)
        found = []
        for row in self.logicals[2 * logical : 2 * logical + 2]:
            stacked = np.concatenate([row[None, erased], self.stabilizers[:, erased]])
            kernel = left_kernel(stacked)
            kernel = kernel[kernel[:, 0]]
            if not len(kernel):
                raise ValueError(f"logical qubit {logical} has no operators within the region {list(region)}")
            found.append(row ^ ((kernel[0, 1:].astype(np.int64) @ group) & 1).astype(bool))
        return np.array(found)


def five_qubit_code() -> StabilizerCode:
    """The [[5,1,3]] code: XZZXI and its cyclic shifts, X = XXXXX, Z = ZZZZZ.

    Laflamme, Miquel, Paz, Zurek, PRL 77, 198 (1996). It is invariant under cyclic shifts and reversal.
    """
    return StabilizerCode(pauli_rows(("XZZXI", "IXZZX", "XIXZZ", "ZXIXZ")), pauli_rows(("XXXXX", "ZZZZZ")))


def qubit_mask(n_qubits: int, region: Sequence[int]) -> np.ndarray:
    """A region as bool (n,).

    Raises:
        ValueError: if a qubit is not there or named twice.
    """
    chosen = [int(i) for i in region]
    if len(set(chosen)) != len(chosen) or not all(0 <= i < n_qubits for i in chosen):
        raise ValueError(f"a region holds different qubits of 0 .. {n_qubits - 1}; got {chosen}")
    mask = np.zeros(n_qubits, dtype=bool)
    mask[chosen] = True
    return mask


def _check_group(rows: np.ndarray) -> None:
    if np.any(symplectic_product(rows, rows)):
        raise ValueError("the generators of a stabilizer group must commute; these do not")
    if rank(rows) != len(rows):
        raise ValueError("the generators of a stabilizer group must be independent; these are not")
