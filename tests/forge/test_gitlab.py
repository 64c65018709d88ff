"""The same promises on GitLab: whose note it is, one note, which merge request, which file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.forge import ForgeError, Pull, ReadOnly, Release, connect
from tests.forge.conftest import BASE, HEAD, MERGED
from tests.forge.lab import ENVIRON, Lab

if TYPE_CHECKING:
    from dpo_ops.forge import Forge

BODY = "<!-- ours -->\nA plan."
NAME = "dpo-ops-plan-prod"
URL = "https://gitlab.example.com/acme/tuning/-"


def ours(body: str) -> bool:
    return body.startswith("<!-- ours -->")


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.merges[7] = merge()
    return lab


@pytest.fixture
def forge(lab: Lab) -> Forge:
    return joined(lab)


def joined(lab: Lab, **more: str) -> Forge:
    forge = connect({**ENVIRON, **more}, transport=lab, sleep=lambda _: None)
    assert forge is not None
    return forge


def merge(number: int = 7, **more: Any) -> dict[str, Any]:
    row = {
        "id": 9000 + number,
        "iid": number,
        "sha": HEAD,
        "state": "merged",
        "merged_at": f"2026-11-23T12:00:{number:02}Z",
        "source_project_id": 55,
        "target_project_id": 55,
        "target_branch": "main",
        "merge_commit_sha": None,
        "squash_commit_sha": None,
        "diff_refs": {"base_sha": BASE, "head_sha": HEAD},
    }
    return {**row, **more}


def test_a_note_is_made_found_and_edited(forge: Forge, lab: Lab) -> None:
    assert forge.comment(7, ours) is None
    made = forge.write(7, BODY, None)
    assert made.url == f"{URL}/merge_requests/7#note_{made.id}"
    assert forge.comment(7, ours) == made
    assert forge.write(7, f"{BODY} Edited.", made).id == made.id
    assert [n["body"] for n in lab.notes] == [f"{BODY} Edited."]


def test_another_s_note_and_a_system_note_are_not_ours(forge: Forge, lab: Lab) -> None:
    lab.say(BODY, "mallory")
    lab.say(BODY, lab.login, system=True)
    assert forge.comment(7, ours) is None


def test_the_oldest_is_found_behind_250_others(forge: Forge, lab: Lab) -> None:
    for n in range(250):
        lab.say(f"me too {n}", "bob")
    first = lab.say(BODY, lab.login)
    lab.say(BODY, lab.login)
    found = forge.comment(7, ours)
    assert found is not None
    assert found.id == first["id"]
    assert lab.calls.count("GET /merge_requests/7/notes") == 3


def test_a_lost_reply_makes_one_note_and_one_issue(forge: Forge, lab: Lab) -> None:
    lab.lose += ["POST /merge_requests/7/notes", "POST /issues"]
    made = forge.write(7, BODY, None)
    assert [n["id"] for n in lab.notes] == [made.id]
    issue = forge.report("Drift", BODY, "drift", None, open_=True)
    assert [i["iid"] for i in lab.issues] == [issue.id]


def test_a_note_that_is_gone_is_made_anew(forge: Forge, lab: Lab) -> None:
    made = forge.write(7, BODY, None)
    lab.notes.clear()
    assert forge.write(7, BODY, made).id != made.id


def test_a_token_that_only_reads_is_told_the_scope(forge: Forge, lab: Lab) -> None:
    lab.scope = "read_api"
    with pytest.raises(ReadOnly) as caught:
        forge.write(7, BODY, None)
    assert "scope `api`" in caught.value.fix
    assert "insufficient_scope" in caught.value.why
    assert "glpat" not in str(caught.value)


def test_the_head_is_the_branch_s(forge: Forge) -> None:
    assert forge.head(7) == HEAD
    with pytest.raises(ForgeError, match="404"):
        forge.head(8)


@pytest.mark.parametrize("how", ["merge_commit_sha", "squash_commit_sha", "neither"])
def test_the_merge_request_of_a_commit(forge: Forge, lab: Lab, how: str) -> None:
    lab.merges[7] = merge(**({how: MERGED} if how != "neither" else {}))
    lab.merges[8] = merge(8, sha="8" * 40) if how != "neither" else merge(8, state="opened")
    lab.merges[9] = merge(9, target_branch="feature")
    lab.commits[MERGED] = [9, 8, 7]
    assert forge.merged(MERGED) == Pull(7, HEAD, BASE, url=f"{URL}/merge_requests/7")
    assert forge.merged("f" * 40) is None


@pytest.mark.parametrize("source", [56, None])
def test_a_fork_is_one_also_after_it_is_deleted(forge: Forge, lab: Lab, source: int | None) -> None:
    lab.merges[7] = merge(source_project_id=source)
    lab.commits[MERGED] = [7]
    found = forge.merged(MERGED)
    assert found is not None
    assert found.fork


def test_the_plan_job_s_file_is_taken_from_the_newest_pipeline(forge: Forge, lab: Lab) -> None:
    pull = Pull(7, HEAD)
    assert forge.artifact(NAME, pull, 100) is None
    lab.run(HEAD, "dpo-ops-plan", {f"{NAME}.json": b"old"})
    lab.run(HEAD, "dpo-ops-plan: [prod]", {f"{NAME}.json": b"new"})
    lab.run(HEAD, "dpo-ops-plan", {f"{NAME}.json": b"failed"}, status="failed")
    lab.run(HEAD, "dpo-ops-planned-otherwise", {f"{NAME}.json": b"another job"})
    lab.run(HEAD, "dpo-ops-plan", {"something-else.json": b"x"})
    lab.run("e" * 40, "dpo-ops-plan", {f"{NAME}.json": b"another commit"})
    assert forge.artifact(NAME, pull, 100) == b"new"
    assert forge.artifact(NAME, Pull(7, HEAD, fork=True), 100) is None
    named = joined(lab, DPO_OPS_PLAN_JOB="dpo-ops-planned-otherwise")
    assert named.artifact(NAME, pull, 100) == b"another job"
    with pytest.raises(ForgeError, match="too large"):
        forge.artifact(NAME, pull, 2)


def test_an_issue_is_made_closed_and_opened_again(forge: Forge, lab: Lab) -> None:
    assert forge.issue("drift", ours) is None
    lab.report("Drift", BODY, "drift", "mallory")
    made = forge.report("Drift", BODY, "drift", None, open_=True)
    assert forge.issue("drift", ours) == made
    closed = forge.report("Drift", BODY, "drift", made, open_=False)
    assert forge.issue("drift", ours) == closed
    assert not closed.open
    again = forge.report("Drift", BODY, "drift", closed, open_=True)
    assert (again.id, again.open) == (made.id, True)
    assert len(lab.issues) == 2


def test_a_deployment_is_gitlab_s_own(forge: Forge, lab: Lab) -> None:
    forge.release(Release("prod", MERGED, "success", "einstein serves"))
    assert not lab.calls


def test_without_a_token_there_is_no_forge() -> None:
    assert connect({**ENVIRON, "DPO_OPS_GITLAB_TOKEN": ""}) is None
