"""How much memory a computation needs and has, found out before anything is allocated."""

from __future__ import annotations

import functools
import pathlib
from typing import Any

import jax
import jax.numpy as jnp

_GIB = 1024.0**3


def _read_integer(path: str) -> int | None:
    try:
        return int(pathlib.Path(path).read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def _machine_bytes() -> float:
    """Memory that the machine can still give, from the kernel; infinite where it does not say."""
    try:
        for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024.0
    except OSError:
        pass
    return float("inf")


def _control_group_bytes() -> float:
    """Memory left under the control group's limit (containers), version 2 or 1; infinite without one."""
    for limit, usage in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        most = _read_integer(limit)
        if most is not None and most < 1 << 60:
            return float(max(most - (_read_integer(usage) or 0), 0))
    return float("inf")


@functools.cache
def _device_limit(device: Any) -> float | None:
    stats = device.memory_stats()
    return float(stats["bytes_limit"]) if stats and "bytes_limit" in stats else None


def available_bytes(device: Any = None) -> float:
    """Bytes that a computation may still allocate on ``device`` (the default device if None).

    Accelerators report their own limit; on CPUs, where JAX reports nothing, this is the least of what the machine
    has available and what its control group allows.
    """
    device = device or getattr(jax.config, "jax_default_device", None)  # config.read refuses it
    if device is None or isinstance(device, str):
        device = jax.devices(device)[0]
    limit = _device_limit(device)
    if limit is not None:
        return limit - float((device.memory_stats() or {}).get("bytes_in_use", 0))
    return min(_machine_bytes(), _control_group_bytes())


def state_bytes(n_qubits: int, dtype: Any) -> float:
    """Bytes of one state of ``n_qubits`` whose parameters have the real ``dtype``."""
    return 2.0 * jnp.dtype(dtype).itemsize * 2.0**n_qubits


def check_states(n_qubits: int, dtype: Any, states: float) -> None:
    """One line, before allocation, if ``states`` states of ``n_qubits`` do not fit.

    Raises:
        MemoryError: with what is needed, what there is, and the largest number of qubits that fits.
    """
    need = states * state_bytes(n_qubits, dtype)
    if need < 64e6:  # not worth asking the system for
        return
    have = available_bytes()
    if need <= have:
        return
    most = n_qubits
    while most > 1 and states * state_bytes(most, dtype) > have:
        most -= 1
    raise MemoryError(
        f"{n_qubits} qubits need {need / _GIB:.3g} GiB ({states:.0f} states in {jnp.dtype(dtype).name}) and "
        f"{have / _GIB:.3g} GiB are available; at most {most} qubits fit here"
    )
