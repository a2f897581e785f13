"""One contender or one measurement, alone in a fresh process: `python worker.py MODULE FUNCTION JSON-ARGUMENTS`.

It takes one command per line on stdin and answers one JSON object per line on the stdout it was given:

    cold FILE      build the contender and make its first call; the result goes to FILE (.npy)
    warm SEED      call again with the input of SEED, several times if a call is short
    measure        call the function and answer with the dictionary that it returns

Importing the library is timed apart, as `import_s`, and is no part of the cold time.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
from inputs import Contender

#: A short call is repeated until this many seconds have passed, so that its median means something.
WARM_SECONDS = 0.3


class Worker:
    """The state between commands: the function, and after `cold` the contender that it built."""

    def __init__(self, function: Callable[..., Any], arguments: dict[str, Any]):
        self.function, self.arguments = function, arguments
        self.contender: Contender | None = None

    def cold(self, path: str) -> dict[str, Any]:
        """Seconds from nothing but imported libraries to the first result."""
        start = time.perf_counter()
        self.contender = self.function(**self.arguments)
        built = time.perf_counter()
        value = self.contender.load(0)
        loaded = time.perf_counter()
        result = self.contender.run(value)
        seconds = time.perf_counter() - loaded + built - start
        np.save(path, np.asarray(self.contender.read(result), dtype=np.float64))
        return {"seconds": seconds, "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}

    def warm(self, seed: str) -> dict[str, Any]:
        """Seconds of each of the calls made with a new input."""
        if self.contender is None:
            raise RuntimeError("warm before cold")
        value = self.contender.load(int(seed))
        times: list[float] = []
        while not times or sum(times) < WARM_SECONDS:
            start = time.perf_counter()
            self.contender.run(value)
            times.append(time.perf_counter() - start)
        return {"seconds": times}

    def measure(self) -> dict[str, Any]:
        """The dictionary of figures that the function returns."""
        return {"values": self.function(**self.arguments)}


def main() -> None:
    """Answer commands until stdin closes."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to stderr, not between our answers
    start = time.perf_counter()
    function = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
    worker = Worker(function, json.loads(sys.argv[3]))
    print(json.dumps({"import_s": time.perf_counter() - start}), file=answers)
    for line in sys.stdin:
        command, *rest = line.split()
        try:
            answer = {"cold": worker.cold, "warm": worker.warm, "measure": worker.measure}[command](*rest)
        except Exception as error:  # the run goes on with the other contenders, and says why this one is out
            answer = {"error": traceback.format_exception_only(error)[0].strip().splitlines()[0][:300]}
            traceback.print_exc()
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    main()
