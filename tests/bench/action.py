"""How long it takes from a pull request to its comment, with the tool already cached.

    python tests/bench/action.py [--rounds 3]

Makes a repository of 100 specs and a pull request that changes the data of one, and runs the
example's plan workflow with act against the fake of GitHub and an emulated account that holds
nothing yet, so that all 100 are in the comment. Printed are the seconds from the start of act to
the request that writes the comment, those of the whole step with the tool, and those of
`dpo-ops ci plan` by itself with nothing but the account to ask, also as processor time, which
others on the machine disturb less; the best and the median of the rounds. Needs act, which
`pip install '.[dev]'` brings.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.action.account import KEY, Account
from tests.action.environment import made
from tests.action.stage import STACK, Files, Stage, users_files
from tests.hub import Hub, Request
from tests.laws.worlds import BASES, doc, row

SETS, JOBS, DEPLOYMENTS = 40, 30, 29
"""With the Stack 100 documents."""


class Watched(Hub):
    """The fake of GitHub, with the moment at which a comment is first written."""

    written: float | None = None

    def answer(self, request: Request) -> Any:
        if self.written is None and request.method == "POST" and request.path.endswith("/comments"):
            self.written = time.perf_counter()
        return super().answer(request)


def files() -> Files:
    found = {n: c for n, c in users_files().items() if not n.startswith("specs/pipeline")}
    docs: list[dict[str, Any]] = []
    for n in range(SETS):
        found[f"specs/pipeline/d{n}.jsonl"] = "".join(row(n * 100 + k) for k in range(30))
        docs.append(doc("Dataset", f"data-{n}", {"source": f"d{n}.jsonl"}))
    for n in range(JOBS):
        training = {"baseModel": BASES[n % len(BASES)], "epochs": 1 + n % 3, "loraRank": 8}
        docs.append(
            doc("DPOJob", f"tune-{n}", {"dataset": f"data-{n}", "trainingConfig": training})
        )
    for n in range(DEPLOYMENTS):
        spec = {"model": {"dpoJob": f"tune-{n}"}, "minReplicaCount": 0, "maxReplicaCount": 1}
        docs.append(doc("Deployment", f"serve-{n}", spec))
    found["specs/pipeline/stack.yaml"] = STACK
    found["specs/pipeline/all.yaml"] = yaml.safe_dump_all(docs, sort_keys=False)
    return found


def alone(stage: Stage, account: Account) -> tuple[float, float]:
    """Seconds of `dpo-ops ci plan` by itself, and those that a processor worked on it."""
    options = (
        "specs/pipeline",
        "--values",
        "specs/values/staging.yaml",
        "--environment",
        "staging",
    )
    settings = {n: v for n, v in os.environ.items() if not n.startswith(("GITHUB_", "DPO_OPS_"))}
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "dpo_ops", "ci", "plan", *options],
        cwd=stage.history.desk,
        env={
            **settings,
            "PYTHONPATH": str(ROOT),
            "FIREWORKS_API_KEY": KEY,
            "FIREWORKS_BASE_URL": account.url,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    took, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stdout + done.stderr
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    shown: dict[str, list[float]] = {
        "to the comment": [],
        "the step": [],
        "ci plan alone": [],
        "its processor": [],
    }
    with tempfile.TemporaryDirectory() as place:
        shared = Path(place) / "shared"
        made(shared)
        for n in range(rounds):
            folder = Path(place) / str(n)
            folder.mkdir()
            with Watched(private=True) as hub, Account(folder / "account") as account:
                stage = Stage(folder, hub, shared, account, files())
                stage.open_pull(1, {"specs/pipeline/d0.jsonl": "".join(map(row, range(31)))})
                stage.history.tried(1)
                start = time.perf_counter()
                ended = stage.plan(1)
                assert ended.code == 0, ended.log
                assert hub.written
                shown["to the comment"].append(hub.written - start)
                took = next(
                    line["executionTime"]
                    for line in ended.says
                    if "Run dpo-ops" in str(line.get("msg")) and "executionTime" in line
                )
                shown["the step"].append(took / 1e9)
                wall, worked = alone(stage, account)
                shown["ci plan alone"].append(wall)
                shown["its processor"].append(worked)
    for name, times in shown.items():
        print(f"{name:16}{min(times):7.2f} s best{statistics.median(times):7.2f} s median")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
