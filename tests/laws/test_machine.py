"""All laws at once, over random schedules."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

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
