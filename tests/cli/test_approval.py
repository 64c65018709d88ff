"""Whatever approvals are combined, nothing is written unless one of them says so."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import FAST

if TYPE_CHECKING:
    from tests.cli.conftest import Run

WRONG = "sha256:" + "0" * 64
GIVEN = {"saved": (False, True), "expect": ("", "right", "wrong", "empty"), "auto": (False, True)}
MATRIX = [dict(zip(GIVEN, row, strict=True)) for row in itertools.product(*GIVEN.values())]


def approved(said: dict[str, object]) -> bool:
    """Exactly one approval that fits; a saved plan is one, and may be named by its fingerprint."""
    if said["saved"]:
        return not said["auto"] and said["expect"] in ("", "right")
    if said["auto"]:
        return said["expect"] == ""
    return said["expect"] == "right"


@pytest.mark.parametrize("said", MATRIX, ids=lambda said: "-".join(map(str, said.values())))
def test_approvals_fail_closed(said: dict[str, object], specs: Path, run: Run) -> None:
    planned = run("plan", str(specs), *FAST, "--out", "release.plan", "--format", "json")
    fingerprint = json.loads(planned.out)["fingerprint"]
    words = ["apply", "release.plan" if said["saved"] else str(specs), *FAST]
    if said["expect"]:
        found = {"right": fingerprint, "wrong": WRONG, "empty": ""}[str(said["expect"])]
        words += ["--expect", found]
    if said["auto"]:
        words.append("--auto-approve")
    done = run(*words)
    assert done.code == (0 if approved(said) else 1), done.err
    left = run("plan", str(specs), *FAST)
    # What was carried out leaves nothing to do; what was refused leaves everything.
    assert left.code == (0 if approved(said) else 2), left.out


def test_a_truncated_plan_is_refused(specs: Path, run: Run) -> None:
    run("plan", str(specs), *FAST, "--out", "release.plan")
    whole = Path("release.plan").read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 2):
        Path("release.plan").write_bytes(whole[:size])
        done = run("apply", "release.plan", *FAST)
        assert done.code == 1
        assert "no saved plan" in done.err


def test_a_plan_is_written_whole_or_not_at_all(specs: Path, run: Run) -> None:
    done = run("plan", str(specs), *FAST, "--out", "no/such/folder/release.plan")
    assert done.code == 1
    assert "release.plan can't be written" in done.err
    assert not Path("no").exists()
