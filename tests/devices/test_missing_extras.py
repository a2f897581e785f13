"""What needs an optional package says in one line how to install it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("package", "extra", "name"),
    [
        ("pennylane", "pennylane", "QGeomDevice"),
        ("qiskit", "qiskit", "Estimator"),
        ("qiskit_algorithms", "qiskit", "GeometricTensor"),
    ],
)
def test_a_missing_extra_is_named(package, extra, name):
    # None in sys.modules makes Python say that there is no such module.
    code = f"import sys; sys.modules[{package!r}] = None; import qgeom.devices; qgeom.devices.{name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert f"needs {package}: pip install 'qgeom[{extra}]'" in last
