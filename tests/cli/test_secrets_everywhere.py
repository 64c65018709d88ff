"""Law 9 over every command: a secret is in nothing that is printed and in no file that is written.

Three of them stand where they could get out: the key of the account and a key that the specs
refer to are repeated by the server, and stand in a spec and in pairs by mistake; one that only an
earlier commit refers to stands in its subject.
"""

from __future__ import annotations

import ast
import html
import json
import os
import re
import socket
from base64 import b64encode
from pathlib import Path
from shutil import copytree, rmtree
from typing import TYPE_CHECKING
from urllib.parse import quote

import click
import httpx
import pytest

from dpo_ops.cli.app import app
from dpo_ops.client import Client, Settings
from dpo_ops.emulator import Emulator, EmulatorTransport
from tests.cli.conftest import FAST, ROOT
from tests.history import Repo, repo, rows
from tests.history import specs as written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Ran, Run


KEY = 'wk-quokka/with+signs&"pangolin"'
ACCOUNT_KEY = "fw-wombat"
EARLIER = "ok-axolotl/<numbat>"
READS = re.compile(r"(^|\.)(loader\.load|load_at|restore)$|at_revision\.releases$|^releases$")
TOLD = re.compile("quokka|pangolin|wombat|axolotl|numbat|" + b64encode(KEY.encode())[:30].decode())
"""Words that no encoding changes, and the one that changes them all."""
DATA = Path(".dpo-ops/emulator")
ENVIRONMENT = {"MY_KEY": KEY, "EARLIER_KEY": EARLIER, "FIREWORKS_API_KEY": ACCOUNT_KEY}
MODEL = "MODEL"
"""What stands in a row below for the id of the model that was made first."""

ROWS: dict[str, list[tuple[str, ...]]] = {
    "validate": [("specs",), ("specs", "--schema-only"), ("broken",), ("broken", "--schema-only")],
    "fmt": [("specs", "--diff"), ("specs",)],
    "plan": [(*FAST, "-v"), (*FAST, "--prune"), (*FAST, "--out", "new.plan")],
    "apply": [
        ("kept.plan", *FAST),
        (*FAST, "--auto-approve", "--cards", "cards"),
        (*FAST, "--auto-approve", "-v"),
    ],
    "reconcile": [("kept.plan", *FAST), (*FAST,)],
    "status": [(*FAST, "-v")],
    "drift": [FAST],
    "metrics": [
        ("tutor-tune", *FAST),
        (MODEL, *FAST, "--out", "metrics.json"),
        (f"accounts/emulator/dpoJobs/{MODEL}-a1", *FAST, "--out", "metrics.svg"),
    ],
    "outputs": [FAST],
    "import": [("--all", *FAST, "--force")],
    "destroy": [(*FAST, "--auto-approve", "--all")],
    "history": [FAST, ("--offline",)],
    "lineage": [(MODEL, *FAST), (MODEL, "--offline")],
    "card": [(MODEL, *FAST), (MODEL, *FAST, "--out", "card.md")],
    "gc": [FAST, (*FAST, "--keep-last", "1", "--older-than", "0", "--auto-approve")],
    "pairs check": [("pairs.jsonl", "bad.jsonl", "--deep")],
    "pairs stats": [("pairs.jsonl",)],
    "pairs diff": [("specs/tutor.jsonl", "pairs.jsonl")],
    "pairs cost": [("pairs.jsonl",)],
    "pairs explain": [(), ("roles",)],
    "pairs import": [("bad.jsonl", "-o", "imported.jsonl")],
    "pairs split": [("bad.jsonl", "--training", "t.jsonl", "--held-out", "h.jsonl")],
    "ci plan": [FAST, (*FAST, "--since", "HEAD~1"), (*FAST, "--prune"), ("specs",)],
    "ci apply": [(*FAST, "--approve", "specs"), (*FAST, "--approve", "reviewed")],
    "ci reconcile": [(*FAST, "--approve", "specs")],
    "ci drift": [FAST],
    "ci validate": [("specs",), ("broken",)],
    "schema": [("plan",)],
    "init": [("begun",)],
    "emulator serve": [("--api-key", KEY, "--port", "PORT")],
}
PLAIN = ("explain", "stats", "cost", "split")
SILENT = {"schema", "init", "emulator serve", *(f"pairs {name}" for name in PLAIN)}
"""What shows nothing that could hold one."""


