"""Where a pull request's branch is, and which one a commit of main came by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import DpoOpsError
from dpo_ops.forge import ForgeError, Pull
from tests.forge.conftest import BASE, HEAD, MERGED

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.forge import Forge
    from tests.hub import Hub


def test_the_head_moves_with_the_branch(forge: Forge, hub: Hub) -> None:
    assert forge.head(7) == HEAD
    hub.push(7, "e" * 40)
    assert forge.head(7) == "e" * 40


def test_a_commit_that_came_by_no_pull_request(forge: Forge) -> None:
    assert forge.merged("f" * 40) is None


def test_an_open_pull_request_is_not_merged(forge: Forge, hub: Hub) -> None:
    assert forge.merged(HEAD) is None
    assert hub.calls == [f"GET /repos/acme/tuning/commits/{HEAD}/pulls"]


@pytest.mark.parametrize("commits", [[MERGED], ["1" * 40, "2" * 40, MERGED]], ids=len)
def test_squash_and_rebase_merges_are_found_by_each_commit(
    forge: Forge, hub: Hub, commits: list[str]
) -> None:
    hub.merge(7, commits)
    url = "https://github.com/acme/tuning/pull/7"
    for commit in commits:
        assert forge.merged(commit) == Pull(7, HEAD, BASE, fork=False, url=url)


def test_what_became_the_commit_goes_before_what_holds_it(forge: Forge, hub: Hub) -> None:
    hub.open_pull(8, "8" * 40, BASE)
    hub.merge(8, [MERGED])
    hub.merge(7, [MERGED, "9" * 40])
    found = forge.merged(MERGED)
    assert found is not None
    assert found.number == 8


def test_one_that_went_to_another_branch_does_not_count(forge: Forge, hub: Hub) -> None:
    hub.merge(7, [MERGED])
    hub.pulls[7]["base"]["ref"] = "feature"
    assert forge.merged(MERGED) is None


def test_one_of_another_repository_does_not_count(forge: Forge, hub: Hub) -> None:
    hub.merge(7, [MERGED])
    hub.pulls[7]["base"]["repo"]["full_name"] = "mallory/tuning"
    assert forge.merged(MERGED) is None


@pytest.mark.parametrize("gone", [False, True], ids=["there", "deleted"])
def test_a_fork_is_one_also_after_it_is_deleted(forge: Forge, hub: Hub, *, gone: bool) -> None:
    hub.open_pull(9, "9" * 40, BASE, fork=True)
    if gone:
        hub.pulls[9]["head"]["repo"] = None
    hub.merge(9, [MERGED])
    found = forge.merged(MERGED)
    assert found is not None
    assert found.fork


def test_no_commit_is_asked_for_that_is_none(forge: Forge, hub: Hub) -> None:
    with pytest.raises(DpoOpsError, match="no commit"):
        forge.merged("../../user")
    assert not hub.requests


def test_a_pull_request_that_is_not_there(forge: Forge) -> None:
    with pytest.raises(ForgeError) as caught:
        forge.head(99)
    assert caught.value.what == "there is no such thing (404)"
    assert caught.value.where == "GET /repos/acme/tuning/pulls/99"


def test_a_private_repository_needs_permissions_to_read(
    join: Callable[..., Forge], hub: Hub
) -> None:
    hub.private = True
    hub.tokens[hub.token].permissions.pop("pull-requests")
    with pytest.raises(ForgeError) as caught:
        join().head(7)
    assert "pull-requests: read" in caught.value.fix
