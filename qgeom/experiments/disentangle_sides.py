"""What ``disentangle`` computes: scores, error and complexity of autoencoders of numbers and of qubits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
import xarray as xr
from jaxtyping import Array

from qgeom.experiments import disentanglement_scores
from qgeom.experiments import number_autoencoder as numbers
from qgeom.experiments import qubit_autoencoder as qubits
from qgeom.progress import Progress

FAMILIES = ("none", "complexity", "quantum complexity", "L2", "dropout")
"""What the cost has beside the error; complexity is tr F of the network, tr F_C of the circuit, and tr F_Q beside."""
N_STRENGTHS = 5
NETWORKS = ("network", "network, bounded latents")
BINS = (10, 20)
"""Of the latents; factors have the first number of values."""
CHUNK = 50
"""Steps in a compiled call."""


class Budget(NamedTuple):
    """How much is computed.

    Attributes:
        factors: number of factors, and of latents.
        samples: of the training data.
        tests: of the data that is measured.
        steps: of Adam.
        rotations: draws of the null.
        complexity, norm, dropout: strengths, five each.
    """

    factors: int
    samples: int
    tests: int
    steps: int
    rotations: int
    complexity: tuple[float, ...]
    norm: tuple[float, ...]
    dropout: tuple[float, ...]


def models(quantum: bool) -> list[tuple[int, int]]:
    """Family and strength of every model that is trained."""
    families = range(1, len(FAMILIES))
    rest = [
        (f, s) for f in families if quantum or FAMILIES[f] != "quantum complexity" for s in range(N_STRENGTHS)
    ]
    return [(0, 0), *rest]


def _strengths(every: list[tuple[int, int]], family: str, values: tuple[float, ...]) -> np.ndarray:
    return np.array([values[s] if FAMILIES[f] == family else 0.0 for f, s in every])


def _drawn(seed: int, count: int, factors: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors of the training data and of the data that is measured, uniform in [0, 1], and values of the latter."""
    rng = np.random.default_rng((seed, 31))
    train, test = rng.random((count, factors)), rng.random((2048, factors))
    return train, test, np.minimum((test * BINS[0]).astype(int), BINS[0] - 1)


def _trained(
    chunk: Callable[..., Any], state: tuple, every: list[tuple[int, int]], cost: Any, data: tuple, seeds: Any,
    steps: int, progress: Progress,
) -> Any:  # fmt: skip
    """Train all models: those with the (readout) complexity in the cost apart, since it takes most of the time."""
    first = np.array([FAMILIES[f] == "complexity" for f, _ in every])
    keys = jax.vmap(lambda s: jax.random.split(jax.random.fold_in(jax.random.key(s), 7), steps))(
        jnp.asarray(seeds, jnp.uint32)
    )
    out = []
    for penalised in (True, False):
        rows = np.flatnonzero(first == penalised)
        part = jax.tree.map(lambda leaf, rows=rows: leaf[:, rows], state)
        own = type(cost)(*(jnp.asarray(values[rows]) for values in cost))
        for k in range(0, steps, CHUNK):
            part, _ = chunk(penalised, part, own, *data, keys[:, k : k + CHUNK])
            jax.block_until_ready(part)
            progress.advance(min(CHUNK, steps - k))
        out.append(part)
    order = np.argsort(np.concatenate([np.flatnonzero(first), np.flatnonzero(~first)]))
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=1)[:, order], *out)


def _repeated(params: Any, count: int) -> Any:
    """The same start for all models of a seed: (seeds, count, ...)."""
    return jax.tree.map(lambda leaf: jnp.repeat(leaf[:, None], count, axis=1), params)


def _floats(values: np.ndarray) -> Array:
    return jnp.asarray(values, jnp.result_type(float))


# --- networks --------------------------------------------------------------


