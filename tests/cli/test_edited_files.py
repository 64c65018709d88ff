"""Files that are not those of the plan: nothing of what rests on them is written."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.pairs import inspect
from dpo_ops.pairs.cache import Cache
from tests.cli.conftest import FAST, Run
from tests.scenarios.stage import pair

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND = """\
apiVersion: dpo-ops/v1
kind: Dataset
metadata:
  name: other
spec:
  source: other.jsonl
"""
EDITED = '{"messages": []}\n'


@pytest.fixture
def data(specs: Path) -> Path:
    """Return the file of pairs of the specs, beside which another dataset stands."""
    (specs / "other.yaml").write_text(SECOND)
    (specs / "other.jsonl").write_text("".join(f"{pair(n)}\n" for n in range(1, 6)))
    [found] = set(specs.glob("*.jsonl")) - {specs / "other.jsonl"}
    return found


def results(document: Any) -> dict[str, str]:
    return {one["address"]: one["outcome"] for one in document["results"]}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("how", [("apply",), ("reconcile",)], ids=lambda how: how[0])
@pytest.mark.parametrize("edit", [lambda path: path.write_text(EDITED), Path.unlink])
def test_a_saved_plan_of_other_pairs_is_held_and_the_rest_goes_on(
    how: tuple[str, ...], edit: Callable[[Path], Any], run: Run, data: Path
) -> None:
    assert run("plan", *FAST, "--out", "release.plan").code == 2
    planned, before = sha256(data), data.read_bytes()
    edit(data)
    ran = run(*how, "release.plan", *FAST, "--format", "json")
    assert ran.code == 1, ran.err
    document = ran.document("report")
    assert results(document) == {
        "Dataset/assistant": "blocked",
        "DPOJob/assistant-tune": "skipped",
        "Deployment/assistant": "skipped",
        "Dataset/other": "done",
    }
    [finding] = [f for one in document["results"] for f in one["findings"]]
    assert data.name in finding["what"]
    now = f"sha256 {sha256(data)}" if data.exists() else "nothing: No such file or directory"
    assert finding["why"] == f"planned was sha256 {planned}; now it would be {now}"
    assert finding["fix"]
    # Nothing of it is in the account, not even empty.
    data.write_bytes(before)
    rows = run("status", *FAST, "--format", "json").document("status")["resources"]
    assert {r["address"]: r["health"] for r in rows}["Dataset/assistant"] == "NotFound"
    # With the file put back, the same plan is good for what was held.
    assert run(*how, "release.plan", *FAST).code == 0
    assert run("plan", *FAST).code == 0


def test_what_is_edited_while_somebody_is_asked_is_held(
    run: Run, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(_: object) -> None:
        data.write_text(EDITED)

    monkeypatch.setattr("dpo_ops.cli.approval.ask_to_apply", edit)
    ran = run("apply", *FAST, "--format", "json")
    assert ran.code == 1, ran.err
    assert results(ran.document("report"))["Dataset/assistant"] == "blocked"


@pytest.mark.usefixtures("data")
def test_what_is_in_the_account_already_needs_no_file(run: Run, data: Path) -> None:
    assert run("plan", *FAST, "--out", "release.plan").code == 2
    assert run("apply", "release.plan", *FAST).code == 0
    data.unlink()
    assert run("apply", "release.plan", *FAST).code == 0


def test_a_file_that_is_known_is_not_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder / "pairs.jsonl"
    file.write_text("".join(f"{pair(n)}\n" for n in range(1, 6)))
    reads: list[object] = []
    whole = hashlib.file_digest
    monkeypatch.setattr(
        "dpo_ops.pairs.cache.hashlib.file_digest",
        lambda opened, name: reads.append(opened) or whole(opened, name),
    )
    later = time.time_ns() + 10_000_000_000
    cache = Cache(folder / "cache.json", now=lambda: later)
    digest = inspect(file, shown="pairs.jsonl", cache=cache).digest
    cache.save()
    assert Cache(folder / "cache.json", now=lambda: later).digest(file) == digest
    assert not reads  # The loader has read it.
    unknown = Cache(folder / "no.json", now=lambda: later)
    assert [unknown.digest(file) for _ in range(3)] == [digest] * 3
    assert len(reads) == 1
    fresh = Cache(folder / "no.json", now=time.time_ns)
    assert [fresh.digest(file) for _ in range(2)] == [digest] * 2
    assert len(reads) == 3  # Just written: its times prove nothing yet.
    file.write_text(EDITED)
    assert unknown.digest(file) == sha256(file)


def test_what_is_no_file_is_not_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        Cache(folder / "no.json", now=time.time_ns).digest(folder / "pipe")
