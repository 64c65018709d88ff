"""Law 9 on a pull request: no secret reaches the forge, nor what is kept there as approved."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest

from dpo_ops.emulator import Emulator, EmulatorTransport
from tests.history import specs
from tests.hub.hub import PLAYED

if TYPE_CHECKING:
    from tests.cli.ci.conftest import Stage

KEY = 'wk-quokka/with+signs&"pangolin"'
SIGNING = "signing-wombat-key"
TOLD = re.compile(f"quokka|pangolin|wombat|{PLAYED}")


@pytest.fixture(autouse=True)
def secretive(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    stage.extra["DPO_OPS_SIGNING_KEY"] = SIGNING


def logging(text: str) -> str:
    key = "apiKey: {secretRef: {env: MY_KEY}}"
    return text.replace(
        "  dataset: tutor\n",
        f"  dataset: tutor\n  wandbConfig: {{enabled: true, project: p, {key}}}\n",
    )


def fail_jobs() -> None:
    """Let jobs fail with a message that repeats the secret."""
    message = f"refused {KEY} and {quote(KEY, safe='')} and {json.dumps(KEY)}"
    failing = {
        "job": "tutor-tune*",
        "state": "JOB_STATE_FAILED",
        "status": {"code": "INTERNAL", "message": message},
    }
    with (
        Emulator(Path(".dpo-ops/emulator"), api_key="key", account="emulator") as account,
        httpx.Client(transport=EmulatorTransport(account), base_url="http://x") as http,
    ):
        http.post("/_emulator/settings", json={"jobOverrides": [failing]}).raise_for_status()


def told(stage: Stage) -> str:
    """Return all that the forge was sent, and what the runs wrote for it."""
    sent = [request.body.decode() for request in stage.hub.requests]
    events = stage.folder.glob("event*")  # What the forge said; the pull request's own title.
    kept = {path for path in stage.folder.iterdir() if path.is_file()} - set(events)
    return "\n".join([*sent, *(path.read_text() for path in kept)])


def test_nothing_on_the_forge_tells_a_secret(stage: Stage):
    stage.open_pull(1, "Specs", specs__specs_yaml=logging(specs()))
    assert stage.plan(1).code == 0
    fail_jobs()
    ran = [stage.merge_and_apply(1)]
    assert ran[0].code == 1
    assert "refused ***" in stage.comment(1)
    stage.open_pull(2, "Replicas", specs__specs_yaml=logging(specs(replicas=2)))
    ran.append(stage.plan(2))
    assert ran[1].code == 0, stage.comment(2)
    assert "refused ***" in ran[1].out
    ran += [
        stage.merge_and_apply(2),
        stage.ci("reconcile", event="schedule"),
        stage.ci("drift", event="schedule"),
    ]
    everything = told(stage) + "".join(one.out + one.err for one in ran)
    assert not TOLD.search(everything), TOLD.search(everything)


def test_a_pull_request_that_says_a_secret_is_told_where(stage: Stage):
    text = logging(specs()).replace("project: p", f"project: '{KEY}'")
    stage.open_pull(1, "Specs", specs__specs_yaml=text)
    ran = stage.plan(1)
    assert ran.code == 1
    assert stage.outputs == {"failure-reason": "invalid-specs"}
    assert "wandbConfig.project holds the value of" in stage.comment(1)
    assert "file=specs/specs.yaml,line=11" in ran.err
    everything = told(stage) + ran.out + ran.err
    assert not TOLD.search(everything), TOLD.search(everything)
    assert not list(stage.folder.glob("dpo-ops-plan*"))


def test_what_only_the_base_names_is_known(stage: Stage):
    stage.account = ()
    stage.open_pull(1, "Specs", specs__specs_yaml=logging(specs()))
    stage.squash(1)
    text = specs().replace("kind: Deployment", f"kind: '{KEY}'")
    stage.open_pull(2, "Wrong", specs__specs_yaml=text)
    wrong = stage.plan(2)
    assert wrong.code == 1
    assert "there is no kind" in stage.comment(2)
    assert "***" in wrong.err
    everything = told(stage) + wrong.out + wrong.err
    assert not TOLD.search(everything), TOLD.search(everything)
