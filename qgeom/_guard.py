"""Whose ``circuits`` is it? PyPI has an unrelated distribution that installs the same top-level folder."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path


def require_own_circuits() -> None:
    """Check, without running it, that ``import circuits`` gives qgeom's package.

    Raises:
        ImportError: in one line, where it is missing or another distribution's. The command ``qgeom``, which cannot
            catch what its own import raises, ends with that line in place of a traceback.
    """
    problem = _problem()
    if problem is None:
        return
    if Path(sys.argv[0] if sys.argv else "").stem == "qgeom":
        sys.exit(f"qgeom: {problem}")
    raise ImportError(problem)


def _problem() -> str | None:
    spec = find_spec("circuits")
    loader = spec.loader if spec else None
    if spec is None or loader is None:
        return "qgeom's `circuits` package is missing: run `pip install --force-reinstall qgeom`"
    source = loader.get_source("circuits") if hasattr(loader, "get_source") else None  # type: ignore[attr-defined]
    if '__distribution__ = "qgeom"' in (source or ""):
        return None
    return (
        f"`import circuits` finds another package ({spec.origin}), not qgeom's: run `pip uninstall circuits`, "
        "then `pip install --force-reinstall qgeom`"
    )
