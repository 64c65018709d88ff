"""`drift` reads, and could not write if it wanted to."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops import loader
from dpo_ops.cli import drifting
from dpo_ops.cli.options import Specs
from dpo_ops.cli.screen import Screen
from dpo_ops.cli.starter import FILES
from dpo_ops.client import Client, Settings
from dpo_ops.emulator import EmulatorTransport
from dpo_ops.errors import PlanError
from dpo_ops.resource import Address, State
from tests.cli.conftest import FAST
from tests.history import Repo, repo, rows
from tests.history import specs as specs_text
from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from dpo_ops.planner.drift import Drift
    from tests.cli.conftest import Run

TODAY = "2026-11-23"
HERE = Specs((Path("specs"),), ())
SERVES = Address("Deployment", "assistant")


def reading(rehearsal: Rehearsal) -> Client:
    return Client(
        Settings("fw-rehearsal", base_url="http://127.0.0.1"),
        transport=EmulatorTransport(rehearsal.emulator),
        clock=rehearsal.clock,
        read_only=True,
    )


def look(client: Client, loaded: loader.Loaded, specs: Specs = HERE) -> Drift:
    screen = Screen(io.StringIO(), io.StringIO(), io.StringIO(), {})
    return drifting.look(screen, specs, client, loaded, TODAY)


@pytest.mark.usefixtures("specs")
def test_nothing_but_gets_is_sent() -> None:
    loaded = loader.load([Path("specs")])
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        for _ in range(2):
            # Before an apply there is everything to ask about, after it there is traffic to see.
            look(client, loaded)
            assert rehearsal.apply(loaded.state).exit_code == 0
        rehearsal.admin("POST", "clock", {"advance": 86400})
        rehearsal.forget_requests()
        look(client, loaded)
        assert {r["method"] for r in rehearsal.requests()} == {"GET"}


@pytest.mark.usefixtures("specs")
def test_before_an_apply_nothing_but_gets_is_sent_either() -> None:
    loaded = loader.load([Path("specs")])
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        assert not look(client, loaded).found
        assert {r["method"] for r in rehearsal.requests()} == {"GET"}


def test_a_client_that_reads_refuses_every_write_before_it_is_sent() -> None:
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        path = f"accounts/{client.account}/deployments/d"
        rehearsal.forget_requests()
        for write in (
            lambda: client.post(path, {}),
            lambda: client.post(f"{path}:setTags", {"tags": {}}),
            lambda: client.patch(path, {}),
            lambda: client.delete(path),
        ):
            with pytest.raises(PlanError, match="read-only"):
                write()
        assert rehearsal.requests() == []


@pytest.mark.usefixtures("specs")
def test_the_command_opens_the_account_to_read_only(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[dict[str, Any]] = []

    class Watched(Client):
        def __init__(self, *args: Any, **options: Any) -> None:
            opened.append(options)
            super().__init__(*args, **options)

    monkeypatch.setattr("dpo_ops.cli.account.Client", Watched)
    assert run("drift", *FAST).code == 0
    assert [options["read_only"] for options in opened] == [True]


def serving(rehearsal: Rehearsal, folder: Path) -> loader.Loaded:
    text = FILES["assistant.yaml"].replace("minReplicaCount: 0 ", "minReplicaCount: 1 ")
    (folder / "assistant.yaml").write_text(text, encoding="utf-8")
    loaded = loader.load([folder])
    assert rehearsal.apply(loaded.state).exit_code == 0
    return loaded


def test_a_day_without_a_request_is_idle_and_one_with_is_not(specs: Path) -> None:
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        loaded = serving(rehearsal, specs)
        # Its own probe was a request, so what is new is not idle.
        assert not look(client, loaded).found
        rehearsal.emulator.advance(90_000)
        assert [one.address for one in look(client, loaded).drifted] == [SERVES]
        name = f"accounts/{client.account}/deployments/{loaded.state[SERVES].id}"
        rehearsal.client.chat(name, [{"role": "user", "content": "hello"}])
        assert not look(client, loaded).drifted


def test_what_the_stack_would_refuse_to_put_back_has_drifted_all_the_same(specs: Path) -> None:
    text = FILES["assistant.yaml"].replace(
        "  maxReplicaCount: 1", "  maxReplicaCount: 1\n  acceleratorType: NVIDIA_H100_80GB"
    )
    (specs / "assistant.yaml").write_text(text, encoding="utf-8")
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        wanted = loader.load([specs]).state
        assert rehearsal.apply(wanted).exit_code == 0
        record = client.list("deployments")[0]
        said = {"baseModel": record["baseModel"], "acceleratorType": "NVIDIA_H200_141GB"}
        mask = {"updateMask": "accelerator_type"}
        rehearsal.client.patch(record["name"], said, mask)
        (specs / "stack.yaml").write_text(
            "apiVersion: dpo-ops/v1\nkind: Stack\nspec: {accelerators: [NVIDIA_H200*]}\n"
        )
        found = look(client, loader.load([specs]))
        assert [str(one.sort) for one in found.drifted] == ["changed"]


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 501},
        {"status": 404},
        {"status": 200, "body": {}},
        {"status": 200, "body": {"metrics": None}},
        {"status": 200, "body": {"metrics": {"latency": 0}}},
        {"status": 200, "body": {"metrics": {"request_rate": 0, "requests_count": "x"}}},
        {"status": 200, "body": {"metrics": {"requests_total": 1, "request_errors": 0}}},
        {"drop": "read"},
    ],
    ids=str,
)
def test_what_the_platform_does_not_tell_is_not_idle(specs: Path, fault: dict[str, Any]) -> None:
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        loaded = serving(rehearsal, specs)
        rehearsal.emulator.advance(90_000)
        rehearsal.forget_requests()
        rehearsal.fault(path="*:metrics", **fault)
        assert not look(client, loaded).drifted
        asked = [r for r in rehearsal.requests() if r["path"].endswith(":metrics")]
        assert len(asked) == 1


def purge(rehearsal: Rehearsal, repo: Repo) -> loader.Loaded:
    """Apply what the repository says, and delete its deployment without a trace."""
    loaded = loader.load([repo.root / "specs"])
    assert rehearsal.apply(loaded.state).exit_code == 0
    id_ = loaded.state[TUTOR].id
    path = f"accounts/{rehearsal.client.account}/deployments/{id_}"
    rehearsal.client.delete(path, {"ignoreChecks": "true", "hard": "true"})
    return loaded


TUTOR = Address("Deployment", "tutor")
NOTE = "commit {} of 2026-11-01 described it already: it was never applied, or was deleted"


@pytest.fixture
def told(tmp_path: Path) -> Repo:
    made = repo(tmp_path / "told")
    made.commit("begin", specs__tutor_yaml=specs_text(), specs__tutor_jsonl=rows())
    return made


@pytest.mark.parametrize("then", ["a note", "another spec", "the same one, changed in place"])
def test_what_was_purged_is_missing_if_an_earlier_commit_described_it(
    told: Repo, then: str
) -> None:
    first = told.git("rev-parse", "--short", "HEAD")
    files = {
        "a note": {"note_md": "x"},
        "another spec": {"specs__b_yaml": OTHER},
        "the same one, changed in place": {"specs__tutor_yaml": specs_text(replicas=2)},
    }
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        purge(rehearsal, told)
        told.commit(then, **files[then])
        specs = Specs((told.root / "specs",), ())
        loaded = loader.load(list(specs.paths))
        found = look(client, loaded, specs)
        (gone,) = found.drifted
        assert (gone.address, str(gone.sort)) == (TUTOR, "missing")
        assert NOTE.format(first) in gone.message
        assert found.found
        assert TUTOR not in [address for address, _ in found.pending]


OTHER = """\
apiVersion: dpo-ops/v1
kind: Dataset
metadata: {name: other}
spec: {source: tutor.jsonl}
"""


def pending(client: Client, repo: Repo) -> bool:
    """Say whether the deployment is only not applied yet."""
    specs = Specs((repo.root / "specs",), ())
    found = look(client, loader.load(list(specs.paths)), specs)
    return not found.drifted and TUTOR in [address for address, _ in found.pending]


def test_what_only_the_last_commit_describes_may_be_about_to_be_applied(told: Repo) -> None:
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        purge(rehearsal, told)
        assert pending(client, told)
        # Another model is another deployment, which no commit before described.
        told.commit("tune more", specs__tutor_yaml=specs_text(epochs=2))
        loaded = loader.load([told.root / "specs"])
        more = State({a: r for a, r in loaded.state.items() if a != TUTOR})
        assert rehearsal.apply(more).exit_code == 0
        assert pending(client, told)
        told.commit("a note", note_md="x")
        assert not pending(client, told)


def test_before_its_model_is_there_a_deployment_is_not_missing(told: Repo) -> None:
    told.commit("a note", note_md="x")
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        assert pending(client, told)


def test_while_an_earlier_one_serves_a_deployment_is_not_missing(told: Repo) -> None:
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        assert rehearsal.apply(loader.load([told.root / "specs"]).state).exit_code == 0
        told.commit("tune more", specs__tutor_yaml=specs_text(epochs=2))
        told.commit("a note", note_md="x")
        loaded = loader.load([told.root / "specs"])
        more = State({a: r for a, r in loaded.state.items() if a != TUTOR})
        rehearsal.apply(more)
        assert pending(client, told)


def test_in_a_shallow_clone_it_is_said_that_the_past_is_not_known(
    told: Repo, tmp_path: Path
) -> None:
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        purge(rehearsal, told)
        told.commit("a note", note_md="x")
        for depth, expected in ((1, ["shallow-clone"]), (2, [])):
            clone = tmp_path / f"clone-{depth}"
            told.git("clone", "--quiet", f"--depth={depth}", f"file://{told.root}", str(clone))
            specs = Specs((clone / "specs",), ())
            found = look(client, loader.load(list(specs.paths)), specs)
            assert [doubt.rule for doubt in found.doubts] == expected
            assert found.found is (depth > 1)


def test_a_repository_that_git_cant_read_is_told_of_and_no_failure(told: Repo) -> None:
    with Rehearsal() as rehearsal, reading(rehearsal) as client:
        loaded = purge(rehearsal, told)
        (told.root / ".git" / "HEAD").unlink()
        found = look(client, loaded, Specs((told.root / "specs",), ()))
        assert [doubt.rule for doubt in found.doubts] == ["git"]
        assert not found.found
