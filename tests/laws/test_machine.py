"""All laws at once, over random schedules; and that the proof would find what it is there for."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from dpo_ops.executor import Report, writes
from tests.laws import machine
from tests.laws.machine import Edit, Releases, edits
from tests.laws.worlds import World, worlds
from tests.profile import LONG, tries

TestReleases = Releases.TestCase
TestReleases.settings = settings(
    max_examples=tries(25, long=1000),
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


@settings(
    max_examples=tries(6, long=100),
    deadline=None,
    phases=(Phase.generate,),  # Each run takes a second or more: too long to make it smaller.
    derandomize=not LONG,
    suppress_health_check=list(HealthCheck),
)
@given(world=worlds(), edit=edits, runs=st.sampled_from([2, 8]), seed=st.integers(0, 2**16))
def test_law_5_where_nothing_goes_wrong_all_of_several_at_once_end_well(
    world: World, edit: Edit, runs: int, seed: int
) -> None:
    releases = Releases()
    releases.first_commit(world)
    for state in (releases.desired, releases.committed(edit)):
        for ended in releases.at_once([state] * runs, seed):
            assert isinstance(ended, Report), ended
            assert ended.exit_code == 0, [f"{e.address}: {e.message}" for e in ended.ended]
    releases.teardown()
