"""What ``generalization`` computes: populations of circuits and networks of many sizes, trained on noisy labels.

One program serves all sizes of a family. A narrower network is the wide one with hidden units cut off, a shallower one
has its last blocks switched off (the identity); a shallower circuit has its last layers switched off, and keeps the
rotations before the measurement. What is cut off has no parameters: its rows of F, its norms and its counts are left
out.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

import circuits
from circuits import gradual
from circuits.description import Distribution, Point, State
from circuits.networks.base import positions
from qgeom.emergent.units import parameter_units
from qgeom.experiments import descent
from qgeom.information.planning import manifold_of
from qgeom.progress import Progress
from qgeom.tasks import Task
from qgeom.training import SMALLEST_PROBABILITY, unraveler

CHUNK = 30
"""Models that are trained together: one size, so one program."""


@dataclass(frozen=True)
class Classifier:
    """The cross-entropy of a family's members."""

    description: circuits.MLP | circuits.Measured
    dtype: str

    def point(self, theta: Array, strengths: Array, x: Array, state: bool = False) -> Point:
        """Of one input: the classes, or the circuit's state."""
        if isinstance(self.description, circuits.MLP):
            params = unraveler(self.description, self.dtype)(theta)
            return self.description.point(self.description.outputs(params, x, strengths))
        found = gradual.with_strengths(self.description.circuit, theta, x, strengths)
        return found if state else self.description.readout(found)

    def points(self, theta: Array, context: Any) -> Point:
        kept = theta * context["mask"]
        return jax.vmap(lambda x: self.point(kept, context["strengths"], x))(context["x"])

    def loss(self, points: Point, context: Any) -> Array:
        assert isinstance(points, Distribution)
        right = jnp.take_along_axis(points.probabilities, context["y"][:, None], axis=-1)
        return -jnp.mean(jnp.log(jnp.maximum(right, SMALLEST_PROBABILITY)))


class Member(NamedTuple):
    """One size: which parameters it has (P,), the strengths of its blocks or gates, and factors on random weights."""

    width: int
    depth: int
    mask: np.ndarray
    strengths: np.ndarray
    scale: np.ndarray


class Family(NamedTuple):
    """What one program trains."""

    name: str
    side: str
    problem: Classifier
    members: tuple[Member, ...]


def network_family(task: Task, widths: tuple[int, ...], depths: tuple[int, ...], dtype: str) -> Family:
    """MLPs of tanh units, all hidden layers of one width."""
    widest, deepest = max(widths), max(depths)
    network = circuits.MLP((task.n_features, *(widest,) * deepest, task.n_classes))
    where = positions(network)
    members = []
    for width in widths:
        for depth in depths:
            mask, scale = np.ones(network.n_parameters), np.ones(network.n_parameters)
            for i, entry in enumerate(where):
                fed_by_hidden, hidden = i > 0, i < deepest
                if hidden:
                    for array in entry.values():
                        mask[array[width:]] = 0.0
                        if i >= depth:
                            mask[array] = 0.0
                if fed_by_hidden:
                    mask[entry["weight"][:, width:]] = 0.0
                    scale[entry["weight"]] = np.sqrt(widest / width)  # variance one over the fan-in it has
            strengths = (np.arange(deepest) < depth).astype(float)
            members.append(Member(width, depth, mask, strengths, scale))
    return Family("network", "network", Classifier(network, dtype), tuple(members))


def circuit_family(task: Task, qubits: int, depths: tuple[int, ...], dtype: str) -> Family:
    """Data re-uploading circuits on some qubits, outcomes modulo the classes; width is the number of qubits.

    RZ comes before RY, so that no last rotation is without effect on the outcomes.
    """
    deepest = max(depths)
    circuit = circuits.data_reuploading(qubits, deepest, task.n_features, ("RZ", "RY"))
    layer = np.asarray(circuit.layer_of)
    members = []
    for depth in depths:
        on = (layer < depth) | (layer == deepest)
        mask = np.zeros(circuit.n_parameters)
        for op, here in zip(circuit.ops, on, strict=True):
            for angle in op.angles:
                if angle.index is not None and here:
                    mask[angle.index] = 1.0
        members.append(Member(qubits, depth, mask, on.astype(float), np.ones(circuit.n_parameters)))
    measured = circuits.Measured(circuit, classes=circuits.modulo_classes(qubits, task.n_classes))
    return Family(f"circuit, {qubits} qubits", "circuit", Classifier(measured, dtype), tuple(members))