def networks(seeds: tuple[int, ...], side: int, width: int, budget: Budget, progress: Progress) -> xr.Dataset:
    """Autoencoders of pictures, with linear and with bounded latents."""
    every, rate, k = models(False), 0.01, budget.factors
    model = numbers.autoencoder(side * side, width, k)
    draws = [_drawn(s, budget.samples, k) for s in seeds]
    train = _floats(np.stack([numbers.pictures(d[0], side) for d in draws]))
    test = _floats(np.stack([numbers.pictures(d[1][: budget.tests], side) for d in draws]))
    both = [*every, *every]
    cost = numbers.Cost(
        _strengths(both, "complexity", budget.complexity),
        _strengths(both, "L2", budget.norm),
        _strengths(both, "dropout", budget.dropout),
        np.repeat([False, True], len(every)),
    )
    cost = numbers.Cost(*(np.asarray(_floats(v)) if v.dtype != bool else v for v in cost))
    params = _repeated(numbers.start(model, np.array(seeds)), len(both))
    progress.stage("training autoencoders of numbers", 2 * budget.steps)

    def chunk(penalised: bool, state: tuple, own: Any, data: Array, keys: Array) -> Any:
        return numbers.chunk(rate, penalised, state, own, data, keys)

    params, _ = _trained(
        chunk, (params, numbers.moments(rate, params)), both, cost, (train,), seeds, budget.steps, progress
    )
    bounded = jnp.asarray(cost.bounded)
    found = numbers.measured(params, bounded, test)
    turns = np.stack([_rotations(s, k, 1)[0] for s in seeds])
    turned = jax.vmap(lambda p, r: jax.vmap(lambda q: numbers.turned(q, r))(p))(params, _floats(turns))
    after = numbers.measured(turned, bounded, test).complexity
    progress.stage("scores of autoencoders of numbers", len(seeds))
    tables = empty_tables(2, len(seeds), budget.rotations)
    n = len(every)
    for s, seed in enumerate(seeds):
        values, wanted = draws[s][2][: budget.tests], draws[s][1][: budget.tests]
        latents = np.asarray(found.latents[s], float)
        available = disentanglement_scores.entropies(values)
        spun = np.einsum("rab,mnb->mrna", _rotations(seed, k, budget.rotations), latents)
        rotated = disentanglement_scores.mutual_information_gap(
            disentanglement_scores.mutual_informations(spun, values), available
        )
        for case in range(2):
            for m, at in enumerate(every):
                row, place = case * n + m, (case, *at, s)
                for b, bins in enumerate(BINS):
                    information = disentanglement_scores.mutual_informations(latents[row], values, bins)
                    tables["gap"][(*place, b)] = disentanglement_scores.mutual_information_gap(
                        information, available
                    )
                tables["rotated"][place] = rotated[row]
                _forest(tables, place, latents[row][:, :, None], wanted)
                tables["error"][place] = found.error[s, row]
                tables["complexity"][place] = found.complexity[s, row]
                tables["turned"][place] = after[s, row] / found.complexity[s, row] - 1.0
        progress.advance()
    return as_dataset(tables, NETWORKS, seeds)


def _rotations(seed: int, size: int, count: int) -> np.ndarray:
    """Haar-random orthogonal matrices (count, size, size)."""
    rng = np.random.default_rng((seed, 41))
    return scipy.stats.ortho_group.rvs(size, count, rng).reshape(count, size, size)


# --- circuits --------------------------------------------------------------


def circuits(seeds: tuple[int, ...], n: int, rows: int, budget: Budget, progress: Progress) -> xr.Dataset:
    """Autoencoders of states, on ``n`` qubits."""
    every, rate, k = models(True), 0.05, budget.factors
    shape = qubits.Shape(n, rows, k)
    kind = jnp.result_type(float)
    draws = [_drawn(s, budget.samples, k) for s in seeds]
    train, test, angles = [], [], []
    for s, seed in enumerate(seeds):
        rng = np.random.default_rng((seed, 51))
        hidden = rng.uniform(-np.pi, np.pi, shape.table) * shape.used
        angles.append(rng.normal(size=shape.table) * shape.used)
        for out, factors in ((train, draws[s][0]), (test, draws[s][1][: budget.tests])):
            out.append(qubits.mixed(shape, np.asarray(hidden, kind), qubits.product_states(factors, n)))
    cost = qubits.Cost(
        _strengths(every, "complexity", budget.complexity),
        _strengths(every, "quantum complexity", budget.complexity),
        _strengths(every, "L2", budget.norm),
        _strengths(every, "dropout", budget.dropout),
    )
    cost = qubits.Cost(*(np.asarray(v, kind) for v in cost))
    complex_kind = jnp.result_type(kind, jnp.complex64)
    main = jnp.asarray(np.stack([qubits.principal(t, 2**k) for t in train]), complex_kind)
    data = jnp.asarray(np.stack(train), complex_kind)
    tables = _repeated(_floats(np.stack(angles)), len(every))
    progress.stage("training autoencoders of qubits", 2 * budget.steps)

    def chunk(penalised: bool, state: tuple, own: Any, main: Array, data: Array, keys: Array) -> Any:
        return qubits.chunk(shape, rate, penalised, state, own, main, data, keys)

    final, _ = _trained(
        chunk,
        (tables, qubits.moments(rate, tables)),
        every,
        cost,
        (main, data),
        seeds,
        budget.steps,
        progress,
    )
    progress.stage("scores of autoencoders of qubits", len(seeds))
    scores = empty_tables(1, len(seeds), budget.rotations)
    for s, seed in enumerate(seeds):
        values, wanted = draws[s][2][: budget.tests], draws[s][1][: budget.tests]
        # All qubits together are as they were before they were mixed: each factor in a qubit of its own.
        own = qubits.bloch(qubits.product_states(wanted, n), k)
        available = np.diagonal(disentanglement_scores.holevo_informations(own, values))
        turns = _unitaries(seed, 2**k, budget.rotations)
        for m, at in enumerate(every):
            place = (0, *at, s)
            table = np.asarray(final[s, m], float)
            states = test[s] @ np.asarray(qubits.unitary(shape, final[s, m])).T
            vectors = qubits.bloch(states, k)
            information = disentanglement_scores.holevo_informations(vectors, values)
            scores["gap"][place] = disentanglement_scores.mutual_information_gap(information, available)
            scores["excess"][place] = np.max(information - available)
            spun = np.einsum("rab,nbt->rnat", turns, states.reshape(len(states), 2**k, -1))
            spun = qubits.bloch(spun.reshape(len(turns), *states.shape), k)
            scores["rotated"][place] = disentanglement_scores.mutual_information_gap(
                disentanglement_scores.holevo_informations(spun, values), available
            )
            _forest(scores, place, vectors, wanted)
            scores["error"][place] = np.mean(qubits.infidelity(shape, jnp.asarray(states)))
            some = data[s, :COMPLEXITY_DATA]
            here, after = (
                np.asarray(qubits.complexities(shape, final[s, m], some, jnp.asarray(turn, complex_kind)))
                for turn in (np.eye(2**k), turns[0])
            )
            scores["complexity"][place], scores["quantum"][place] = here
            scores["turned"][place], scores["turned_quantum"][place] = after / here - 1.0
            seen = test[s][:COMPLEXITY_DATA]
            scores["gate_entropy"][place] = qubits.entropies_at_gates(shape, table, seen).mean()
            out = states[:COMPLEXITY_DATA]
            alone = sum(qubits.entropy(out, (q,), n) for q in range(k))
            scores["correlation"][place] = np.mean(alone - qubits.entropy(out, tuple(range(k)), n))
        progress.advance()
    return as_dataset(scores, ("circuit",), seeds)


