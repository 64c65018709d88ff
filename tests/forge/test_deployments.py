"""One deployment for each commit and environment, whose states follow one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.forge import ReadOnly, Release
from tests.forge.conftest import MERGED

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.forge import Forge
    from tests.hub import Hub


def release(state: str, says: str = "einstein-1 serves", **more: Any) -> Release:
    return Release(more.pop("environment", "prod"), more.pop("commit", MERGED), state, says, **more)


def states(hub: Hub, n: int = 0) -> list[str]:
    return [s["state"] for s in hub.statuses[hub.deployments[n]["id"]]]


def test_a_deployment_begins_and_succeeds(forge: Forge, hub: Hub) -> None:
    facts = {"model": "einstein-1"}
    forge.release(release("in_progress", facts=facts))
    forge.release(release("success", url="https://app.example.com/einstein"))
    (made,) = hub.deployments
    assert (made["task"], made["environment"], made["sha"]) == ("dpo-ops", "prod", MERGED)
    assert made["payload"] == facts
    assert states(hub) == ["in_progress", "success"]
    last = hub.statuses[made["id"]][-1]
    assert last["environment_url"] == "https://app.example.com/einstein"
    assert last["log_url"] == "https://github.com/acme/tuning/actions/runs/77"


def test_saying_the_same_again_adds_nothing(forge: Forge, hub: Hub) -> None:
    for _ in range(3):
        forge.release(release("in_progress"))
    assert states(hub) == ["in_progress"]


def test_each_environment_and_commit_has_its_own(forge: Forge, hub: Hub) -> None:
    forge.release(release("success"))
    forge.release(release("success", environment="staging"))
    forge.release(release("success", commit="e" * 40))
    assert len(hub.deployments) == 3
    # The newer one of the same environment retires the older.
    assert [states(hub, n)[-1] for n in range(3)] == ["inactive", "success", "success"]


def test_another_tool_s_deployment_is_left_alone(forge: Forge, hub: Hub) -> None:
    forge.release(release("in_progress"))
    hub.deployments[0]["task"] = "deploy"
    forge.release(release("in_progress"))
    assert [d["task"] for d in hub.deployments] == ["deploy", "dpo-ops"]


@pytest.mark.parametrize(("length", "shown"), [(140, 140), (141, 140), (5000, 140)])
def test_a_long_line_is_cut(forge: Forge, hub: Hub, length: int, shown: int) -> None:
    forge.release(release("success", "ü" * length))
    (status,) = hub.statuses[hub.deployments[0]["id"]]
    assert len(status["description"]) == shown
    assert status["description"].endswith("…") is (length > shown)


@pytest.mark.parametrize("match", ["POST .*/deployments$", "POST .*/statuses"])
@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after"])
def test_a_lost_reply_makes_one_of_each(forge: Forge, hub: Hub, match: str, *, after: bool) -> None:
    hub.fail(match, drop=True, after=after)
    forge.release(release("success"))
    assert len(hub.deployments) == 1
    assert states(hub) == ["success"]


def test_a_token_that_may_not_is_told_which_permission(
    join: Callable[..., Forge], hub: Hub
) -> None:
    hub.tokens[hub.token].permissions.pop("deployments")
    with pytest.raises(ReadOnly) as caught:
        join().release(release("success"))
    assert "deployments: write" in caught.value.fix
