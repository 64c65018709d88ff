"""How long a plan over 1,000 specs takes, beside `terraform plan` over 1,000 resources.

    python tests/bench/plan_1000.py [--rounds 5]

Makes 300 datasets, 400 jobs and 300 deployments in a temporary folder, applies them to an
emulator, and then times whole commands in turns: `dpo-ops plan` on the empty account, on the
account that holds it all, and `terraform plan` on 1,000 applied `terraform_data` resources.
Also `dpo-ops --version` beside `terraform version`. Prints seconds, ratios and the number of
API requests of a plan. Needs `terraform` on the path for its half.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

sys.path.insert(0, str(Path(__file__).parents[2]))

from dpo_ops.emulator import Emulator, running
from dpo_ops.loader import load
from tests.laws.worlds import BASES, doc, row
from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from collections.abc import Sequence

DATASETS, JOBS, DEPLOYMENTS = 300, 400, 300
CLI = [sys.executable, "-m", "dpo_ops"]
TERRAFORM = """resource "terraform_data" "x{n}" {{
  input = "value-{n}"
}}
"""


def write_specs(folder: Path) -> None:
    (folder / ".git").mkdir()
    docs: list[dict[str, Any]] = []
    for n in range(DATASETS):
        (folder / f"d{n}.jsonl").write_text("".join(row(n * 10 + k) for k in range(5)))
        docs.append(doc("Dataset", f"data-{n}", {"source": f"d{n}.jsonl"}))
    for n in range(JOBS):
        training = {"baseModel": BASES[n % len(BASES)], "epochs": 1 + n % 3, "loraRank": 8}
        spec = {"dataset": f"data-{n % DATASETS}", "trainingConfig": training}
        docs.append(doc("DPOJob", f"tune-{n}", spec))
    for n in range(DEPLOYMENTS):
        spec = {"model": {"dpoJob": f"tune-{n}"}, "minReplicaCount": 1, "maxReplicaCount": 1}
        docs.append(doc("Deployment", f"serve-{n}", spec))
    for n in range(50):
        (folder / f"specs-{n}.yaml").write_text(yaml.safe_dump_all(docs[n::50], sort_keys=False))


def fill(specs: Path, data: Path) -> None:
    """Apply the specs to an emulator under a virtual clock."""
    with Rehearsal(data=data) as rehearsal:
        quotas = {f"training-{gpu}-count": 100_000 for gpu in ("h100", "h200", "b200")}
        rehearsal.admin("POST", "settings", {"quotas": quotas})
        report = rehearsal.apply(load([specs]).state, at_once=2)
        assert report.exit_code == 0, report.exit_code


def seconds(command: Sequence[str], codes: Sequence[int], **options: Any) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    took = time.perf_counter() - start
    assert done.returncode in codes, (
        command,
        done.returncode,
        done.stdout[:2000],
        done.stderr[:2000],
    )
    return took


def environment(base_url: str) -> dict[str, str]:
    return {**os.environ, "FIREWORKS_API_KEY": "fw-bench", "FIREWORKS_BASE_URL": base_url}


def terraform(folder: Path) -> list[str] | None:
    if not shutil.which("terraform"):
        return None
    (folder / "main.tf").write_text("".join(TERRAFORM.format(n=n) for n in range(1000)))
    for command in (["init"], ["apply", "-auto-approve"]):
        subprocess.run(["terraform", *command], cwd=folder, check=True, capture_output=True)
    return ["terraform", "plan", "-input=false"]


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def main() -> None:
    parser = argparse.ArgumentParser(description="plan 1,000 specs, beside terraform")
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place:
        report(Path(place), rounds)


def report(place: Path, rounds: int) -> None:
    specs, data, empty, tf = (place / n for n in ("specs", "data", "empty", "tf"))
    for folder in (specs, data, empty, tf):
        folder.mkdir()
    write_specs(specs)
    fill(specs, data)
    versus = terraform(tf)
    plan = [*CLI, "plan", str(specs)]
    times: dict[str, list[float]] = {}
    with (
        Emulator(data) as full,
        Emulator(empty) as fresh,
        running(full) as full_url,
        running(fresh) as fresh_url,
    ):
        order = list(range(rounds))
        random.Random(0).shuffle(order)  # noqa: S311
        for _ in order:
            times.setdefault("dpo-ops plan, in sync", []).append(
                seconds(plan, [0], env=environment(full_url), cwd=specs)
            )
            times.setdefault("dpo-ops plan, 1,000 to create", []).append(
                seconds(plan, [2], env=environment(fresh_url), cwd=specs)
            )
            times.setdefault("dpo-ops --version", []).append(seconds([*CLI, "--version"], [0]))
            if versus:
                times.setdefault("terraform plan, in sync", []).append(seconds(versus, [0], cwd=tf))
                quiet = {**os.environ, "CHECKPOINT_DISABLE": "1"}
                times.setdefault("terraform version", []).append(
                    seconds(["terraform", "version"], [0], env=quiet)
                )
        counted = {
            name: requests(url, plan, specs)
            for name, url in (("in sync", full_url), ("1,000 to create", fresh_url))
        }
    print(f"{cpu()}, {os.cpu_count()} cores, Python {platform.python_version()}, {rounds} rounds")
    for name, values in sorted(times.items()):
        print(
            f"{name:32} median {statistics.median(values):6.3f} s   "
            f"{min(values):6.3f} to {max(values):6.3f} s"
        )
    for name, count in counted.items():
        print(f"requests of a plan, {name}: {count}")
    if versus:
        ratio("dpo-ops plan, in sync", "terraform plan, in sync", times)
        ratio("dpo-ops plan, 1,000 to create", "terraform plan, in sync", times)
        ratio("dpo-ops --version", "terraform version", times)


def ratio(ours: str, theirs: str, times: dict[str, list[float]]) -> None:
    value = statistics.median(times[ours]) / statistics.median(times[theirs])
    print(f"{ours} / {theirs}: {value:.2f}")


def requests(url: str, plan: Sequence[str], specs: Path) -> int:
    httpx.delete(f"{url}/_emulator/requests")
    seconds(plan, [0, 2], env=environment(url), cwd=specs)
    return len(json.loads(httpx.get(f"{url}/_emulator/requests").text)["requests"])


if __name__ == "__main__":
    main()