COMPLEXITY_DATA = 32


def _unitaries(seed: int, size: int, count: int) -> np.ndarray:
    """Haar-random unitaries (count, size, size)."""
    rng = np.random.default_rng((seed, 42))
    return scipy.stats.unitary_group.rvs(size, count, rng).reshape(count, size, size)


# --- tables ----------------------------------------------------------------

SCALARS = (
    "error", "complexity", "quantum", "disentanglement", "completeness", "informativeness", "turned", "turned_quantum",
    "excess", "gate_entropy", "correlation",
)  # fmt: skip
NAMES = {
    "error": "error of the reconstruction",
    "complexity": "tr F, or tr F_C / 4P",
    "quantum": "tr F_Q / 4P",
    "turned": "change of the complexity under a rotation",
    "turned_quantum": "change of tr F_Q under a rotation",
    "excess": "Holevo information of a latent beyond that of the data",
    "gate_entropy": "entropy of the qubits of a gate",
    "correlation": "total correlation of the latents",
}


def empty_tables(cases: int, seeds: int, rotations: int) -> dict[str, np.ndarray]:
    where = (cases, len(FAMILIES), N_STRENGTHS, seeds)
    tables = {name: np.full(where, np.nan) for name in SCALARS}
    tables["gap"] = np.full((*where, len(BINS)), np.nan)  # pyright: ignore[reportArgumentType]
    tables["rotated"] = np.full((*where, rotations), np.nan)  # pyright: ignore[reportArgumentType]
    return tables


def _forest(tables: dict[str, np.ndarray], place: tuple, codes: np.ndarray, factors: np.ndarray) -> None:
    matrix, told = disentanglement_scores.importances(codes[:512], factors[:512])
    tables["disentanglement"][place] = disentanglement_scores.disentanglement(matrix)
    tables["completeness"][place] = disentanglement_scores.completeness(matrix)
    tables["informativeness"][place] = told.mean()


def as_dataset(tables: dict[str, np.ndarray], cases: tuple[str, ...], seeds: tuple[int, ...]) -> xr.Dataset:
    where = ("case", "family", "strength", "seed")
    inner = {"gap": (*where, "bins"), "rotated": (*where, "draw")}
    return xr.Dataset(
        {
            name: (inner.get(name, where), values, {"long_name": NAMES.get(name, name)})
            for name, values in tables.items()
        },
        coords={
            "case": list(cases), "family": list(FAMILIES), "strength": np.arange(N_STRENGTHS), "seed": list(seeds),
            "bins": list(BINS),
        },
    )  # fmt: skip
