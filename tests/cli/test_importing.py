"""What exists is written as specs that plan to no changes, whatever the account says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dpo_ops import loader
from dpo_ops.cli.specs_files import write_specs
from dpo_ops.errors import DpoOpsError
from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Listing
from dpo_ops.observer import observe, survey
from dpo_ops.planner import Action, Plan, plan
from dpo_ops.reporters.imported import Imported, imported
from dpo_ops.resource import in_account
from tests.cli.conftest import FAST
from tests.planner.test_external import OTHER, by_hand
from tests.planner.test_removal import serving
from tests.rehearsal import Rehearsal
from tests.wanted import BASE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Run


def look(rehearsal: Rehearsal, *names: str) -> Imported:
    return imported(Listing(survey(rehearsal.client)), rehearsal.client.account, names)


def plan_of(rehearsal: Rehearsal, folder: Path) -> Plan:
    desired = in_account(loader.load([folder]).state, rehearsal.client.account)
    return plan(desired, observe(rehearsal.client, desired), {})


def nothing_by_hand(rehearsal: Rehearsal, folder: Path) -> None:
    assert rehearsal.apply(serving(folder, "left")).exit_code == 0


def made_by_hand(rehearsal: Rehearsal, _: Path) -> None:
    by_hand(rehearsal, "by-hand", displayName="theirs", minReplicaCount=1)
    by_hand(rehearsal, "placed", placement={"multiRegion": "US"})
    by_hand(rehearsal, "gone")
    rehearsal.client.delete(f"accounts/{rehearsal.client.account}/deployments/gone")


def of_another_stack(rehearsal: Rehearsal, folder: Path) -> None:
    by_hand(rehearsal, "theirs", annotations=OTHER)
    nothing_by_hand(rehearsal, folder)


def many_adapters(rehearsal: Rehearsal, folder: Path) -> None:
    nothing_by_hand(rehearsal, folder)
    shape = "accounts/fireworks/deploymentShapes/llama-v3p1-8b-instruct-minimal"
    deployment = by_hand(rehearsal, "multi", enableAddons=True, deploymentShape=shape)
    account = f"accounts/{rehearsal.client.account}"
    (model,) = rehearsal.client.list("models")
    loaded = {
        "model": model["name"],
        "deployment": deployment.replace("accounts/-", account),
    }
    rehearsal.client.post(f"{account}/deployedModels", loaded)


def under_way(rehearsal: Rehearsal, folder: Path) -> None:
    nothing_by_hand(rehearsal, folder)
    account = f"accounts/{rehearsal.client.account}"
    body = {"datasetId": "half", "dataset": {"exampleCount": "3", "userUploaded": {}}}
    rehearsal.client.post(f"{account}/datasets", body)
    starting = {"baseModel": BASE, "acceleratorType": "NVIDIA_H100_80GB"}
    rehearsal.client.post(f"{account}/deployments", starting, {"deploymentId": "starting"})


STATES = [nothing_by_hand, made_by_hand, of_another_stack, many_adapters, under_way]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_what_is_imported_plans_to_no_changes(state: Any, folder: Path, tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        state(rehearsal, tmp_path)
        rehearsal.forget_requests()
        found = look(rehearsal)
        write_specs(folder / "imported", found.files, force=False)
        planned = plan_of(rehearsal, folder / "imported")
        assert planned.in_sync
        assert not planned.warnings
        assert len(planned.changes) == len(found.found)
        assert {r["method"] for r in rehearsal.requests()} == {"GET"}
        # All that stands in the account is there, and nothing else.
        standing = {
            record["name"]
            for collection in ("datasets", "models", "deployments")
            for record in rehearsal.client.list(collection)
        }
        assert {one.name for one in found.found} == standing


def test_hyper_parameters_of_a_managed_job_stand_beside_its_model(folder: Path) -> None:
    with Rehearsal() as rehearsal:
        nothing_by_hand(rehearsal, folder)
        text = look(rehearsal).files["models.yaml"]
        assert "#     loraRank: 8\n" in text
        assert "#     epochs: 1\n" in text
        assert f"#     baseModel: {BASE}\n" in text
        assert "#   lossConfig:\n" in text


def test_what_the_comment_says_takes_a_deployment_over(folder: Path) -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "by-hand", minReplicaCount=1, placement={"multiRegion": "US"})
        text = look(rehearsal).files["deployments.yaml"]
        comment = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#")]
        begin = next(n for n, line in enumerate(comment) if line.startswith("To take it over"))
        spec = yaml.safe_load("\n".join(comment[begin + 1 :]))
        document = {**yaml.safe_load(text), "spec": spec}
        (folder / "taken.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        (change,) = plan_of(rehearsal, folder / "taken.yaml").changes
        assert (change.action, change.id) == (Action.UPDATE, "by-hand")
        assert all(field.path.startswith("annotations.") for field in change.fields)


def test_names_say_what_is_imported(folder: Path) -> None:
    with Rehearsal() as rehearsal:
        made_by_hand(rehearsal, folder)
        full = "accounts/emulator/deployments/by-hand"
        for names in (("by-hand",), ("by-*",), (full,)):
            assert [one.name for one in look(rehearsal, *names).found] == [full]
        assert not look(rehearsal, "nothing").files


# What an account says is hostile text

TEXT = st.text(max_size=60) | st.sampled_from(
    [
        "\n---\nkind: Stack",
        "a\rspec: {}",
        "b\x85c: d",
        "\u2028kind: x",
        "{{ values.x }}",
        "# c",
        "'\"",
        "x" * 900,
        "\x1b[31m\x00\ud800",
        ": - !!python/object:os.system",
    ]
)
IDS = st.from_regex(r"[A-Za-z0-9._-]{1,80}", fullmatch=True) | st.sampled_from(
    ["a" * 63, "a" * 62, "1x", "a.b", "a--b", "-a", "A", "x\ny", "é"]
)


@given(ids=st.lists(IDS, min_size=1, max_size=5, unique=True), said=TEXT, stack=TEXT, key=TEXT)
@settings(max_examples=200, deadline=None)
def test_hostile_text_stays_in_its_comment(ids: list[str], said: str, stack: str, key: str) -> None:
    def record(collection: str, id_: str, **more: Any) -> dict[str, Any]:
        name = f"accounts/-/{collection}/{id_}"
        return {"name": name, "displayName": said, "createTime": said, "state": "READY", **more}

    training = {"baseModel": said, key: {key: [said]}, "outputModel": "x"}
    listing = Listing(
        {
            "datasets": [record("datasets", id_, exampleCount=said) for id_ in ids],
            "models": [
                record("models", id_, kind="HF_PEFT_ADDON", fineTuningJob="accounts/-/dpoJobs/j")
                for id_ in ids
            ],
            "dpoJobs": [record("dpoJobs", "j", trainingConfig=training, lossConfig={key: said})],
            "deployments": [
                record(
                    "deployments",
                    id_,
                    baseModel=said,
                    placement={key: said},
                    annotations={"custom/dpo-ops-stack": stack, "custom/dpo-ops-name": said},
                )
                for id_ in ids
            ],
        }
    )
    found = imported(listing, "acme")
    meant = {
        file: [
            {
                "apiVersion": "dpo-ops/v1",
                "kind": one.address.kind,
                "metadata": {"name": one.address.name},
                "spec": {"external": True, "id": one.name},
            }
            for one in found.found
            if one.file == file
        ]
        for file in found.files
    }
    for file, text in found.files.items():
        assert text.isascii()
        assert list(yaml.safe_load_all(text)) == meant[file]
        assert max(map(len, text.splitlines())) < 10_000
    names = [one.address for one in found.found]
    assert len(names) == len(set(names))
    assert len(found.found) + len(found.skipped) == 3 * len(ids)
    assert all(len(a.name) <= KINDS[a.kind].name_limit for a in names)


@given(ids=st.lists(IDS, min_size=1, max_size=4, unique=True), said=TEXT)
@settings(max_examples=30, deadline=None)
def test_it_can_be_loaded_whatever_the_account_says(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str], said: str
) -> None:
    folder = tmp_path_factory.mktemp("imported")
    (folder / ".git").mkdir()
    rows = [
        {"name": f"accounts/-/deployments/{id_}", "state": "READY", "description": said,
         "displayName": said, "baseModel": said}
        for id_ in ids
    ]  # fmt: skip
    found = imported(Listing({"deployments": rows}), "acme")
    if found.files:
        write_specs(folder / "specs", found.files, force=False)
        loaded = loader.load([folder / "specs"])
        assert {r.external for r in loaded.state.values()} == {one.name for one in found.found}


# The command


@pytest.mark.usefixtures("specs")
def test_the_command_writes_what_plans_to_no_changes(run: Run, folder: Path) -> None:
    assert run("apply", "--auto-approve", *FAST).code == 0
    made = run("import", "--all", *FAST)
    assert made.code == 0
    assert "wrote imported/deployments.yaml: 1 spec\n" in made.out
    assert run("plan", "imported", *FAST).code == 0
    # Never over what is there, unless it is asked for; and then all of it.
    before = {path.name: path.read_text() for path in (folder / "imported").iterdir()}
    again = run("import", "--all", *FAST)
    assert again.code == 1
    assert "nothing was written" in again.err
    assert {p.name: p.read_text() for p in (folder / "imported").iterdir()} == before
    (folder / "imported" / "models.yaml").write_text("old")
    forced = run("import", "--all", "--force", "--format", "json", *FAST)
    assert forced.code == 0
    document = forced.document("import")
    assert sorted(document["files"]) == sorted(f"imported/{name}" for name in before)
    addresses = {resource["address"].split("/")[0] for resource in document["resources"]}
    assert addresses == set(KINDS)
    assert (folder / "imported" / "models.yaml").read_text() == before["models.yaml"]


def test_it_is_said_what_to_import(run: Run) -> None:
    assert run("import", *FAST).code == 1
    assert run("import", "--all", "x", *FAST).code == 1
    made = run("import", "x", *FAST)
    assert made.code == 1
    assert "nothing has such a name" in made.err


def test_where_one_file_can_not_be_written_none_is(folder: Path) -> None:
    out = folder / "out"
    (out / "b.yaml").mkdir(parents=True)
    with pytest.raises(DpoOpsError):
        write_specs(out, {"a.yaml": "a", "b.yaml": "b"}, force=True)
    assert [path.name for path in out.iterdir()] == ["b.yaml"]
    with pytest.raises(DpoOpsError):
        write_specs(folder / "new", {"a/b.yaml": "a"}, force=False)
    assert not (folder / "new").exists()


def test_a_secret_in_what_the_account_says_is_not_written() -> None:
    with Rehearsal() as rehearsal:
        by_hand(rehearsal, "by-hand", displayName="key fw-0123456789abcdef")
        listing = Listing(survey(rehearsal.client))

    def mask(text: str) -> str:
        return text.replace("fw-0123456789abcdef", "***")

    assert "fw-0123" in "".join(imported(listing, "emulator").files.values())
    masked = "".join(imported(listing, "emulator", (), mask).files.values())
    assert "fw-0123" not in masked
    assert "key ***" in masked


def test_comments_fit_a_terminal_and_say_the_same_in_yaml() -> None:
    said = " ".join(["as she has put it,"] * 12)
    name = "accounts/-/deployments/by-hand"
    record = {"name": name, "state": "READY", "baseModel": BASE, "displayName": said}
    [text] = imported(Listing({"deployments": [record]}), "acme").files.values()
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert max(map(len, comments)) <= 80, text
    last = next(n for n, line in enumerate(comments) if "To take it over" in line)
    known = yaml.safe_load("\n".join(line.removeprefix("# ") for line in comments[1:last]))
    assert known["displayName"] == said
