"""PennyLane and Qiskit mix dtypes, so the tests of what plugs into them run without strict promotion."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def strict_dtype_promotion() -> None:
    """In place of the fixture of the same name in tests/conftest.py."""
