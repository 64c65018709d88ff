"""All laws at once, over random schedules; and that the proof would find what it is there for."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from dpo_ops.executor import writes
from tests.laws import machine
from tests.laws.machine import Releases

LONG = settings.get_current_profile_name() == "long"

TestReleases = Releases.TestCase
TestReleases.settings = settings(
    max_examples=1000 if LONG else 25,
    stateful_step_count=30 if LONG else 15,
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
FINDING = settings(
    max_examples=200,
    stateful_step_count=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate,),
)


def test_a_job_paid_twice_is_found_and_printed_as_a_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A defect on purpose: a taken id is taken for the trace of a deleted job."""
    monkeypatch.setattr(writes, "_is_trace", lambda *_: True)
    with pytest.raises(AssertionError) as found:
        run_state_machine_as_test(Releases, settings=FINDING)
    printed = "\n".join(found.value.__notes__)
    script = printed[printed.index("state = Releases()") :].partition("\n\n")[0]
    names = dict(vars(machine))
    with pytest.raises(AssertionError) as again:
        exec(script, names)  # noqa: S102  -- that it runs is what is shown
    names["state"].after.close()
    assert str(again.value) == str(found.value)
    assert "JOB_STATE" in str(again.value)