def noisy_labels(labels: np.ndarray, share: float, n_classes: int, rng: np.random.Generator) -> np.ndarray:
    """Labels of which a share, rounded to whole rows, is replaced by one of the other classes at random."""
    out = labels.copy()
    rows = rng.permutation(len(labels))[: round(share * len(labels))]
    out[rows] = (out[rows] + rng.integers(1, n_classes, len(rows))) % n_classes
    return out


# --- training --------------------------------------------------------------


class Jobs(NamedTuple):
    """Models to be trained: their member, random start, inputs and labels; a leading axis each."""

    member: np.ndarray
    key: np.ndarray
    x: np.ndarray
    y: np.ndarray


class Trained(NamedTuple):
    """Flat parameters (B, P), zero where cut off, and mean losses (B,) in nat."""

    theta: np.ndarray
    loss: np.ndarray


def train(family: Family, jobs: Jobs, steps: int, learning_rate: float, progress: Progress) -> Trained:
    """Adam with a falling rate from random parameters, ``CHUNK`` models at a time; ``progress`` advances by chunks."""
    dtype = jnp.dtype(family.problem.dtype)
    mask, strengths, scale = (
        np.stack([getattr(member, name) for member in family.members])
        for name in ("mask", "strengths", "scale")
    )
    found: list[Trained] = []
    for rows in _chunks(len(jobs.member)):
        member = jobs.member[rows]
        start = _random(family.problem, jnp.asarray(jobs.key[rows], jnp.uint32)) * jnp.asarray(
            scale[member], dtype
        )
        context = {
            "mask": jnp.asarray(mask[member], dtype),
            "strengths": jnp.asarray(strengths[member], dtype),
            "x": jnp.asarray(jobs.x[rows], dtype),
            "y": jnp.asarray(jobs.y[rows]),
        }
        ended = descent.minimise(
            family.problem, start * context["mask"], context, steps, learning_rate, progress
        )
        found.append(Trained(ended.theta, ended.loss))
    count = len(jobs.member)
    return Trained(*(np.concatenate(parts)[:count] for parts in zip(*found, strict=True)))


