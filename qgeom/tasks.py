"""Classification tasks: the data that both sides of a comparison learn.

A :class:`Task` holds raw features and labels; :meth:`Task.split` turns them, for one seed, into a stratified
training and test split whose features lie in an angle range. Everything that is fitted (principal components,
scaling) is fitted on the training part alone, so nothing leaks from the test part. The number of samples in each part
depends on the task only, never on the seed, so that the splits of several seeds stack into one array.

====================  =======  ========  =======  ==========================================================
task                  samples  features  classes  source
====================  =======  ========  =======  ==========================================================
``iris``              150      4         3        Fisher, Annals of Eugenics 7, 179 (1936)
``two-moons``         200      2         2        two interleaving half circles, Gaussian noise 0.15
``digits``            200      4 (PCA)   4        UCI optical digits 0 to 3, first 50 of each, 8 x 8 pixels
``parity``            8        3         2        all words of 3 bits; the test part *is* the training part
a CSV file            any      any       2 to 16  header row, numbers, one column of labels
====================  =======  ========  =======  ==========================================================
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn import datasets

from qgeom.csvfile import read_csv
from qgeom.errors import unknown

BUILT_IN = ("iris", "two-moons", "digits", "parity")
ANGLE = np.pi / 2
"""Training features are scaled linearly, column by column, onto ``[-ANGLE, ANGLE]``."""

_MOST_FEATURES = 8
_DEFAULT_COMPONENTS = 4


class Split(NamedTuple):
    """One seed's data, or with :meth:`Task.splits` a stack of them along a leading seed axis.

    ``train_x (n, d)`` and ``test_x (m, d)`` are angles in radians, ``train_y (n,)`` and ``test_y (m,)`` class indices,
    ``train_index`` and ``test_index`` the rows of the task they come from.
    """

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray
    train_index: np.ndarray
    test_index: np.ndarray


@dataclass(frozen=True, eq=False)
class Task:
    """A classification data set.

    Attributes:
        features: raw features ``(N, D)``, float64.
        labels: class indices ``(N,)``, integers from 0.
        components: number of principal components kept, fitted on each training split; None keeps the features.
        test: ``"held-out"``: the test part is disjoint from the training part; ``"same"``: the task is the whole
            domain (parity), so both parts are all of it and test accuracy says nothing about generalisation.
        notes: what a reader of the table must know about the data.
    """

    name: str
    features: np.ndarray
    labels: np.ndarray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    source: str
    components: int | None = None
    test: Literal["held-out", "same"] = "held-out"
    notes: tuple[str, ...] = field(default=())

    @property
    def n_features(self) -> int:
        """Inputs that a description receives: components where they are used, else the features."""
        return self.features.shape[1] if self.components is None else self.components

    @property
    def n_classes(self) -> int:
        return len(self.class_names)

    def with_components(self, components: int | None) -> Task:
        """The same data reduced to ``components`` principal components of each training split.

        Raises:
            ValueError: if there are not that many features.
        """
        if components is not None and not 1 <= components <= self.features.shape[1]:
            raise ValueError(
                f"components is {components}; {self.name} has {self.features.shape[1]} features: "
                f"choose 1 to {self.features.shape[1]}"
            )
        return replace(self, components=components)

    def split(self, seed: int, test_fraction: float = 0.3) -> Split:
        """Shuffle, split class by class, reduce and scale. Rows of the training part are in random order.

        Of each class, ``round(test_fraction * count)`` rows, at least 1 and at most ``count - 1``, are held out.
        Features beyond the range of the training part are continued linearly and clipped at ``pi``, so that an
        outlier cannot wrap around.

        Raises:
            ValueError: if ``test_fraction`` is not strictly between 0 and 1.
        """
        if not 0.0 < test_fraction < 1.0:
            raise ValueError(
                f"test_fraction is {test_fraction}; a number between 0 and 1 is expected, e.g. 0.3"
            )
        rng = np.random.default_rng(seed)
        if self.test == "same":
            train = rng.permutation(len(self.labels))
            test = np.arange(len(self.labels))
        else:
            held_out, kept = [], []
            for label in range(self.n_classes):
                rows = rng.permutation(np.flatnonzero(self.labels == label))
                count = min(max(1, round(test_fraction * len(rows))), len(rows) - 1)
                held_out.append(rows[:count])
                kept.append(rows[count:])
            train = rng.permutation(np.concatenate(kept))
            test = rng.permutation(np.concatenate(held_out))
        raw_train, raw_test = self.features[train], self.features[test]
        if self.components is not None:
            raw_train, raw_test = _principal_components(raw_train, raw_test, self.components)
        train_x, test_x = _to_angles(raw_train, raw_test)
        return Split(train_x, self.labels[train], test_x, self.labels[test], train, test)

    def splits(self, seeds: tuple[int, ...], test_fraction: float = 0.3) -> Split:
        """The splits of several seeds, stacked: every array gains a leading axis of length ``len(seeds)``."""
        return Split(
            *(np.stack(parts) for parts in zip(*(self.split(s, test_fraction) for s in seeds), strict=True))
        )


def load(
    task: str | Path | Task,
    target: str | None = None,
    components: int | None = None,
    max_samples: int = 400,
) -> Task:
    """A built-in task by name, or a user's CSV file by path.

    Args:
        task: one of ``iris``, ``two-moons``, ``digits``, ``parity`` (``parity-4`` for 4 bits), or the path of a CSV
            file with a header row; a :class:`Task` is passed through.
        target: for a CSV file, the column that holds the label; the last column unless given.
        components: principal components to keep. A CSV file of more than 8 features is reduced to 4 unless given.
        max_samples: a larger CSV file is thinned, class by class, to about this many rows (the same for all seeds).

    Raises:
        ValueError: one line that names the file, the line and the column, for anything that is not a data set.
    """
    if isinstance(task, Task):
        loaded = task
    elif str(task) in BUILT_IN or str(task).startswith("parity-"):
        if target is not None:
            raise ValueError(f"a target column is for CSV files; {task} is built in")
        loaded = _built_in(str(task))
    elif Path(task).suffix.lower() == ".csv" or Path(task).exists():
        loaded = from_csv(Path(task), target=target, max_samples=max_samples)
    else:
        raise unknown("task", str(task), (*BUILT_IN, "or the path of a CSV file"))
    return loaded if components is None else loaded.with_components(components)


def iris() -> Task:
    """Fisher's iris data: 150 flowers, 4 lengths in cm, 3 species."""
    data: Any = datasets.load_iris()  # a Bunch
    return Task(
        name="iris",
        features=np.asarray(data.data, dtype=np.float64),
        labels=np.asarray(data.target),
        feature_names=tuple(str(name) for name in data.feature_names),
        class_names=tuple(str(name) for name in data.target_names),
        source="Fisher, Annals of Eugenics 7, 179 (1936); scikit-learn",
    )


