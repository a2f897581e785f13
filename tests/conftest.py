"""Every test runs in float64, with a compilation cache outside the clone, and most with strict dtype promotion."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

# Before jax is imported. XLA programs are kept between runs and shared by the workers; an entry that another worker is
# still writing is compiled anew.
_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qgeom" / "jax"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(_cache))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the GPU tests run with JAX_PLATFORMS=cuda
os.environ.setdefault("MPLBACKEND", "agg")
# The BLAS of SciPy, which JAX calls on CPUs, waits actively for all cores; workers of one machine have to share them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import jax
import pytest

jax.config.update("jax_enable_x64", True)
# `make test` tries the same examples everywhere; `make test-all` explores new ones.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("explore", derandomize=False)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job in the background; Ctrl-C is tested
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Training and the experiments use libraries (optax among them) that mix dtypes; the mathematics must not.
_STANDARD_PROMOTION = (
    "test_cli",
    "test_comparison",
    "test_docs",
    "test_every_experiment",
    "test_experiment",
    "test_figures",
    "test_results",
    "test_small_presets",
    "test_statistics",
    "test_tasks",
    "test_training",
)


@pytest.fixture(autouse=True)
def strict_dtype_promotion(request: pytest.FixtureRequest) -> Iterator[None]:
    """Mixing dtypes by accident (float32 with float64, integers with floats) is an error."""
    if request.path.name.startswith(_STANDARD_PROMOTION):
        yield
    else:
        with jax.numpy_dtype_promotion("strict"):
            yield


@pytest.fixture(autouse=True, scope="module")
def bounded_memory() -> Iterator[None]:
    """Compiled programs are dropped between modules once a worker holds more than 3 GiB (where the system says)."""
    yield
    statm = Path("/proc/self/statm")
    if statm.exists() and int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > 3 * 2**30:
        jax.clear_caches()


@pytest.fixture
def key() -> jax.Array:
    """A random key; split it, never use it twice."""
    return jax.random.key(0)
