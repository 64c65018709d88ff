"""One issue for one subject: made once, edited, closed and opened again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpo_ops.forge import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.forge import Forge
    from tests.hub import Hub

LABEL = "dpo-ops drift"
BODY = "<!-- drift prod -->\nOne thing drifted."


def ours(body: str) -> bool:
    return body.startswith("<!-- drift prod -->")


def test_an_issue_lives_and_is_found_also_when_closed(forge: Forge, hub: Hub) -> None:
    assert forge.issue(LABEL, ours) is None
    made = forge.report("Drift", BODY, LABEL, None, open_=True)
    assert made.open
    assert forge.issue(LABEL, ours) == made
    closed = forge.report("Drift", f"{BODY} No more.", LABEL, made, open_=False)
    assert (closed.id, closed.open) == (made.id, False)
    assert hub.issues[0]["state_reason"] == "completed"
    assert forge.issue(LABEL, ours) == closed
    again = forge.report("Drift again", BODY, LABEL, closed, open_=True)
    assert (again.id, again.open) == (made.id, True)
    assert len(hub.issues) == 1
    assert hub.issues[0]["title"] == "Drift again"
    assert [label["name"] for label in hub.issues[0]["labels"]] == [LABEL]


def test_one_can_be_made_closed(forge: Forge, hub: Hub) -> None:
    made = forge.report("Drift", BODY, LABEL, None, open_=False)
    assert not made.open
    assert [i["state"] for i in hub.issues] == ["closed"]


def test_the_newest_of_ours_counts_and_no_other_s(forge: Forge, hub: Hub) -> None:
    hub.report("Drift", BODY, [LABEL])
    newest = hub.report("Drift", BODY, [LABEL])
    hub.report("Drift", "another subject", [LABEL])
    hub.report("Drift", BODY, ["another label"])
    hub.report("Drift", BODY, [LABEL], login="mallory")
    found = forge.issue(LABEL, ours)
    assert found is not None
    assert found.id == newest["number"]


def test_a_pull_request_is_no_issue(forge: Forge, hub: Hub) -> None:
    pull = hub.open_pull(8, "8" * 40, "b" * 40, login="github-actions[bot]")
    pull["body"], pull["labels"] = BODY, [{"name": LABEL}]
    assert forge.issue(LABEL, ours) is None


def test_one_that_was_deleted_is_made_anew(forge: Forge, hub: Hub) -> None:
    made = forge.report("Drift", BODY, LABEL, None, open_=True)
    hub.fail(f"PATCH .*/issues/{made.id}", status=410)
    assert forge.report("Drift", BODY, LABEL, made, open_=True).id != made.id


@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after"])
def test_a_lost_reply_makes_exactly_one_issue(forge: Forge, hub: Hub, *, after: bool) -> None:
    hub.fail("POST .*/issues$", drop=True, after=after)
    made = forge.report("Drift", BODY, LABEL, None, open_=True)
    assert [i["number"] for i in hub.issues] == [made.id]


def test_a_token_that_may_not_is_told_which_permission(
    join: Callable[..., Forge], hub: Hub
) -> None:
    hub.tokens[hub.token].permissions["issues"] = "read"
    with pytest.raises(ReadOnly) as caught:
        join().report("Drift", BODY, LABEL, None, open_=True)
    assert "issues: write" in caught.value.fix
