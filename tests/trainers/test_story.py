"""The example from end to end: what its pairs teach can be measured on what is served."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("trl")

import httpx
from transformers import AutoTokenizer

from dpo_ops.client import Client, Settings
from dpo_ops.emulator import Emulator, EmulatorTransport, LocalEngine
from dpo_ops.trainers.weights import TINY, locate

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/einstein"
MAIN_JOB = ("apply", "examples/einstein", "--emulator", "--auto-approve")
URL = "http://127.0.0.1"
BASE = "accounts/fireworks/models/llama-v3p1-8b-instruct"
README = (ROOT / "README.md").read_text()
pytestmark = pytest.mark.long
# The first ten rows were looked at while the tiny model and the settings were made; the rest
# were written afterwards.
FRESH = 10
TO_SHOW = 1


@dataclass(frozen=True)
class Score:
    """The log-probability of an answer as it is served, and its tokens."""

    total: float
    tokens: int

    @property
    def mean(self) -> float:
        return self.total / self.tokens


@dataclass
class Story:
    """The account after the example was applied, with the base model deployed beside it."""

    client: Client
    http: httpx.Client
    tuned: str
    base: str
    said: str

    def score(self, model: str, row: dict[str, Any], side: str) -> Score:
        tokenizer = AutoTokenizer.from_pretrained(locate(TINY).source)
        asked = tokenizer.apply_chat_template(
            row["input"]["messages"], add_generation_prompt=True, tokenize=False
        )
        body = {
            "model": model,
            "prompt": asked + row[side][0]["content"],
            "max_tokens": 0,
            "echo": True,
            "logprobs": 1,
        }
        answer = self.http.post("/inference/v1/completions", json=body)
        found = answer.raise_for_status().json()["choices"][0]["logprobs"]
        start = sum(offset < len(asked) for offset in found["text_offset"])
        of_answer = found["token_logprobs"][start:]
        return Score(sum(of_answer), len(of_answer))

    def sides(self, model: str, row: dict[str, Any]) -> tuple[Score, Score]:
        sides = ("preferred_output", "non_preferred_output")
        return self.score(model, row, sides[0]), self.score(model, row, sides[1])

    def ask(self, model: str, question: str) -> str:
        messages = [{"role": "user", "content": question}]
        answer = self.client.chat(model, messages, max_tokens=64, temperature=0)
        return str(answer["choices"][0]["message"]["content"])


def apply(folder: Path) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("FIREWORKS_", "DPO_OPS_"))}
    done = subprocess.run(
        [sys.executable, "-m", "dpo_ops", *MAIN_JOB],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("story")
    (folder / ".git").mkdir()
    shutil.copytree(EXAMPLE, folder / "examples/einstein")
    said = apply(folder)
    data = folder / ".dpo-ops/emulator"
    with (
        Emulator(data, time_scale=2000, engine=LocalEngine()) as emulator,
        Client(
            Settings("fw-story", "emulator", URL), transport=EmulatorTransport(emulator)
        ) as client,
        httpx.Client(
            transport=EmulatorTransport(emulator),
            base_url=URL,
            headers={"Authorization": "Bearer fw-story"},
        ) as http,
    ):
        serves = re.search(r"serves +(\S+)", said)
        assert serves
        models = {"tuned": serves[1], "base": BASE}
        served = {name: deployed(client, name, model) for name, model in models.items()}
        yield Story(client, http, served["tuned"], served["base"], said)


def deployed(client: Client, name: str, model: str) -> str:
    """Return a deployment that stays up: emulated hours pass while a test asks."""
    body = {"baseModel": model, "acceleratorType": "NVIDIA_H100_80GB", "minReplicaCount": 1}
    made = client.post("accounts/emulator/deployments", body, {"deploymentId": name})
    while client.get(made["name"])["state"] != "READY":
        time.sleep(0.05)
    return str(made["name"])


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    lines = (EXAMPLE / "einstein_heldout.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_what_was_learned_holds_for_pairs_that_it_never_saw(
    story: Story, rows: list[dict[str, Any]]
) -> None:
    margins = []
    for row in rows:
        (yes, no), (yes_before, no_before) = (
            story.sides(model, row) for model in (story.tuned, story.base)
        )
        margins.append((yes.total - yes_before.total) - (no.total - no_before.total))
    # The base model's own margins are nought: it prefers neither side to itself.
    for some in (margins, margins[FRESH:]):
        assert sum(margin > 0 for margin in some) / len(some) >= 0.9, margins


def test_a_held_out_pair_is_preferred_by_what_is_served_and_was_not_by_the_base(
    story: Story, rows: list[dict[str, Any]]
) -> None:
    yes_before, no_before = story.sides(story.base, rows[TO_SHOW])
    yes, no = story.sides(story.tuned, rows[TO_SHOW])
    assert yes_before.mean < no_before.mean
    assert yes.mean > no.mean


def test_the_printed_end_of_the_main_job_is_true(story: Story) -> None:
    block = re.search(r"<!-- output: apply -->\n```text\n(.*?)```", README, re.DOTALL)
    assert block

    def timeless(text: str) -> str:
        return re.sub(r" +(?:\d+m )?\d*s? +(?=[A-Z])", " ", text)

    assert timeless(block[1]) in timeless(story.said)


def test_the_answer_changes_as_the_readme_prints_it(story: Story) -> None:
    shown = re.search(r"<!-- before and after -->\n```text\n(.*?)```", README, re.DOTALL)
    assert shown
    found = re.findall(r"> (.*)\n  base +(.*)\n  tuned +(.*)\n", shown[1])
    assert found
    for question, before, after in found:
        assert story.ask(story.base, question) == before
        assert story.ask(story.tuned, question) == after
    # The first of them is what the spec has the new deployment answer.
    assert found[0][0] in story.said
    assert found[0][2] in " ".join(story.said.replace("  < ", " ").split())


def test_nothing_is_left_to_do(story: Story) -> None:
    assert "Applied: 3 done." in story.said
    assert "stand-in" not in story.said
