"""What a run kept: of this repository, for the reviewed commit, one file and not too large."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.forge import ForgeError, Pull, ReadOnly
from dpo_ops.forge.unpack import only_file
from tests.forge.conftest import HEAD
from tests.hub.artifacts import zipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.forge import Forge
    from tests.hub import Hub

NAME = "dpo-ops-plan-prod"
PULL = Pull(7, HEAD)
LIMIT = 100_000


def test_the_newest_of_the_commit_is_taken(forge: Forge, hub: Hub) -> None:
    hub.keep(NAME, b"old", HEAD, run=1)
    hub.keep(NAME, b"new", HEAD, run=2)
    hub.keep(NAME, b"other", "e" * 40, run=3)
    hub.keep("dpo-ops-plan-staging", b"staging", HEAD, run=2)
    assert forge.artifact(NAME, PULL, LIMIT) == b"new"


def test_a_run_that_is_done_again_replaces_its_own(forge: Forge, hub: Hub) -> None:
    hub.keep(NAME, b"old", HEAD)
    hub.keep(NAME, b"new", HEAD)
    assert len(hub.artifacts) == 1
    assert forge.artifact(NAME, PULL, LIMIT) == b"new"


def test_what_a_fork_s_run_kept_does_not_count(forge: Forge, hub: Hub) -> None:
    hub.keep(NAME, b"forged", HEAD, run=2, fork=True)
    assert forge.artifact(NAME, PULL, LIMIT) is None
    hub.keep(NAME, b"ours", HEAD, run=1)
    assert forge.artifact(NAME, PULL, LIMIT) == b"ours"
    assert forge.artifact(NAME, Pull(7, HEAD, fork=True), LIMIT) is None


def test_what_is_expired_or_gone_is_none(forge: Forge, hub: Hub) -> None:
    assert forge.artifact(NAME, PULL, LIMIT) is None
    kept = hub.keep(NAME, b"x", HEAD, expired=True)
    assert forge.artifact(NAME, PULL, LIMIT) is None
    kept.expired = False
    hub.fail("/zip", status=410)
    assert forge.artifact(NAME, PULL, LIMIT) is None


def test_an_older_one_counts_where_the_newer_is_expired(forge: Forge, hub: Hub) -> None:
    hub.keep(NAME, b"older", HEAD, run=1)
    hub.keep(NAME, b"newer", HEAD, run=2, expired=True)
    assert forge.artifact(NAME, PULL, LIMIT) == b"older"


def test_the_token_does_not_follow_the_redirect(forge: Forge, hub: Hub) -> None:
    hub.keep(NAME, b"x", HEAD)
    assert forge.artifact(NAME, PULL, LIMIT) == b"x"
    *asked, fetched = hub.requests
    assert fetched.path.startswith("/_signed/")
    assert fetched.headers["host"].startswith("localhost")
    assert "authorization" not in fetched.headers
    assert all(r.headers["authorization"] == f"Bearer {hub.token}" for r in asked)


@pytest.mark.parametrize(
    "location",
    [
        "http://example.com/archive",
        "https://example.com/archive",
        "file:///etc/passwd",
        "https://[broken",
        "",
    ],
)
def test_a_redirect_to_elsewhere_is_refused(forge: Forge, hub: Hub, location: str) -> None:
    hub.keep(NAME, b"x", HEAD)
    hub.fail("/zip", times=9, status=302, headers={"Location": location})
    with pytest.raises(ForgeError, match="redirects"):
        forge.artifact(NAME, PULL, LIMIT)


def test_it_is_found_among_hundreds(forge: Forge, hub: Hub) -> None:
    hub.keep(NAME, b"ours", HEAD, run=1)
    for run in range(2, 252):
        hub.keep(NAME, b"other", "e" * 40, run=run)
    assert forge.artifact(NAME, PULL, LIMIT) == b"ours"
    assert hub.calls.count("GET /repos/acme/tuning/actions/artifacts") == 3


def test_a_token_without_the_permission_is_told_so(join: Callable[..., Forge], hub: Hub) -> None:
    hub.keep(NAME, b"x", HEAD)
    hub.tokens[hub.token].permissions.pop("actions")
    with pytest.raises(ForgeError) as caught:
        join().artifact(NAME, PULL, LIMIT)
    assert "actions: read" in caught.value.fix
    assert not isinstance(caught.value, ReadOnly)


@pytest.mark.parametrize("over", [0, 1], ids=["as large as may be", "larger"])
def test_the_limit_is_of_the_file(forge: Forge, hub: Hub, over: int) -> None:
    # Bytes that don't compress: the archive is larger than the file.
    content = os.urandom(LIMIT + over)
    hub.keep(NAME, content, HEAD)
    if not over:
        assert forge.artifact(NAME, PULL, LIMIT) == content
        return
    with pytest.raises(ForgeError, match="larger than 100,000 bytes"):
        forge.artifact(NAME, PULL, LIMIT)


def test_a_bomb_is_not_unpacked(forge: Forge, hub: Hub) -> None:
    hub.keep(NAME, bytes(50_000_000), HEAD)
    assert len(hub.artifacts[0].archive) < LIMIT
    with pytest.raises(ForgeError, match="larger than 100,000 bytes"):
        forge.artifact(NAME, PULL, LIMIT)


def test_an_archive_that_is_too_large_is_not_read(forge: Forge, hub: Hub) -> None:
    hub.keep(NAME, b"", HEAD, archive=bytes(LIMIT + 2**20))
    with pytest.raises(ForgeError, match="too large"):
        forge.artifact(NAME, PULL, LIMIT)


def lying_about_its_size() -> bytes:
    """A bomb whose list says that it holds ten bytes."""
    archive = bytearray(zipped({"plan.json": bytes(1_000_000)}))
    entry = archive.rindex(b"PK\x01\x02")
    struct.pack_into("<I", archive, entry + 24, 10)
    return bytes(archive)


def with_another_method() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("plan.json", b"x" * 1000)
    return made.getvalue()


def encrypted() -> bytes:
    archive = bytearray(zipped({"plan.json": b"x"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        archive[archive.index(signature) + offset] |= 1
    return bytes(archive)


def with_a_broken_sum() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("plan.json", b"the reviewed plan")
    return made.getvalue().replace(b"reviewed", b"tampered")


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"not a zip",
        zipped({}),
        zipped({"a": b"1", "b": b"2"}),
        zipped({"folder/": b""}),
        zipped({str(n): b"" for n in range(200)}),
        lying_about_its_size(),
        with_another_method(),
        encrypted(),
        with_a_broken_sum(),
        zipped({"plan.json": b"x" * 1000})[:-30],
    ],
    ids=[
        "nothing",
        "text",
        "empty",
        "two",
        "folder",
        "many",
        "lie",
        "bzip2",
        "secret",
        "sum",
        "cut",
    ],
)
def test_an_odd_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(ForgeError) as caught:
        only_file(archive, LIMIT, "here")
    assert caught.value.where == "here"
    assert caught.value.why


def test_a_list_of_very_many_names_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zipped({str(n): b"" for n in range(200)})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(ForgeError, match="not exactly one file"):
        only_file(archive, LIMIT, "here")


def test_the_name_of_the_file_is_not_used() -> None:
    assert only_file(zipped({"../../etc/passwd": b"x"}), LIMIT, "here") == b"x"


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_archive_is_an_error_or_what_it_was(
    content: bytes, place: int, byte: int
) -> None:
    archive = bytearray(zipped({"plan.json": content}))
    archive[place % len(archive)] = byte
    try:
        found = only_file(bytes(archive), LIMIT, "here")
    except ForgeError:
        return
    assert found == content