def two_moons(n_samples: int = 200, noise: float = 0.15, seed: int = 0) -> Task:
    """Two interleaving half circles in the plane; drawn once, the split is what a comparison's seed changes."""
    features, labels = datasets.make_moons(n_samples=n_samples, noise=noise, random_state=seed)
    return Task(
        name="two-moons",
        features=np.asarray(features),
        labels=np.asarray(labels),
        feature_names=("x", "y"),
        class_names=("upper", "lower"),
        source=f"scikit-learn make_moons, {n_samples} samples, noise {noise}",
    )


def digits(classes: tuple[int, ...] = (0, 1, 2, 3), per_class: int = 50, components: int = 4) -> Task:
    """Handwritten digits of 8 x 8 pixels, reduced to a few classes, samples and principal components."""
    data: Any = datasets.load_digits()
    images, targets = np.asarray(data.data, dtype=np.float64), np.asarray(data.target)
    rows = np.concatenate([np.flatnonzero(targets == digit)[:per_class] for digit in classes])
    return Task(
        name="digits",
        features=images[rows],
        labels=np.searchsorted(np.asarray(classes), targets[rows]),
        feature_names=tuple(f"pixel {i // 8},{i % 8}" for i in range(64)),
        class_names=tuple(str(digit) for digit in classes),
        source="UCI optical recognition of handwritten digits; scikit-learn",
        components=components,
        notes=(
            f"Digits {', '.join(map(str, classes))}, the first {per_class} of each; "
            f"{components} principal components of the training split.",
        ),
    )


