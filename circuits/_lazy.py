"""Lazy attributes of a package (PEP 562): a name imports its module the first time it is used.

Both top-level packages use it, so that ``import circuits, qgeom`` costs no more than jax, numpy and equinox.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# Optional packages, and the extra of qgeom that installs them.
_EXTRAS = {"pennylane": "pennylane", "qiskit": "qiskit", "qiskit_algorithms": "qiskit", "quimb": "quimb"}


def attach(
    package: str, submodules: Iterable[str], names: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` for a package.

    Args:
        package: the package's ``__name__``.
        submodules: submodules that are attributes of the package.
        names: for each submodule, the names in it that are attributes of the package.
    """
    modules = frozenset(submodules)
    origin = {name: module for module, members in names.items() for name in members}
    public = sorted(modules | origin.keys())

    def __getattr__(name: str) -> Any:
        if name in origin:
            value = getattr(_imported(package, origin[name]), name)
        elif name in modules:
            value = _imported(package, name)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)  # the next access does not come here
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *public})

    return __getattr__, __dir__, public


def _imported(package: str, module: str) -> Any:
    try:
        return importlib.import_module(f"{package}.{module}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in _EXTRAS:
            raise
        raise ModuleNotFoundError(
            f"{package}.{module} needs {missing}: pip install 'qgeom[{_EXTRAS[missing]}]'", name=missing
        ) from None
