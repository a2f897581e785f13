"""Whose ``circuits`` is it? PyPI has an unrelated distribution that installs the same top-level folder."""

from __future__ import annotations

from importlib.util import find_spec


def require_own_circuits() -> None:
    """Check, without running it, that ``import circuits`` gives qgeom's package.

    Raises:
        ImportError: in one line, where it is missing or another distribution's.
    """
    spec = find_spec("circuits")
    loader = spec.loader if spec else None
    if spec is None or loader is None:
        raise ImportError(
            "qgeom's `circuits` package is missing: reinstall with `pip install --force-reinstall qgeom`"
        )
    source = loader.get_source("circuits") if hasattr(loader, "get_source") else None  # type: ignore[attr-defined]
    if '__distribution__ = "qgeom"' not in (source or ""):
        raise ImportError(
            f"`import circuits` finds another package ({spec.origin}), not qgeom's: run `pip uninstall circuits`, "
            "then `pip install --force-reinstall qgeom`"
        )