def chunks(jobs: int) -> int:
    """How many chunks that many models are trained in."""
    return -(-jobs // CHUNK)


def _chunks(count: int) -> list[np.ndarray]:
    """Rows of each chunk; the last repeats its last row, so that all have one size."""
    return [np.minimum(np.arange(CHUNK) + CHUNK * k, count - 1) for k in range(chunks(count))]


@functools.partial(jax.jit, static_argnums=0)
def _random(problem: Classifier, keys: Array) -> Float[Array, "B P"]:
    def one(key: Array) -> Array:
        return ravel_pytree(problem.description.init(jax.random.key(key), jnp.dtype(problem.dtype)))[0]

    return jax.vmap(one)(keys)


# --- what is measured ------------------------------------------------------


class Measured(NamedTuple):
    """Of every model: eigenvalues of F, ascending, NaN beyond its own parameters; and what is read off theta.

    Attributes:
        eigenvalues: by metric ("readout", "state") and unit ("natural", "raw"), (B, P).
        fisher_rao: ``sqrt(theta' F theta)`` by metric, (B,).
        probabilities: of the classes for all inputs, (B, N, k).
        norms: 2-norm and path norm (of a circuit: of its angles, and its length as built), (B, 2).
        size: number of parameters, (B,).
    """

    eigenvalues: dict[tuple[str, str], np.ndarray]
    fisher_rao: dict[str, np.ndarray]
    probabilities: np.ndarray
    norms: np.ndarray
    size: np.ndarray


UNITS = ("natural", "raw")


def measure(
    family: Family, member: np.ndarray, theta: np.ndarray, x: np.ndarray, every: np.ndarray
) -> Measured:
    """Metrics averaged over inputs, without their labels.

    Args:
        member: of each model, (B,).
        theta: flat parameters (B, P).
        x: inputs (sets, N, d).
        every: which set of inputs each model has, (B,).
    """
    problem, dtype = family.problem, jnp.dtype(family.problem.dtype)
    kinds = ("readout", "state") if family.side == "circuit" else ("readout",)
    masks = np.stack([m.mask for m in family.members])[member]
    strengths = np.stack([m.strengths for m in family.members])[member]
    metrics: list[np.ndarray] = []
    probabilities: list[np.ndarray] = []
    for rows in _chunks(len(member)):
        parts = _metrics(
            problem, kinds, *(jnp.asarray(a[rows], dtype) for a in (theta, masks, strengths, x[every])),
        )  # fmt: skip
        metrics.append(np.asarray(parts[0]))
        probabilities.append(np.asarray(parts[1]))
    count, size = theta.shape
    fisher = np.concatenate(metrics)[:count].astype(float)
    angles = _wrapped(theta) if family.side == "circuit" else theta
    eigenvalues = {(kind, unit): np.full((count, size), np.nan) for kind in kinds for unit in UNITS}
    norms = np.zeros((count, 2))
    for b in range(count):
        kept = masks[b] > 0.0
        natural = _units(family, theta[b], masks[b])[kept]
        for m, kind in enumerate(kinds):
            own = fisher[b, m][np.ix_(kept, kept)]
            for unit, scale in (("natural", natural), ("raw", np.ones(len(natural)))):
                values = np.linalg.eigvalsh(scale[:, None] * own * scale)
                eigenvalues[kind, unit][b, : len(values)] = np.maximum(values, 0.0)
        norms[b] = _norms(family, family.members[int(member[b])], angles[b])
    return Measured(
        eigenvalues,
        {
            kind: np.sqrt(np.maximum(np.einsum("bi,bij,bj->b", angles, fisher[:, m], angles), 0.0))
            for m, kind in enumerate(kinds)
        },
        np.concatenate(probabilities)[:count],
        norms,
        masks.sum(axis=1).astype(int),
    )


@functools.partial(jax.jit, static_argnums=(0, 1))
def _metrics(
    problem: Classifier, kinds: tuple[str, ...], theta: Array, mask: Array, strengths: Array, x: Array
) -> tuple[Float[Array, "B kinds P P"], Float[Array, "B N k"]]:
    def one(given: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
        t, kept, on, inputs = given

        def points(parameters: Array, kind: str) -> Point:
            return jax.vmap(lambda v: problem.point(parameters * kept, on, v, kind == "state"))(inputs)

        classes = points(t, "readout")
        assert isinstance(classes, Distribution)
        return jnp.stack(
            [averaged_metric(functools.partial(points, kind=kind), t) for kind in kinds]
        ), classes.probabilities

    return jax.lax.map(one, (theta, mask, strengths, x))


def averaged_metric(points: Any, theta: Float[Array, " P"]) -> Float[Array, "P P"]:
    """``F = E_x[J' M J]`` of a function to points with a leading axis of inputs."""
    at, push = jax.linearize(points, theta)
    assert isinstance(at, Distribution | State)
    isometry = jax.vmap(manifold_of(at).isometry)
    rows = jax.vmap(lambda v: isometry(at, push(v)).reshape(-1))(jnp.eye(theta.shape[0], dtype=theta.dtype))
    return jnp.matmul(rows, rows.T) / jax.tree.leaves(at)[0].shape[0]


def _wrapped(angles: np.ndarray) -> np.ndarray:
    """Angles in [-pi, pi): the shortest way from the identity."""
    return (angles + np.pi) % (2.0 * np.pi) - np.pi


def _units(family: Family, theta: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Natural units; the root mean square of a layer is that of the weights it has."""
    description = family.problem.description
    if isinstance(description, circuits.Measured):
        return parameter_units(description, theta)
    out = np.ones(len(theta))
    for entry in positions(description):
        for where in entry.values():
            kept = mask[where] > 0.0
            size = float(np.sqrt(np.mean(theta[where][kept] ** 2))) if kept.any() else 0.0
            out[where] = size if size > 0.0 else 1.0
    return out


def _norms(family: Family, member: Member, theta: np.ndarray) -> tuple[float, float]:
    """2-norm; and path norm ``sqrt(sum over paths of the product of w^2)`` (Neyshabur et al., NeurIPS 2015).

    A bias is a weight on a constant input. A circuit has no path norm: in its place the length as built,
    ``sum |theta| / 2``.
    """
    norm = float(np.linalg.norm(theta))
    description = family.problem.description
    if isinstance(description, circuits.Measured):
        return norm, float(np.abs(theta).sum() / 2.0)
    flow = np.ones(description.sizes[0])
    where = positions(description)
    for i, entry in enumerate(where):
        if i < len(where) - 1 and member.strengths[i] == 0.0:
            continue
        flow = np.square(theta[entry["weight"]]) @ flow + np.square(theta[entry["bias"]])
    return norm, float(np.sqrt(flow.sum()))
