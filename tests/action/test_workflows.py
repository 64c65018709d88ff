"""The workflows that users copy, run for real against a fake of GitHub and an emulated account."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.action.stage import Stage

EINSTEIN = "specs/pipeline/einstein.yaml"
NOTHING = {"NOTES.md": "Nothing that is planned.\n"}


def test_a_pull_request_gets_one_comment_that_is_edited(stage: Stage):
    stage.open_pull(1, NOTHING)
    ended = stage.plan(1)
    print(ended.log, ended.rest)
    assert ended.code == 0
