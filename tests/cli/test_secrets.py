"""A secret from the environment is in nothing that is printed, and missing ones stop early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import FAST, Run

if TYPE_CHECKING:
    from pathlib import Path

KEY = "wandb-key/with+signs&more"
FORMATS = ("text", "json", "markdown", "github")


@pytest.fixture(autouse=True)
def secretive(specs: Path) -> Path:
    """Let the job log with a key from the environment, and leak it through a display name."""
    file = specs / "assistant.yaml"
    wandb = "  wandbConfig: {enabled: true, project: p, apiKey: {secretRef: {env: MY_KEY}}}\n"
    file.write_text(file.read_text().replace("  lossConfig:\n", f"{wandb}  lossConfig:\n"))
    return file


def test_a_missing_secret_stops_before_anything_is_sent(run: Run):
    made = run("apply", *FAST, "--auto-approve")
    assert made.code == 1
    assert "error: not set in the environment: MY_KEY" in made.err
    assert "DPOJob/assistant-tune" in made.err
    rows = run("status", *FAST, "--format", "json").document("status")["resources"]
    assert {row["health"] for row in rows} == {"NotFound"}


def test_a_plan_needs_no_secret_and_shows_only_its_name(run: Run):
    made = run("plan", *FAST, "-v")
    assert made.code == 2
    assert "wandbConfig.apiKey: (secret from $MY_KEY)" in made.out


@pytest.mark.parametrize("format_", FORMATS)
def test_a_secret_is_in_no_output(
    run: Run, secretive: Path, monkeypatch: pytest.MonkeyPatch, format_: str
):
    monkeypatch.setenv("MY_KEY", KEY)
    text = secretive.read_text().replace("prompt: What is a preference pair?", f'prompt: "{KEY}"')
    secretive.write_text(text)
    for args in (
        ("validate",),
        ("plan", *FAST, "-v"),
        ("apply", *FAST, "-v", "--auto-approve"),
        ("status", *FAST),
        ("outputs", *FAST),
        ("apply", *FAST, "-v"),
    ):
        made = run(*args, "--format", format_)
        assert made.code in (0, 2), made.err
        assert KEY not in made.out + made.err
        assert "with+signs" not in made.out + made.err


def test_the_api_key_is_in_no_error(run: Run, monkeypatch: pytest.MonkeyPatch, specs: Path):
    monkeypatch.setenv("FIREWORKS_API_KEY", "fw-very-secret")
    file = specs / "assistant.yaml"
    file.write_text(file.read_text().replace("dataset: assistant ", "dataset: fw-very-secret "))
    made = run("validate")
    assert made.code == 1
    assert "fw-very" not in made.out + made.err
    assert "***" in made.out
