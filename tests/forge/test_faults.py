"""Whatever goes wrong, and however often: at most one of each, and an error or the thing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dpo_ops.forge import ForgeError, Release, connect
from tests.hub import Hub

# Who refuses has done nothing; who breaks off or fails may have.
HOW = st.fixed_dictionaries(
    {"status": st.sampled_from([400, 403, 429, 500, 502, 503])}
) | st.fixed_dictionaries(
    {"drop": st.booleans(), "status": st.sampled_from([500, 502]), "after": st.just(True)}
)
FAULT = st.tuples(
    st.sampled_from(["", "^POST", "^GET", "^PATCH", "/graphql"]), st.integers(1, 6), HOW
)


@settings(max_examples=40, deadline=None)
@given(st.lists(FAULT, max_size=4))
def test_there_is_never_a_second_one(faults: list[tuple[str, int, dict[str, Any]]]) -> None:
    with Hub() as hub, tempfile.TemporaryDirectory() as folder:
        hub.open_pull(7, "a" * 40, "b" * 40)
        forge = connect(hub.environ(Path(folder)), sleep=lambda _: None)
        assert forge is not None
        for match, times, how in faults:
            hub.fail(match, times=times, **how)
        for _ in range(2):
            try:
                forge.write(7, "text", forge.comment(7, "text".__eq__))
                assert len(hub.comments) == 1
                forge.report("t", "text", "l", forge.issue("l", "text".__eq__), open_=True)
                assert len(hub.issues) == 1
                forge.release(Release("prod", "d" * 40, "success", "serves"))
                assert [len(s) for s in hub.statuses.values()] == [1]
            except ForgeError as error:
                assert all((error.where, error.why, error.fix))  # noqa: PT017 - either end is right
        assert len(hub.comments) <= 1
        assert len(hub.issues) <= 1
        assert len(hub.deployments) <= 1
