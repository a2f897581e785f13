"""Tasks: splits that leak nothing, and one clear line for every file that is not a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qgeom import tasks


@pytest.mark.parametrize(
    ("name", "samples", "features", "classes"),
    [
        ("iris", 150, 4, 3),
        ("two-moons", 200, 2, 2),
        ("digits", 200, 4, 4),
        ("parity", 8, 3, 2),
        ("parity-4", 16, 4, 2),
    ],
)
def test_the_built_in_tasks(name, samples, features, classes):
    task = tasks.load(name)
    assert (len(task.labels), task.n_features, task.n_classes) == (samples, features, classes)
    split = task.split(0)
    assert split.train_x.shape[1] == split.test_x.shape[1] == features
    assert split.train_x.dtype == np.float64
    assert set(split.train_y) == set(split.test_y) == set(range(classes))


def test_iris_is_split_by_class_without_overlap_and_differently_per_seed():
    task = tasks.iris()
    first, second = task.split(0), task.split(1)
    assert np.bincount(first.test_y).tolist() == [15, 15, 15]
    assert sorted([*first.train_index, *first.test_index]) == list(range(150))
    assert set(first.test_index) != set(second.test_index)
    assert np.array_equal(task.split(0).train_index, first.train_index)
    assert np.array_equal(task.labels[first.train_index], first.train_y)


def test_the_training_part_alone_fills_the_angle_range():
    split = tasks.iris().split(3)
    assert split.train_x.min(axis=0) == pytest.approx([-np.pi / 2] * 4)
    assert split.train_x.max(axis=0) == pytest.approx([np.pi / 2] * 4)


@pytest.mark.parametrize("task", [tasks.iris(), tasks.digits()])
def test_nothing_leaks_from_the_test_part(task):
    """Changing the test rows changes neither the training features nor the map applied to a given test row."""
    split = task.split(5)
    changed = task.features.copy()
    changed[split.test_index[1:]] += 100.0 * np.random.default_rng(0).normal(
        size=changed[split.test_index[1:]].shape
    )
    other = tasks.Task(**{**task.__dict__, "features": changed}).split(5)
    assert np.array_equal(other.train_x, split.train_x)
    assert np.allclose(other.test_x[0], split.test_x[0], atol=1e-12)
    assert np.abs(other.test_x).max() <= np.pi


def test_principal_components_are_those_of_the_training_covariance():
    task = tasks.digits()
    split = task.split(2)
    raw = task.features[split.train_index]
    values, vectors = np.linalg.eigh(np.cov(raw.T))
    projected = (raw - raw.mean(axis=0)) @ vectors[:, ::-1][:, :4]
    for ours, theirs in zip(split.train_x.T, projected.T, strict=True):
        assert abs(np.corrcoef(ours, theirs)[0, 1]) == pytest.approx(1.0, abs=1e-9)
    assert values[-4] > 0


def test_parity_trains_and_tests_on_all_words():
    split = tasks.parity(3).split(0)
    assert sorted(map(tuple, split.train_x)) == sorted(map(tuple, split.test_x))
    assert len(set(map(tuple, split.train_x))) == 8
    assert np.array_equal(split.test_y, np.sum(split.test_x > 0, axis=1) % 2)
    assert "generalisation" in tasks.parity(3).notes[0]


def test_splits_of_several_seeds_stack():
    stacked = tasks.iris().splits((4, 7))
    assert stacked.train_x.shape == (2, 105, 4)
    assert np.array_equal(stacked.test_x[1], tasks.iris().split(7).test_x)


GOOD = "a,b,kind\n" + "".join(f"{i},{i * i % 7},{'cat' if i % 2 else 'dog'}\n" for i in range(12))


def _write(folder: Path, text: str | bytes) -> Path:
    path = folder / "data.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_users_csv(tmp_path):
    task = tasks.load(_write(tmp_path, GOOD))
    assert task.feature_names == ("a", "b")
    assert task.class_names == ("cat", "dog")
    assert task.labels[:2].tolist() == [1, 0]
    assert task.features[3].tolist() == [3.0, 2.0]
    assert task.name == "data"


def test_the_label_column_by_name_numbers_in_numeric_order_and_other_separators(tmp_path):
    text = "\ufeffy;x\r\n" + "".join(f"{(10, 9)[i % 2]};{i}\r\n" for i in range(10)) + "\r\n\r\n"
    task = tasks.load(_write(tmp_path, text), target="y")
    assert task.class_names == ("9", "10")
    assert task.features[:, 0].tolist() == list(range(10))


def test_a_large_csv_is_thinned_and_a_wide_one_reduced_and_both_are_said(tmp_path):
    rng = np.random.default_rng(0)
    rows = [",".join(f"{v:.4f}" for v in rng.normal(size=9)) + f",{i % 3}" for i in range(1000)]
    text = ",".join("abcdefghij") + "\n" + "\n".join(rows)
    task = tasks.load(_write(tmp_path, text), max_samples=90)
    assert np.bincount(task.labels).tolist() == [30, 30, 30]
    assert task.n_features == 4
    assert task.notes == (
        "90 of 1000 rows, thinned evenly within each class.",
        "4 principal components of 9 features, of the training split.",
    )
    assert task.split(0).train_x.shape == (63, 4)


def _replaced(line: int, text: str) -> str:
    lines = GOOD.splitlines()
    lines[line - 1] = text
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_replaced(4, "1,,dog"), "line 4: column 'b' is empty"),
        (_replaced(4, "1,two,dog"), "line 4: column 'b' is 'two'; a number is expected"),
        (_replaced(5, "nan,2,dog"), "line 5: column 'a' is nan; a finite number is expected"),
        (_replaced(5, "inf,2,dog"), "line 5: column 'a' is inf; a finite number"),
        (_replaced(6, "1,2"), "line 6: 2 columns, but the header has 3"),
        (_replaced(6, "1,2,dog,4"), "line 6: 4 columns, but the header has 3"),
        (_replaced(7, "1,2,"), "line 7: column 'kind' has no label"),
        (_replaced(7, "1,2,NaN"), "line 7: column 'kind' has no label"),
        (_replaced(8, "1,2,bird"), "line 8: class 'bird' has a single row"),
        (GOOD.replace("dog", "cat"), "column 'kind' has one class only, 'cat'"),
        ("a,b,kind\n1,2,x\n2,3,y\n", "2 rows of data; at least 10"),
        (
            "a,b,kind\n" + "".join(f"{i},3.5,{i % 2}\n" for i in range(12)),
            "column 'b' is 3.5 in every row, from line 2",
        ),
        ("1,2,3\n" * 12, "line 1: numbers where the names of the columns are expected"),
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("a,b,kind\n", "0 rows of data"),
        ("kind\nx\n", "line 1: one column"),
        ("a,a,kind\n1,2,x\n", "line 1: two columns are named 'a'"),
        ("a,,kind\n1,2,x\n", "line 1: column 2 has no name"),
        (
            "a,y\n" + "".join(f"{i},{i * 0.37}\n" for i in range(40)),
            "column 'y' has 40 different labels; at most 16",
        ),
        ('a,b,kind\n1,"2,dog\n', "not CSV"),
        (b"a,b\n1,\xff\xfe\n", "not UTF-8"),
        (b"PK\x00\x03", "not a text file"),
    ],
)
def test_a_file_that_is_not_a_data_set_gets_one_line(tmp_path, text, message):
    path = _write(tmp_path, text)
    with pytest.raises(ValueError) as caught:
        tasks.load(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda folder: tasks.load("iriss"), "unknown task 'iriss'; did you mean 'iris'"),
        (lambda folder: tasks.load(folder / "missing.csv"), "no such file"),
        (lambda folder: tasks.load(folder), "cannot be read"),
        (
            lambda folder: tasks.load(_write(folder, GOOD), target="color"),
            "no column 'color'; the columns are a, b, kind",
        ),
        (lambda folder: tasks.load("iris", target="x"), "a target column is for CSV files"),
        (lambda folder: tasks.load("iris", components=5), "components is 5; iris has 4 features"),
        (lambda folder: tasks.load("parity-99"), "parity of 99 bits"),
        (lambda folder: tasks.load("parity-x"), "unknown task 'parity-x'"),
        (lambda folder: tasks.load("iris").split(0, test_fraction=1.0), "test_fraction is 1.0"),
    ],
)
def test_a_bad_request_gets_one_line(tmp_path, call, message):
    with pytest.raises(ValueError, match=".*") as caught:
        call(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
