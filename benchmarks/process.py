"""A worker process as seen from the run: started fresh, given commands one at a time, stopped at a limit."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


class Stopped(Exception):
    """A worker gave no result; `status` is one of limit, memory, failed."""

    def __init__(self, status: str, note: str):
        super().__init__(note)
        self.status, self.note = status, note


def memory_limit() -> int:
    """Bytes that one worker may hold: 85% of the machine or of the control group, whichever is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(int(Path(name).read_text()))
        except (OSError, ValueError):
            continue
    return int(0.85 * min(limits))


def environment(gpu: bool = False) -> dict[str, str]:
    """The caller's environment, thread settings untouched, without any persistent compilation cache."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("JAX_COMPILATION_CACHE")}
    env["JAX_ENABLE_COMPILATION_CACHE"] = "false"
    env["PYTHONPATH"] = f"{HERE}{os.pathsep}{HERE.parent}"
    if not gpu:
        env["JAX_PLATFORMS"] = "cpu"
    return env


class Process:
    """One fresh interpreter running `worker.py`."""

    def __init__(self, module: str, function: str, arguments: dict[str, Any], gpu: bool = False):
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the worker
        command = [sys.executable, str(HERE / "worker.py"), module, function, json.dumps(arguments)]
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment(gpu),
            start_new_session=True,
        )
        try:
            self.import_s = float(self._answer(300.0)["import_s"])
        except BaseException:  # interrupted while importing: leave nothing running
            self.stop()
            raise

    def ask(self, command: str, limit: float) -> dict[str, Any]:
        """Send one command and wait for its answer, at most `limit` seconds."""
        assert self.child.stdin is not None
        try:
            self.child.stdin.write(f"{command}\n".encode())
            self.child.stdin.flush()
        except BrokenPipeError:
            raise Stopped("failed", self._last_error()) from None
        return self._answer(limit)

    def _answer(self, limit: float) -> dict[str, Any]:
        assert self.child.stdout is not None
        deadline = time.monotonic() + limit
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.stdout, selectors.EVENT_READ)
            while not selector.select(timeout=0.2):
                if time.monotonic() > deadline:
                    self.stop()
                    raise Stopped("limit", f"> {limit:.0f} s")
                if self._resident() > memory_limit():
                    self.stop()
                    raise Stopped("memory", f"> {memory_limit() / 2**30:.0f} GiB")
        line = self.child.stdout.readline()
        if not line:
            self.child.wait()
            note = self._last_error()
            self.stop()
            raise Stopped("failed", note)
        answer = json.loads(line)
        if "error" in answer:
            self.stop()
            raise Stopped("failed", answer["error"])
        return answer

    def _resident(self) -> int:
        try:
            pages = int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            return 0  # not Linux, or already gone: no figure, no limit
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _last_error(self) -> str:
        self.errors.seek(0)
        lines = [line for line in self.errors.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else f"exit status {self.child.poll()}"

    def stop(self) -> None:
        """End the worker and whatever it started; safe to call twice."""
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        for stream in (self.child.stdin, self.child.stdout, self.errors):
            if stream is not None and not stream.closed:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
