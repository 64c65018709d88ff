"""One comment, found by its author and edited in place, whatever is lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpo_ops.forge import ForgeError, ReadOnly
from tests.hub import Token

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.forge import Forge
    from tests.hub import Hub

MARK = "<!-- ours -->"
BODY = f"{MARK}\nA plan."


def ours(body: str) -> bool:
    return body.startswith(MARK)


def bodies(hub: Hub) -> list[str]:
    return [c["body"] for c in hub.comments]


def test_there_is_none_then_one_is_made_then_edited(forge: Forge, hub: Hub) -> None:
    assert forge.comment(7, ours) is None
    made = forge.write(7, BODY, None)
    assert forge.comment(7, ours) == made
    assert made.url.endswith(f"#issuecomment-{made.id}")
    edited = forge.write(7, f"{BODY} Edited.", made)
    assert edited.id == made.id
    assert bodies(hub) == [f"{BODY} Edited."]


def test_what_another_wrote_is_not_ours_whatever_it_says(forge: Forge, hub: Hub) -> None:
    hub.say(7, BODY, "mallory")
    hub.say(7, BODY, "other-app[bot]")
    assert forge.comment(7, ours) is None
    hub.say(7, BODY)
    found = forge.comment(7, ours)
    assert found is not None
    assert found.id == hub.comments[-1]["id"]


def test_whom_a_token_stands_for_is_asked_once(join: Callable[..., Forge], hub: Hub) -> None:
    robot = "ghp_of_robot"
    hub.tokens[robot] = Token("release-robot")
    hub.say(7, BODY, "github-actions[bot]")
    mine = hub.say(7, BODY, "release-robot")
    forge = join(token=robot)
    for _ in range(2):
        found = forge.comment(7, ours)
        assert found is not None
        assert found.id == mine["id"]
    assert hub.calls.count("POST /graphql") == 1


def test_where_graphql_refuses_the_token_is_a_job_s(forge: Forge, hub: Hub) -> None:
    hub.graphql = False
    mine = hub.say(7, BODY)
    found = forge.comment(7, ours)
    assert found is not None
    assert found.id == mine["id"]


def test_where_graphql_is_down_nothing_is_guessed(forge: Forge, hub: Hub) -> None:
    hub.say(7, BODY)
    hub.fail("/graphql", times=9, status=503)
    with pytest.raises(ForgeError, match="503"):
        forge.comment(7, ours)


def test_of_two_with_the_same_header_the_oldest_counts(forge: Forge, hub: Hub) -> None:
    first = hub.say(7, f"{BODY} One.")
    hub.say(7, f"{BODY} Two.")
    found = forge.comment(7, ours)
    assert found is not None
    assert found.id == first["id"]


def test_it_is_found_behind_250_others(forge: Forge, hub: Hub) -> None:
    for n in range(250):
        hub.say(7, f"me too {n}", "bob")
    mine = hub.say(7, BODY)
    found = forge.comment(7, ours)
    assert found is not None
    assert found.id == mine["id"]
    assert sum(c.endswith("/issues/7/comments") for c in hub.calls) == 3


def test_one_that_is_gone_is_made_anew(forge: Forge, hub: Hub) -> None:
    made = forge.write(7, BODY, None)
    hub.comments.clear()
    again = forge.write(7, BODY, made)
    assert again.id != made.id
    assert bodies(hub) == [BODY]


@pytest.mark.parametrize("after", [False, True], ids=["before it took effect", "after"])
@pytest.mark.parametrize("how", [{"drop": True}, {"status": 502}], ids=["broken off", "502"])
def test_a_lost_reply_makes_exactly_one_comment(
    forge: Forge, hub: Hub, slept: list[float], how: dict[str, object], *, after: bool
) -> None:
    hub.fail("POST .*/comments", times=2, after=after, **how)
    made = forge.write(7, BODY, None)
    assert bodies(hub) == [BODY]
    assert made.id == hub.comments[0]["id"]
    assert slept


def test_a_lost_reply_is_not_taken_from_another(forge: Forge, hub: Hub) -> None:
    hub.say(7, BODY, "mallory")
    hub.fail("POST .*/comments", drop=True)
    made = forge.write(7, BODY, None)
    assert [c["user"]["login"] for c in hub.comments] == ["mallory", "github-actions[bot]"]
    assert made.id == hub.comments[1]["id"]


def test_a_lost_reply_to_an_edit_is_asked_again(forge: Forge, hub: Hub) -> None:
    made = forge.write(7, BODY, None)
    hub.fail("PATCH", drop=True, after=True)
    forge.write(7, "new", made)
    assert bodies(hub) == ["new"]
    assert sum(c.startswith("PATCH") for c in hub.calls) == 2


def test_a_write_that_is_never_answered_ends_and_says_what_may_be(forge: Forge, hub: Hub) -> None:
    hub.fail("POST .*/comments", times=99, drop=True)
    with pytest.raises(ForgeError) as caught:
        forge.write(7, BODY, None)
    assert caught.value.where == "POST /repos/acme/tuning/issues/7/comments"
    assert "may have taken effect" in caught.value.fix
    assert not hub.comments


@pytest.mark.parametrize("known", [False, True], ids=["made", "edited"])
def test_a_token_that_only_reads_is_told_which_permission_it_lacks(
    join: Callable[..., Forge], hub: Hub, *, known: bool
) -> None:
    hub.say(7, BODY)
    reads = "ghs_reads"
    hub.tokens[reads] = Token(permissions={"contents": "read", "pull-requests": "read"})
    forge = join(token=reads)
    comment = forge.comment(7, ours) if known else None
    with pytest.raises(ReadOnly) as caught:
        forge.write(7, "new", comment)
    assert "pull-requests: write" in caught.value.fix
    assert bodies(hub) == [BODY]


def test_a_text_that_is_too_long_is_an_error_and_not_cut(forge: Forge, hub: Hub) -> None:
    with pytest.raises(ForgeError, match="65536"):
        forge.write(7, "x" * 65_537, None)
    assert not hub.comments
