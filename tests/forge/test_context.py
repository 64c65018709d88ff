"""What a run is about, from variables and an event that anybody may have written."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpo_ops.errors import DpoOpsError
from dpo_ops.forge import Pull, Run, current
from dpo_ops.forge import environ as reading
from tests.forge.conftest import BASE, HEAD

if TYPE_CHECKING:
    from tests.hub import Hub

COMMIT = "c" * 40
URL = "https://github.com/acme/tuning"


def run(hub: Hub, folder: Path, event: str, **how: Any) -> Run:
    found = current(hub.environ(folder, event, commit=COMMIT, **how))
    assert found is not None
    return found


def changed(environ: dict[str, str], change: dict[str, Any]) -> dict[str, str]:
    """Merge this into the event file, object by object."""

    def merge(into: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
        for name, inner in value.items():
            both = isinstance(inner, dict) and isinstance(into.get(name), dict)
            into[name] = merge(into[name], inner) if both else inner
        return into

    file = Path(environ["GITHUB_EVENT_PATH"])
    file.write_text(json.dumps(merge(json.loads(file.read_text()), change)))
    return environ


def test_outside_of_ci_there_is_no_run() -> None:
    assert current({}) is None
    assert current({"CI": "true", "GITHUB_REPOSITORY": "acme/tuning"}) is None


def test_a_pull_request(hub: Hub, tmp_path: Path) -> None:
    assert run(hub, tmp_path, "pull_request", pull=7) == Run(
        repository="acme/tuning",
        event="pull_request",
        commit=COMMIT,
        branch="main",
        id="77",
        number="77",
        url=f"{URL}/actions/runs/77",
        public=True,
        pull=Pull(7, HEAD, BASE, fork=False, url=f"{URL}/pull/7"),
    )


@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch", "merge_group"])
def test_what_is_about_no_pull_request(hub: Hub, tmp_path: Path, event: str) -> None:
    found = run(hub, tmp_path, event)
    assert (found.event, found.branch, found.commit) == (event, "main", COMMIT)
    assert found.pull is None


def test_a_merge_group_names_the_branch_that_it_goes_to(hub: Hub, tmp_path: Path) -> None:
    environ = hub.environ(tmp_path, "merge_group", commit=COMMIT)
    environ["GITHUB_REF_NAME"] = "gh-readonly-queue/main/pr-7-abc"
    found = current(environ)
    assert found is not None
    assert found.branch == "main"


@pytest.mark.parametrize(
    "head",
    [{"repo": {"full_name": "mallory/tuning"}}, {"repo": None}, {"repo": {"full_name": 7}}],
    ids=["fork", "deleted", "odd"],
)
def test_a_fork(hub: Hub, tmp_path: Path, head: dict[str, Any]) -> None:
    environ = hub.environ(tmp_path, "pull_request", pull=7)
    found = current(changed(environ, {"pull_request": {"head": head}}))
    assert found is not None
    assert found.pull is not None
    assert found.pull.fork


@pytest.mark.parametrize(
    ("repository", "public"),
    [
        ({"private": False, "visibility": "public"}, True),
        ({"private": True, "visibility": "private"}, False),
        ({"private": True, "visibility": "internal"}, False),
        ({"private": True, "visibility": None}, False),
        # Where it is not said, or said both ways, anybody might read it.
        ({"private": None, "visibility": None}, True),
        ({"private": True, "visibility": "public"}, True),
        ({"private": "yes", "visibility": None}, True),
    ],
)
def test_who_can_read(
    hub: Hub, tmp_path: Path, repository: dict[str, Any], *, public: bool
) -> None:
    environ = hub.environ(tmp_path)
    found = current(changed(environ, {"repository": repository}))
    assert found is not None
    assert found.public is public


def test_the_event_that_lends_secrets_to_forks_is_refused(hub: Hub, tmp_path: Path) -> None:
    environ = hub.environ(tmp_path, "pull_request", pull=7)
    environ["GITHUB_EVENT_NAME"] = "pull_request_target"
    with pytest.raises(DpoOpsError) as caught:
        current(environ)
    assert "on: pull_request" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_EVENT_NAME", ""),
        ("GITHUB_REPOSITORY", "acme"),
        ("GITHUB_REPOSITORY", "acme/.."),
        ("GITHUB_REPOSITORY", "acme/tuning\nx"),
        ("GITHUB_REPOSITORY", "acme/tuning/pulls"),
        ("GITHUB_SHA", "main"),
        ("GITHUB_RUN_ID", "7; rm"),
        ("GITHUB_EVENT_PATH", ""),
        ("GITHUB_EVENT_PATH", "/nowhere/event.json"),
        ("GITHUB_EVENT_PATH", "/"),
        ("GITHUB_EVENT_PATH", "a\0b"),
    ],
)
def test_a_variable_that_is_not_usable(hub: Hub, tmp_path: Path, name: str, value: str) -> None:
    environ = hub.environ(tmp_path)
    with pytest.raises(DpoOpsError) as caught:
        current({**environ, name: value})
    assert name in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize(
    "change",
    [
        {"pull_request": None},
        {"pull_request": {"number": True}},
        {"pull_request": {"number": -1}},
        {"pull_request": {"number": 7.0}},
        {"pull_request": {"number": 10**30}},
        {"pull_request": {"head": {"sha": "$(rm -rf /)"}}},
        {"pull_request": {"base": None}},
    ],
)
def test_an_event_that_is_not_usable(hub: Hub, tmp_path: Path, change: dict[str, Any]) -> None:
    environ = hub.environ(tmp_path, "pull_request", pull=7)
    with pytest.raises(DpoOpsError, match="is not usable"):
        current(changed(environ, change))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"7", b"\xff\xfe", b"[" * 1_000_000, b"1" * 10_000]
)
def test_an_event_file_that_is_broken(hub: Hub, tmp_path: Path, content: bytes) -> None:
    environ = hub.environ(tmp_path)
    Path(environ["GITHUB_EVENT_PATH"]).write_bytes(content)
    with pytest.raises(DpoOpsError, match="GITHUB_EVENT_PATH"):
        current(environ)


def test_an_event_file_without_end(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST_EVENT", 100)
    with pytest.raises(DpoOpsError, match="too large"):
        current(hub.environ(tmp_path))


ODD = st.sampled_from(
    [None, True, False, 0, -1, 7, 1.5, float("nan"), "", "x", "\ud800", [], [[]], {}, {"sha": {}}]
)
NAME = ODD | st.text(max_size=8)
SIDE = ODD | st.fixed_dictionaries(
    {"sha": NAME | st.just(HEAD), "repo": ODD | st.fixed_dictionaries({"full_name": NAME})}
)
EVENT = ODD | st.fixed_dictionaries(
    {
        "repository": ODD | st.fixed_dictionaries({"private": ODD, "visibility": ODD}),
        "merge_group": ODD | st.fixed_dictionaries({"base_ref": ODD}),
        "pull_request": ODD
        | st.fixed_dictionaries({"number": ODD | st.just(7), "head": SIDE, "base": SIDE}),
    }
)


@settings(deadline=None)
@given(EVENT, st.sampled_from(["pull_request", "merge_group", "push", "schedule"]))
def test_no_event_crashes_or_brings_text_in(event: Any, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "event.json")
        file.write_text(json.dumps(event))
        environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": name,
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_REPOSITORY": "acme/tuning",
            "GITHUB_SHA": COMMIT,
            "GITHUB_RUN_ID": "1",
        }
        try:
            found = current(environ)
        except DpoOpsError as error:
            assert error.why  # noqa: PT017 - both ends are right here
            return
    assert found is not None
    if found.pull:
        assert (found.pull.number, found.pull.head, found.pull.base) == (7, HEAD, HEAD)
        assert found.pull.fork
        assert found.pull.url == f"{URL}/pull/7"


GITLAB = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_PIPELINE_ID": "900",
    "CI_PIPELINE_IID": "31",
    "CI_JOB_URL": "https://gitlab.com/acme/ml/tuning/-/jobs/12",
    "CI_PROJECT_URL": "https://gitlab.com/acme/ml/tuning",
    "CI_PROJECT_PATH": "acme/ml/tuning",
    "CI_PROJECT_ID": "55",
    "CI_PROJECT_VISIBILITY": "private",
    "CI_COMMIT_SHA": COMMIT,
    "CI_COMMIT_REF_NAME": "change-7",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "55",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA": BASE,
}


def test_a_merge_request_on_gitlab() -> None:
    url = "https://gitlab.com/acme/ml/tuning/-/merge_requests/7"
    assert current(GITLAB) == Run(
        repository="acme/ml/tuning",
        event="pull_request",
        commit=COMMIT,
        branch="main",
        id="900",
        number="31",
        url="https://gitlab.com/acme/ml/tuning/-/jobs/12",
        public=False,
        pull=Pull(7, COMMIT, BASE, fork=False, url=url),
    )


def test_a_pipeline_of_merged_results_on_gitlab_is_about_the_branch() -> None:
    found = current({**GITLAB, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": HEAD})
    assert found is not None
    assert found.pull is not None
    assert (found.commit, found.pull.head) == (COMMIT, HEAD)


@pytest.mark.parametrize("source", ["56", ""])
def test_a_fork_on_gitlab(source: str) -> None:
    found = current({**GITLAB, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": source})
    assert found is not None
    assert found.pull is not None
    assert found.pull.fork


@pytest.mark.parametrize(
    ("source", "event"),
    [
        ("push", "push"),
        ("schedule", "schedule"),
        ("web", "workflow_dispatch"),
        ("parent_pipeline", "parent_pipeline"),
    ],
)
def test_gitlab_s_words_are_translated(source: str, event: str) -> None:
    found = current({**GITLAB, "CI_PIPELINE_SOURCE": source})
    assert found is not None
    assert (found.event, found.pull) == (event, None)


def test_a_merge_train_is_a_merge_group() -> None:
    found = current({**GITLAB, "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"})
    assert found is not None
    assert (found.event, found.pull) == ("merge_group", None)


@given(st.dictionaries(st.sampled_from(sorted(GITLAB)), st.text(max_size=20)))
def test_no_variable_of_gitlab_crashes(change: dict[str, str]) -> None:
    try:
        found = current({**GITLAB, **change})
    except DpoOpsError as error:
        assert error.fix  # noqa: PT017 - both ends are right here
        return
    assert found is None or found.repository
