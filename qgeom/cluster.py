"""Dask: the same function over many arguments, on this machine or on a cluster. Needs the extra ``dask``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax

from qgeom.errors import InputError
from qgeom.provenance import compilation_cache, cpus

try:
    import distributed as _distributed
except ModuleNotFoundError:  # an extra; `starmap` says how to get it
    _distributed = None
distributed: Any = _distributed


def starmap(function: Callable[..., Any], arguments: Sequence[tuple], cluster: str) -> Iterator[Any]:
    """Results in the order in which they come.

    Args:
        function: importable by the workers, as are its arguments picklable.
        arguments: one tuple per call.
        cluster: ``"local"``, one worker process for every processor, or the address of a scheduler.

    Raises:
        InputError: where Dask is not installed, or there is no scheduler at that address.
    """
    if distributed is None:
        raise InputError("a sweep on a cluster needs Dask: pip install 'qgeom[dask]'")
    with _client(cluster) as client:
        client.run(_configure, bool(jax.config.read("jax_enable_x64")), compilation_cache())
        futures = [client.submit(function, *each, pure=False) for each in arguments]
        for future in distributed.as_completed(futures):
            yield future.result()


@contextmanager
def _client(cluster: str) -> Iterator[Any]:
    if cluster == "local":
        with (
            distributed.LocalCluster(
                n_workers=cpus(), threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as local,
            distributed.Client(local) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(cluster, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {cluster!r} ({type(error).__name__}); start one, or say local"
        ) from None
    with client:
        yield client


def _configure(x64: bool, cache: str | None) -> None:
    """A worker computes as the program that sent it work."""
    jax.config.update("jax_enable_x64", x64)
    if cache is not None:
        jax.config.update("jax_compilation_cache_dir", cache)
