"""How fast a file of pairs is checked, beside what else reads it; all in one run.

    python tests/bench/pairs_check.py DATA [--size 200M] [--rounds 3]

DATA is a file of real pairs. Its rows are repeated to the size that is asked for, each with a
number in its question, so that no two are the same. Each way of reading runs in a process of
its own, in turns; the best of its rounds counts. What it takes to import a library is counted
for none of them. Printed are MB/s (10^6 bytes), how much faster ours is, the processor time of
all its processes for a GB, which others on the machine disturb less, and the peak of memory: of
the largest process, and of ours with its workers.

    python tests/bench/pairs_check.py DATA --small

checks files of 3 rows to 1 MB many times in one process, beside the loop that reads them whole.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import timeit
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from pydantic import BaseModel, ConfigDict, TypeAdapter
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

UNITS = {"M": 10**6, "G": 10**9}


class Message(BaseModel):
    model_config = ConfigDict(extra="forbid")
    role: Literal["system", "user", "assistant"]
    content: str


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid")
    messages: list[Message]


class Row(BaseModel):
    model_config = ConfigDict(extra="forbid")
    input: Input
    preferred_output: list[Message]
    non_preferred_output: list[Message]


class PlainMessage(BaseModel):
    role: str
    content: str


class PlainInput(BaseModel):
    messages: list[PlainMessage]


class PlainRow(BaseModel):
    input: PlainInput
    preferred_output: list[PlainMessage]
    non_preferred_output: list[PlainMessage]


class TypedMessage(TypedDict):
    role: str
    content: str


class TypedInput(TypedDict):
    messages: list[TypedMessage]


class TypedRow(TypedDict):
    input: TypedInput
    preferred_output: list[TypedMessage]
    non_preferred_output: list[TypedMessage]


def each_line(path: Path, check: Callable[[bytes], object]) -> None:
    with path.open("rb") as file:
        for line in file:
            check(line)


def ours(path: Path) -> None:
    from dpo_ops.pairs import inspect  # noqa: PLC0415

    found = inspect(path, shown=path.name)
    assert found.digest and not found.findings, found.findings  # noqa: PT018


def ours_with_tokens(path: Path) -> None:
    from dpo_ops.pairs import inspect  # noqa: PLC0415

    assert inspect(path, shown=path.name, tokens=True).tokens


def ours_alone(path: Path) -> None:
    from dpo_ops.pairs import inspect  # noqa: PLC0415

    assert inspect(path, shown=path.name, workers=0).digest


def pydantic_strict(path: Path) -> None:
    each_line(path, Row.model_validate_json)


def pydantic_plain(path: Path) -> None:
    each_line(path, PlainRow.model_validate_json)


def pydantic_typed(path: Path) -> None:
    each_line(path, TypeAdapter(TypedRow).validate_json)


def by_hand(path: Path) -> None:
    each_line(path, _by_hand)


def _by_hand(line: bytes) -> None:
    row = json.loads(line)
    messages = [*row["input"]["messages"], *row["preferred_output"], *row["non_preferred_output"]]
    assert row.keys() == {"input", "preferred_output", "non_preferred_output"}
    for message in messages:
        assert message["role"] in {"system", "user", "assistant"}
        assert isinstance(message["content"], str)
        assert message["content"]


def with_jsonschema(path: Path) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    validator = Draft202012Validator(Row.model_json_schema())
    each_line(path, lambda line: validator.validate(json.loads(line)))


def with_datasets(path: Path) -> None:
    from datasets import disable_progress_bars, load_dataset  # noqa: PLC0415

    disable_progress_bars()
    with tempfile.TemporaryDirectory(dir=path.parent) as cache:
        load_dataset("json", data_files=str(path), cache_dir=cache)


def sha256(path: Path) -> None:
    import hashlib  # noqa: PLC0415

    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def sha256sum(path: Path) -> None:
    subprocess.run(["sha256sum", path], check=True, stdout=subprocess.DEVNULL)


def wc(path: Path) -> None:
    subprocess.run(["wc", "-l", path], check=True, stdout=subprocess.DEVNULL)


class Way(NamedTuple):
    """How to read a file, and the modules that it needs."""

    read: Callable[[Path], None]
    modules: tuple[str, ...] = ()


OURS = ("dpo_ops.pairs", "dpo_ops.pairs.crew", "dpo_ops.pairs.tokens", "orjson")
WAYS = {
    "dpo-ops, full check and digest": Way(ours, OURS),
    "dpo-ops, the same in one process": Way(ours_alone, OURS),
    "dpo-ops, the same and the tokens": Way(ours_with_tokens, OURS),
    "pydantic model_validate_json, strict shape": Way(pydantic_strict),
    "pydantic model_validate_json, loosest shape": Way(pydantic_plain),
    "pydantic TypeAdapter of TypedDicts, loosest shape": Way(pydantic_typed),
    "json.loads and checks by hand": Way(by_hand),
    "jsonschema": Way(with_jsonschema, ("jsonschema",)),
    "Hugging Face datasets, load_dataset": Way(with_datasets, ("datasets",)),
    "hashlib.sha256": Way(sha256, ("hashlib",)),
    "sha256sum": Way(sha256sum),
    "wc -l": Way(wc),
}


def make(data: Path, target: Path, size: int) -> int:
    """Write real rows, each with a number of its own, up to `size` bytes; return their number."""
    rows = [json.loads(line) for line in data.read_bytes().splitlines()]
    asked = [row["input"]["messages"][-1]["content"] for row in rows]
    written = number = 0
    with target.open("wb") as file:
        while written < size:
            at = number % len(rows)
            rows[at]["input"]["messages"][-1]["content"] = f"[{number}] {asked[at]}"
            line = json.dumps(rows[at], ensure_ascii=False).encode() + b"\n"
            written += file.write(line)
            number += 1
    return number


def memory(stop: threading.Event, peak: list[int], pid: int) -> None:
    """Note the most memory, in bytes, that a process and its children hold together."""
    while not stop.wait(0.1):
        total = 0
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(entry.name) == pid or int(fields[1]) == pid:
                    # Shared pages are counted by their share, so forks are not counted twice.
                    text = (entry / "smaps_rollup").read_text()
                    total += int(text.partition("Pss:")[2].split()[0]) * 1024
            except (OSError, ValueError, IndexError):
                continue
        peak[0] = max(peak[0], total)


def run(name: str, path: Path, *, watched: bool = False) -> dict[str, Any]:
    """Run one way in a process of its own; return its seconds and its peak of memory.

    To watch the memory of all its processes together takes time from them.
    """
    command = [sys.executable, __file__, "--way", name, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        stop, peak = threading.Event(), [0]
        watch = threading.Thread(target=memory, args=(stop, peak, child.pid))
        if watched:
            watch.start()
        out, _ = child.communicate()
        stop.set()
    assert child.returncode == 0, name
    return {**json.loads(out), "together": peak[0]}


def one(name: str, path: Path) -> None:
    way = WAYS[name]
    for module in way.modules:
        importlib.import_module(module)
    before = processor()
    start = time.perf_counter()
    way.read(path)
    seconds = time.perf_counter() - start
    used = [resource.getrusage(who).ru_maxrss * 1024 for who in WHO]
    print(json.dumps({"seconds": seconds, "work": processor() - before, "largest": max(used)}))


WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def processor() -> float:
    """Return the processor seconds of this process and of the children that have ended."""
    return sum(usage.ru_utime + usage.ru_stime for usage in map(resource.getrusage, WHO))


def available(name: str) -> bool:
    return all(importlib.util.find_spec(module) for module in WAYS[name].modules)


SIZES = (1_000, 100_000, 250_000, 1_000_000)


def small(path: Path) -> None:
    """Measure files of which many are checked in one process, one way after the other."""
    import hashlib  # noqa: PLC0415

    def loop(file: Path) -> None:
        data = file.read_bytes()
        hashlib.sha256(data).hexdigest()
        for line in data.splitlines():
            Row.model_validate_json(line)

    for module in OURS:
        importlib.import_module(module)
    lines = path.read_bytes().splitlines(keepends=True)
    for size in SIZES:
        file = path.with_name(f"{size}.jsonl")
        count = max(3, sum(total <= size for total in itertools.accumulate(map(len, lines))))
        file.write_bytes(b"".join(lines[:count]))
        best = [min(timeit.repeat(partial(way, file), number=1, repeat=20))
                for way in (ours, loop)]  # fmt: skip
        print(f"{file.stat().st_size:7,} bytes, {count:3} rows: {best[0] * 1e6:7.0f} us, pydantic,"
              f" sha256 {best[1] * 1e6:7.0f} us, ours is {best[1] / best[0]:5.2f} x")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="check a file of pairs, beside other readers")
    parser.add_argument("data", type=Path)
    parser.add_argument("--size", default="200M")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        one(asked.way, asked.data)
        return
    size = SIZES[-1] if asked.small else int(asked.size[:-1]) * UNITS[asked.size[-1]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        if shutil.disk_usage(folder).free < 4 * size:
            parser.error("not enough room on the disk")
        rows = make(asked.data, path, size)
        if asked.small:
            small(path)
            return
        names = [n for n in WAYS if not asked.only or any(w in n for w in asked.only)]
        report(path, rows, names, asked.rounds)


def report(path: Path, rows: int, names: list[str], rounds: int) -> None:
    size = path.stat().st_size
    done: dict[str, list[dict[str, Any]]] = {}
    wc(path)  # what reads first does not pay for the disk
    for _ in range(rounds):
        for name in random.sample(names, len(names)):
            if available(name):
                done.setdefault(name, []).append(run(name, path))
    if names[0] in done:
        together = run(names[0], path, watched=True)["together"]
        done[names[0]] = [{**result, "together": together} for result in done[names[0]]]
    cores = len(os.sched_getaffinity(0))
    print(f"{size / 1e6:.0f} MB, {rows:,} rows; {cpu()}, {cores} cores, "
          f"Python {platform.python_version()}; best of {rounds}")  # fmt: skip
    best = {name: min(r["seconds"] for r in results) for name, results in done.items()}
    mine = best.get(names[0], 0)
    for name in names:
        if name not in done:
            print(f"{name:50} not installed")
            continue
        peak = max(max(r["largest"], r["together"]) for r in done[name]) / 1e6
        work = min(r["work"] for r in done[name]) * 1e9 / size
        print(f"{name:50} {size / best[name] / 1e6:6.0f} MB/s, ours is {best[name] / mine:6.2f} x"
              f" {work:7.2f} s/GB {peak:6.0f} MB")  # fmt: skip


def cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((n.partition(":")[2].strip() for n in lines if "model name" in n), "unknown")


if __name__ == "__main__":
    main()
