"""What `gc` plans, carried out against the emulator: what went wrong in between costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpo_ops.executor.events import Outcome
from dpo_ops.loader import load
from dpo_ops.observer import survey
from dpo_ops.planner.collect import Collected, collect
from dpo_ops.resource import in_account
from tests.history import rows, specs
from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dpo_ops.resource import State


@pytest.fixture
def rehearsal() -> Iterator[Rehearsal]:
    with Rehearsal() as made:
        yield made


def wanted(folder: Path, epochs: int) -> State:
    (folder / ".git").mkdir(exist_ok=True)
    data_and_job = specs(epochs).split("---\n")[:2]
    (folder / "a.yaml").write_text("---\n".join(data_and_job))
    (folder / "tutor.jsonl").write_text(rows(2 + epochs))
    return load([folder]).state


def collected(rehearsal: Rehearsal, *kept: State) -> Collected:
    account = rehearsal.client.account
    states = [("HEAD", in_account(state, account)) for state in kept]
    return collect(account, "default", survey(rehearsal.client), states)


def left(rehearsal: Rehearsal) -> list[int]:
    return [len(rehearsal.client.list(name)) for name in ("datasets", "dpoJobs", "models")]


def test_what_is_collected_is_gone_and_the_rest_is_in_sync(rehearsal: Rehearsal, tmp_path: Path):
    one = wanted(tmp_path, 1)
    assert rehearsal.apply(one).exit_code == 0
    two = wanted(tmp_path, 2)
    assert rehearsal.apply(two).exit_code == 0
    rehearsal.forget_requests()
    found = collected(rehearsal, two)
    assert rehearsal.writes() == []
    assert rehearsal.run(found.plan).exit_code == 0
    rehearsal.clock.sleep(3600)
    assert left(rehearsal) == [1, 1, 1]
    assert rehearsal.plan(two).in_sync
    assert collected(rehearsal, two).doomed == 0


def test_a_model_that_is_deployed_meanwhile_stays_with_its_job_and_data(
    rehearsal: Rehearsal, tmp_path: Path
):
    one = wanted(tmp_path, 1)
    assert rehearsal.apply(one).exit_code == 0
    found = collected(rehearsal)
    account = rehearsal.client.account
    model = rehearsal.client.list("models")[0]["name"]
    body = {"baseModel": model, "acceleratorType": "NVIDIA_H100_80GB", "acceleratorCount": 1}
    rehearsal.client.post(f"accounts/{account}/deployments", body, {"deploymentId": "theirs"})
    report = rehearsal.run(found.plan)
    outcomes = [end.outcome for end in report.ended]
    assert outcomes == [Outcome.FAILED, Outcome.SKIPPED]
    assert left(rehearsal) == [1, 1, 1]
    assert collected(rehearsal).doomed == 0


@pytest.mark.parametrize("collection", ["models", "dpoJobs", "datasets"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_was_broken_off_is_found_again(
    rehearsal: Rehearsal, tmp_path: Path, collection: str, when: str
):
    one = wanted(tmp_path, 1)
    assert rehearsal.apply(one).exit_code == 0
    rehearsal.fault(method="DELETE", path=f"*/{collection}/*", when=when, drop="read", times=0)
    assert rehearsal.run(collected(rehearsal).plan).exit_code == 1
    rehearsal.admin("DELETE", "faults")
    rehearsal.clock.sleep(3600)
    assert rehearsal.run(collected(rehearsal).plan).exit_code == 0
    rehearsal.clock.sleep(3600)
    assert left(rehearsal) == [0, 0, 0]
