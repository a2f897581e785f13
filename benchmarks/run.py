"""Time qgeom against its peers, side by side in one run: `python benchmarks/run.py [--quick] [--only NAME ...]`.

Every contender works in a process of its own. Cold: from imported libraries to the first result, compilation
included, the persistent compilation cache off. Warm: later calls with new inputs, one contender at a time, in
alternation, so that a disturbance of the machine hits all of them. Before any warm call the results must agree.
Everything is saved (results/*.json) after each case, before anything is drawn.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from cases import MEASUREMENTS, QUICK_MEASUREMENTS, QUICK_RACES, RACES, Measurement, Race
from process import HERE, Process, Stopped
from report import draw, print_measurement, print_race, write_page

PACKAGES = (
    "jax",
    "tensorcircuit-ng",
    "pennylane",
    "pennylane-lightning",
    "qulacs",
    "qiskit",
    "qiskit-algorithms",
    "qiskit-aer",
    "torch",
    "curvlinops-for-pytorch",
    "nngeometry",
    "physics-tenpy",
    "quimb",
    "GraphRicciCurvature",
    "POT",
    "numpy",
)


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, cores, memory, Python and library versions."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "absent"
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "versions": versions,
    }


class Runner:
    """Runs races under the same rules: time limit of a call, repeats, budgets of slow contenders."""

    def __init__(self, limit: float, cold_repeats: int, warm_repeats: int, peers: list[str] | None):
        self.limit, self.cold_repeats, self.warm_repeats, self.peers = (
            limit,
            cold_repeats,
            warm_repeats,
            peers,
        )
        # a contender that has used this many seconds is not asked again (it has at least one time of each kind)
        self.cold_budget, self.warm_budget = 40.0, 40.0

    def race(self, race: Race) -> dict[str, Any]:
        """Cold rounds, agreement, warm rounds; one record per contender."""
        names = [n for n in race.contenders if self.peers is None or n in self.peers]
        records: dict[str, dict[str, Any]] = {n: {"status": "ok", "cold": [], "warm": []} for n in names}
        processes: dict[str, Process] = {}
        try:
            with tempfile.TemporaryDirectory() as folder:
                answers = self._cold(race, records, processes, Path(folder))
            _agreement(race, records, answers)
            self._warm(records, processes)
        finally:
            for process in processes.values():
                process.stop()
        for record in records.values():
            for kind in ("cold", "warm"):
                record[f"{kind}_median"] = median(record[kind]) if record[kind] else None
        return {
            "name": race.name,
            "title": race.title,
            "arguments": race.arguments,
            "targets": race.targets,
            "contenders": records,
        }

    def _cold(
        self, race: Race, records: dict[str, Any], processes: dict[str, Process], folder: Path
    ) -> dict[str, np.ndarray]:
        answers: dict[str, np.ndarray] = {}
        for turn in range(self.cold_repeats):
            for name, record in records.items():
                if record["status"] != "ok" or sum(record["cold"]) > self.cold_budget:
                    continue
                module, function = race.contenders[name]
                if name in processes:
                    processes.pop(name).stop()
                try:
                    processes[name] = Process(f"peers.{module}", function, race.arguments)
                    answer = processes[name].ask(f"cold {folder / 'answer.npy'}", self.limit)
                except Stopped as stopped:
                    record.update(status=stopped.status, note=stopped.note)
                    processes.pop(name, None)
                    print(f"  {name}: {stopped.status} ({stopped.note})", flush=True)
                    continue
                record["cold"].append(answer["seconds"])
                record["peak_gib"] = answer["peak_gib"]
                record["import_s"] = processes[name].import_s
                print(f"  {name}: cold {answer['seconds']:.3g} s", flush=True)
                if turn == 0:
                    answers[name] = np.load(folder / "answer.npy")
        return answers

    def _warm(self, records: dict[str, Any], processes: dict[str, Process]) -> None:
        for turn in range(self.warm_repeats):
            for name, record in records.items():
                if record["status"] != "ok" or record.get("warm_spent", 0.0) > self.warm_budget:
                    continue
                try:
                    times = processes[name].ask(f"warm {turn + 1}", self.limit)["seconds"]
                except Stopped as stopped:
                    record.update(status=stopped.status, note=stopped.note)
                    continue
                record["warm"].append(median(times))
                record["warm_spent"] = record.get("warm_spent", 0.0) + sum(times)


def _agreement(race: Race, records: dict[str, Any], answers: dict[str, np.ndarray]) -> None:
    """Compare all answers with the one that is nearest to the others; who is off gets no warm time."""
    names = [n for n in answers if records[n]["status"] == "ok"]
    if race.exact is not None:
        for name in names:
            _compare(race, records[name], name, "the exact value", abs(float(answers[name]) - race.exact))
        return
    if len(names) < 2:
        return

    def difference(a: str, b: str) -> float:
        if answers[a].shape != answers[b].shape:
            return float("inf")
        scale = float(np.max(np.abs(answers[b]))) if race.relative else 1.0
        return float(np.max(np.abs(answers[a] - answers[b]))) / scale

    reference = min(names, key=lambda a: median(difference(b, a) for b in names if b != a))
    for name in names:
        _compare(race, records[name], name, reference, difference(name, reference))


def _compare(race: Race, record: dict[str, Any], name: str, reference: str, off: float) -> None:
    record["difference"] = off
    record["reference"] = reference
    if not off <= race.tolerance:
        note = f"differs from {reference} by {off:.2e}"
        record.update(status="disagrees", note=note)
        print(f"  {name}: {note} (allowed {race.tolerance:g})", flush=True)


def measure(case: Measurement, limit: float) -> dict[str, Any]:
    """Medians over fresh processes, the variants in alternation."""
    figures: list[list[dict[str, float]]] = [[] for _ in case.variants]
    status, note = "ok", ""
    try:
        for _ in range(case.repeats):
            for arguments, values in zip(case.variants, figures, strict=True):
                process = Process("measurements", case.function, arguments, gpu=case.gpu)
                try:
                    values.append(process.ask("measure", limit)["values"])
                finally:
                    process.stop()
    except Stopped as stopped:
        status, note = stopped.status, stopped.note
    medians = [{k: median(v[k] for v in values) for k in values[0]} if values else {} for values in figures]
    return {
        "name": case.name,
        "title": case.title,
        "status": status,
        "note": note,
        "variants": [{"arguments": a, "figures": f} for a, f in zip(case.variants, medians, strict=True)],
        "targets": case.targets,
    }


def gpu_present() -> bool:
    """Whether JAX in a worker sees a GPU."""
    try:
        process = Process("measurements", "gpu_count", {}, gpu=True)
        try:
            return process.ask("measure", 120.0)["values"]["gpus"] > 0
        finally:
            process.stop()
    except Stopped:
        return False


def _selected(name: str, only: list[str] | None) -> bool:
    return only is None or any(name.startswith(prefix) for prefix in only)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="small sizes, few repeats: does everything still work?"
    )
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="cases whose names begin so: qfim, gradient-20, ..."
    )
    parser.add_argument("--peers", nargs="+", metavar="PEER", help="these contenders only")
    parser.add_argument("--limit", type=float, help="seconds that one call may take (default 300, quick 60)")
    parser.add_argument(
        "--repeats", nargs=2, type=int, metavar=("COLD", "WARM"), help="rounds (default 3 7, quick 1 3)"
    )
    parser.add_argument("--out", type=Path, help="JSON file to write (default results/<time>.json)")
    parser.add_argument(
        "--reference",
        action="store_true",
        help="write results/reference.json and the table in docs/benchmarks.md",
    )
    return parser.parse_args()


def main() -> int:
    """Run what was asked for; 0 when all answers agree and nothing of qgeom failed."""
    options = _arguments()
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    default = HERE / "results" / ("reference.json" if options.reference else f"{stamp}.json")
    path: Path = options.out or default
    limit = options.limit or (60.0 if options.quick else 300.0)
    cold, warm = options.repeats or ((1, 3) if options.quick else (3, 7))
    runner = Runner(limit, cold, warm, options.peers)
    result: dict[str, Any] = {
        "date": stamp,
        "machine": machine(),
        "limit_s": limit,
        "quick": options.quick,
        "races": [],
        "measurements": [],
    }

    def save() -> None:
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(result, indent=1))
        partial.replace(path)

    for race in QUICK_RACES if options.quick else RACES:
        if _selected(race.name, options.only):
            print(f"\n{race.name}: {race.title}", flush=True)
            result["races"].append(runner.race(race))
            save()
            print_race(result["races"][-1])
    cases = [
        m for m in (QUICK_MEASUREMENTS if options.quick else MEASUREMENTS) if _selected(m.name, options.only)
    ]
    with_gpu = any(m.gpu for m in cases) and gpu_present()
    for case in cases:
        print(f"\n{case.name}: {case.title}", flush=True)
        if case.gpu and not with_gpu:
            print("  skipped: no GPU here")
            continue
        result["measurements"].append(measure(case, limit))
        save()
        print_measurement(result["measurements"][-1])
    if not result["races"] and not result["measurements"]:
        print(f"run.py: no case begins with {' or '.join(options.only or [])}", file=sys.stderr)
        return 2
    figure = draw(result, path.with_suffix(""))
    print(f"\nsaved {os.path.relpath(path)}" + (f", drawn {os.path.relpath(figure)}" if figure else ""))
    if options.reference:
        print(f"table written to {os.path.relpath(write_page(result))}")
    failed = [
        r["name"]
        for r in result["races"]
        if any(c["status"] == "disagrees" for c in r["contenders"].values())
        or r["contenders"].get("qgeom", {"status": "ok"})["status"] != "ok"
    ] + [m["name"] for m in result["measurements"] if m["status"] != "ok"]
    if failed:
        print(f"not as it should be: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("run.py: interrupted; the cases that were finished are saved", file=sys.stderr)
        sys.exit(130)