def walked(group: click.Group = app, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield every command that there is, by what is typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found
        if isinstance(found, click.Group):
            yield from walked(found, f"{above}{name} ")
        else:
            yield f"{above}{name}", found


COMMANDS = dict(walked())


def test_every_command_has_a_row():
    assert set(ROWS) == set(COMMANDS)


def readers(path: Path) -> set[str]:
    """Return what of all that reads desired state a file uses."""
    tree = ast.parse(path.read_text())
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    found = {ast.unparse(function) for function in calls}
    imported = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    found |= {f"{node.module}.{name.name}" for node in imported for name in node.names}
    return {one for one in found if READS.search(one)}


def test_desired_state_comes_in_by_one_door():
    used = {path.name: readers(path) for path in (ROOT / "dpo_ops/cli").rglob("*.py")}
    assert used.pop("desired.py") >= {"loader.load", "load_at", "releases", "restore"}
    assert not {name: found for name, found in used.items() if found}


def said_by_the_server() -> str:
    """Return a message that repeats the secrets in each form in which one could come back."""
    forms = (KEY, json.dumps(KEY), quote(KEY), quote(KEY, safe=""), html.escape(KEY), ACCOUNT_KEY)
    return f"refused {' or '.join(forms)} or {b64encode(KEY.encode()).decode()}"


def logging_to(text: str, variable: str) -> str:
    key = f"apiKey: {{secretRef: {{env: {variable}}}}}"
    return text.replace(
        "  dataset: tutor\n",
        f"  dataset: tutor\n  wandbConfig: {{enabled: true, project: p, {key}}}\n",
    )


def build(made: Repo, run: Run) -> None:
    """Make a repository with a commit of no use and two others: one model serves, one failed."""
    made.put(".gitignore", "*\n!specs\n!specs/*\n")
    of_no_use = f"apiVersion: dpo-ops/v1\nkind: '{KEY}'\nmetadata: {{name: '{KEY}'}}\n---\n"
    made.commit("Begun", specs__a_yaml=of_no_use + logging_to(written(), "MY_KEY"))
    made.commit(
        f"Log with {EARLIER}",
        specs__a_yaml=logging_to(written(), "EARLIER_KEY"),
        specs__stack_yaml="apiVersion: dpo-ops/v1\nkind: Stack\nmetadata: {name: default}\n",
        specs__tutor_jsonl=rows(),
    )
    assert run("apply", *FAST, "--auto-approve").code == 0
    failing = {
        "job": "tutor-tune*",
        "state": "JOB_STATE_FAILED",
        "status": {"code": "INTERNAL", "message": said_by_the_server()},
    }
    refusing = {
        "method": "DELETE",
        "path": "*/accounts/*",
        "times": 0,
        "status": 400,
        "body": {"error": {"code": 400, "message": said_by_the_server()}},
    }
    settings = Settings("key", "emulator", "https://emulator.invalid")
    with (
        Emulator(DATA, api_key="key", account="emulator") as account,
        httpx.Client(transport=EmulatorTransport(account), base_url="http://x") as http,
        Client(settings, transport=EmulatorTransport(account)) as client,
    ):
        http.post("/_emulator/settings", json={"jobOverrides": [failing]}).raise_for_status()
        http.post("/_emulator/faults", json=refusing).raise_for_status()
        [served] = client.list("deployments")
        client.patch(served["name"], {"displayName": f"by {KEY[:-4]}"})
        client.patch(served["name"], {"displayName": f"by {KEY}", "maxReplicaCount": 3})
    made.commit("Train longer", specs__a_yaml=logging_to(written(epochs=2), "MY_KEY"))
    kept = run("plan", *FAST, "--out", "kept.plan")
    assert kept.code == 2, kept.err
    assert run("apply", *FAST, "--auto-approve").code == 1
    specs = logging_to(written(epochs=2), "MY_KEY")
    probe = f"probe: {{prompt: '{KEY}'}}"
    by_mistake = specs.replace("tutor-tune}, max", f"tutor-tune}}, {probe}, max")
    by_mistake = by_mistake.replace("project: p", f"project: '{KEY}'")
    made.put("specs/a.yaml", by_mistake)
    made.put("pairs.jsonl", rows(4, f"{KEY} {ACCOUNT_KEY}"))
    made.put("bad.jsonl", rows(2, KEY).replace("assistant", json.dumps(KEY)[1:-1]))
    cut = f"apiVersion: dpo-ops/v1\nkind: '{'x' * 40}{KEY}'\nmetadata: {{name: cut}}\n---\n"
    made.put("broken/a.yaml", cut + specs.replace("epochs: 2", f"epochs: '{KEY}'"))


@pytest.fixture(scope="module")
def built() -> dict[str, Path]:
    return {}


@pytest.fixture
def world(
    folder: Path,
    run: Run,
    built: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """Work in that repository, which is built once and copied for each test."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    if not built:
        build(repo(folder), run)
        built["world"] = copytree(folder, tmp_path_factory.mktemp("built") / "world")
    return built["world"]


def model_of(run: Run) -> str:
    """Return the id of the model that the first commit made."""
    found = run("history", "--offline", "--format", "json").document("history")
    return str([c["models"] for c in found["commits"] if c["models"]][-1][0]["model"])


def files(folder: Path) -> dict[Path, bytes]:
    """Return all files but those of git and those of the account, which nobody here wrote."""
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {".git", "emulator"} & set(path.relative_to(folder).parts)
    }


def ran(run: Run, name: str, args: tuple[str, ...], format_: str, folder: Path) -> Ran:
    options = ("--format", format_) if format_ else ()
    told: dict[str, str | None] = {
        variable: str(folder / variable.lower())
        for variable in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
    }
    if name == "ci plan" and "--emulator" not in args:  # As on a pull request from a fork.
        told["FIREWORKS_API_KEY"] = None
    return run(*name.split(), *args, *options, env={**told, "RUNNER_TEMP": str(folder)})


def formats_of(command: click.Command) -> tuple[str, ...]:
    found = [one.type for one in command.params if one.name == "format_"]
    return tuple(found[0].choices) if found and isinstance(found[0], click.Choice) else ("",)


def written_by(name: str, before: dict[Path, bytes], folder: Path) -> dict[str, str]:
    """Return the new files that the command answers for, as text."""
    new = {path: text for path, text in files(folder).items() if before.get(path) != text}
    # What people write is theirs: it is laid out or divided anew, and says the same.
    theirs = {"fmt": "specs", "pairs import": ".jsonl", "pairs split": ".jsonl"}.get(name)
    return {
        str(path): text.decode("utf-8", "replace")
        for path, text in new.items()
        if theirs not in (path.parent.name, path.suffix)
    }


def in_the_commit(world: Path, folder: Path) -> None:
    """Work in the world with the specs as they were committed, with nothing said by mistake."""
    rmtree(folder)
    copytree(world, folder)
    os.chdir(folder)
    Repo(folder).git("checkout", "--quiet", "specs")


def test_what_the_account_says_is_masked_in_a_saved_plan(world: Path, folder: Path, run: Run):
    in_the_commit(world, folder)
    assert run("plan", *FAST, "--out", "new.plan").code == 2
    text = Path("new.plan").read_text()
    assert not TOLD.search(text)
    assert "refused *** or " in text
    assert run("apply", "new.plan", *FAST).code == 1


def test_a_plan_that_rests_on_a_secret_in_the_account_is_not_saved(
    world: Path, folder: Path, run: Run
):
    in_the_commit(world, folder)
    specs = Path("specs/a.yaml").read_text().replace("epochs: 2", "epochs: 1")
    Path("specs/a.yaml").write_text(specs.replace("maxReplica", "displayName: ours, maxReplica"))
    made = run("plan", *FAST, "--out", "new.plan")
    assert made.code == 1
    said = " ".join(made.err.split())
    assert "error: the account holds the value of $MY_KEY where: Deployment/tutor disp" in said
    assert "take it out of the account, and revoke it" in said
    assert not Path("new.plan").exists()


def test_a_spec_that_says_a_secret_is_not_saved(world: Path, folder: Path, run: Run):
    assert run
    in_the_commit(world, folder)
    copytree(world / "specs", "specs", dirs_exist_ok=True)
    Path("new.plan").write_text("as it was")
    for args in (("plan",), ("ci", "plan")):
        made = run(*args, *FAST, "--out", "new.plan")
        assert made.code == 1
        said = " ".join((made.out + made.err).split())
        assert "specs/a.yaml:11:41: error: DPOJob/tutor-tune: wandbConfig.project" in said
        assert (
            "specs/a.yaml:17:53: error: Deployment/tutor: probe.prompt holds the value of $MY_KEY"
            in said
        )
        assert "refer to it as {secretRef: {env: NAME}}, or leave it out, and revoke it" in said
        assert Path("new.plan").read_text() == "as it was"
    assert run("plan", *FAST).code == 2


@pytest.mark.parametrize("name", ROWS)
def test_no_command_tells_a_secret(world: Path, folder: Path, run: Run, name: str):
    everything = ""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        for format_ in formats_of(COMMANDS[name]):
            for row in ROWS[name]:
                rmtree(folder)
                copytree(world, folder)
                os.chdir(folder)
                before = files(folder)
                args = tuple(one.replace(MODEL, model_of(run)).replace("PORT", port) for one in row)
                made = ran(run, name, args, format_, folder)
                assert "did not expect this" not in made.err, made.err
                assert "Usage" not in made.err, made.err
                texts = {"out": made.out, "err": made.err, **written_by(name, before, folder)}
                for where, text in texts.items():
                    assert not TOLD.search(text), (args, format_, where, text)
                everything += "".join(texts.values())
    assert ("***" in everything) is (name not in SILENT), everything