def parity(n_bits: int = 3) -> Task:
    """The parity of ``n_bits`` bits on all ``2**n_bits`` words. Training and test part are both the whole domain.

    Raises:
        ValueError: for fewer than 2 or more than 8 bits.
    """
    if not 2 <= n_bits <= 8:
        raise ValueError(f"parity of {n_bits} bits is not offered; choose 2 to 8 bits, e.g. parity-4")
    words = np.array(list(itertools.product((0, 1), repeat=n_bits)))
    return Task(
        name=f"parity-{n_bits}",
        features=words.astype(np.float64),
        labels=words.sum(axis=1) % 2,
        feature_names=tuple(f"bit {i}" for i in range(n_bits)),
        class_names=("even", "odd"),
        source=f"parity of all words of {n_bits} bits",
        test="same",
        notes=(
            "Training and test part are the same: all words. Test accuracy says nothing about generalisation.",
        ),
    )


def from_csv(path: Path, target: str | None = None, max_samples: int = 400) -> Task:
    """A task from a CSV file: header row, numeric features, one column of labels (numbers or text, each a class).

    Raises:
        ValueError: see :func:`qgeom.csvfile.read_csv`.
    """
    table = read_csv(path, target)
    features, labels = table.features, table.labels
    notes: tuple[str, ...] = ()
    if len(labels) > max_samples:
        rows = _thin(labels, max_samples)
        notes += (f"{len(rows)} of {len(labels)} rows, thinned evenly within each class.",)
        features, labels = features[rows], labels[rows]
    components = None
    if features.shape[1] > _MOST_FEATURES:
        components = _DEFAULT_COMPONENTS
        notes += (
            f"{components} principal components of {features.shape[1]} features, of the training split.",
        )
    return Task(
        name=path.stem,
        features=features,
        labels=labels,
        feature_names=table.feature_names,
        class_names=table.class_names,
        source=path.name,
        components=components,
        notes=notes,
    )


def _built_in(name: str) -> Task:
    match name:
        case "iris":
            return iris()
        case "two-moons":
            return two_moons()
        case "digits":
            return digits()
        case "parity":
            return parity()
    bits = name.removeprefix("parity-")
    if not bits.isascii() or not bits.isdigit():
        raise ValueError(f"unknown task {name!r}; a parity task is parity-2 to parity-8")
    return parity(int(bits))


def _principal_components(
    train: np.ndarray, test: np.ndarray, components: int
) -> tuple[np.ndarray, np.ndarray]:
    """Projections on the leading principal axes of ``train``; each axis points to its largest loading."""
    mean = train.mean(axis=0)
    axes = np.linalg.svd(train - mean, full_matrices=False)[2][:components]
    if len(axes) < components:
        raise ValueError(
            f"{components} principal components need as many training rows; there are {len(axes)}"
        )
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1, keepdims=True), axis=1)
    axes = axes * np.sign(largest)
    return (train - mean) @ axes.T, (test - mean) @ axes.T


def _to_angles(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns onto ``[-ANGLE, ANGLE]`` by the range of ``train``; a column constant in ``train`` becomes zero."""
    low, high = train.min(axis=0), train.max(axis=0)
    middle, half = (high + low) / 2, (high - low) / 2
    scale = np.divide(ANGLE, half, out=np.zeros_like(half), where=half > 0)
    return (train - middle) * scale, np.clip((test - middle) * scale, -np.pi, np.pi)


def _thin(labels: np.ndarray, max_samples: int) -> np.ndarray:
    """Rows evenly spaced within each class, in proportion to its size (at least 2), in file order."""
    kept = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        count = min(len(rows), max(2, round(max_samples * len(rows) / len(labels))))
        kept.append(rows[np.linspace(0, len(rows) - 1, count).round().astype(int)])
    return np.sort(np.concatenate(kept))
