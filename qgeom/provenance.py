"""Where a result comes from: seed, versions, device, precision, commit, command, time."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jax

_LIBRARIES = (
    "qgeom", "jax", "jaxlib", "equinox", "lineax", "diffrax", "optimistix", "optax", "numpy", "scipy", "networkx",
    "xarray", "matplotlib", "scikit-learn",
)  # fmt: skip


class Clock:
    """The start of a computation: wall-clock time for the record, a monotonic one for the duration."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start


def provenance(seed: int, clock: Clock, command: Sequence[str] = ()) -> dict[str, Any]:
    """Everything but the settings that it takes to repeat a computation, in plain types."""
    return {
        "command": list(command),
        "seed": seed,
        "started": clock.started.isoformat(timespec="seconds"),
        "seconds": round(clock.seconds, 3),
        "precision": precision(),
        "differentiation": "automatic (JAX)",
        "device": device(),
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": cpus(),
        "versions": versions(),
    }


def precision() -> str:
    """The dtypes of new arrays: ``"float64/complex128"`` or ``"float32/complex64"``."""
    return "float64/complex128" if jax.config.read("jax_enable_x64") else "float32/complex64"


def device() -> dict[str, Any]:
    """Kind and number of the devices that JAX computes on."""
    devices = jax.devices()
    return {"platform": devices[0].platform, "kind": devices[0].device_kind, "count": len(devices)}


def compilation_cache() -> str | None:
    """The folder in which JAX keeps compiled programs; None where it keeps none."""
    return jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]  # set by JAX when it starts


def cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions() -> dict[str, str]:
    """Installed versions of the libraries that take part in a computation."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # run from a folder, not installed
    return found


def git_commit() -> str | None:
    """The commit of qgeom's own clone, ``-dirty`` where files differ from it; None where it is no clone."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():  # a site-packages inside somebody else's repository is not ours
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        return f"{head}-dirty" if _git(root, "status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def command_line() -> list[str]:
    """The command as typed, with the program's name in place of its path."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]
