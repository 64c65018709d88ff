"""Documents held against the schema alone: without data, without each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dpo_ops.errors import Place
from dpo_ops.loader.alone import check_alone

if TYPE_CHECKING:
    from tests.loader.conftest import Write

HEAD = "apiVersion: dpo-ops/v1\nkind: {}\nmetadata: {{name: a}}\nspec:\n"
JOB = HEAD.format("DPOJob") + "  dataset: elsewhere\n"
STACK = HEAD.format("Stack")


def test_data_references_and_defaults_are_not_asked_for(write: Write) -> None:
    dataset = HEAD.format("Dataset") + "  source: missing.jsonl\n"
    folder = write({"a.yaml": f"{JOB}---\n{dataset}"})
    assert check_alone([folder]) == (("a.yaml",), 2, ())


def test_what_is_wrong_has_its_place(write: Write) -> None:
    folder = write({"a.yaml": JOB + "  trainingConfig:\n    epoch: 1\n    loraRank: many\n"})
    _, _, findings = check_alone([folder / "a.yaml"])
    assert [finding.where for finding in findings] == [
        Place("a.yaml", 7, 5),
        Place("a.yaml", 8, 15),
    ]


def test_a_template_may_be_anything(write: Write) -> None:
    text = JOB.replace("name: a", "name: '{{ values.name }}'")
    text += "  protect: '{{ values.protect }}'\n  nonsense: '{{ values.x }}'\n"
    folder = write({"a.yaml": text})
    _, _, [finding] = check_alone([folder / "a.yaml"])
    assert finding.where == Place("a.yaml", 7, 3)


def test_the_defaults_of_a_stack_are_held_against_their_kind(write: Write) -> None:
    folder = write({"a.yaml": STACK + "  defaults:\n    DPOJob:\n      trainer: nobody\n"})
    _, _, [finding] = check_alone([folder / "a.yaml"])
    assert finding.where == Place("a.yaml", 7, 16)


def test_what_is_not_ours_is_passed_over(write: Write) -> None:
    other = "apiVersion: apps/v1\nkind: Deployment\n"
    folder = write({"a.yaml": other, "b.yaml": "x: !Ref y\n", "c.yaml": f"{other}---\n{JOB}"})
    found = check_alone([folder / "a.yaml", folder / "b.yaml", folder / "c.yaml"])
    assert found == (("c.yaml",), 1, ())


def test_a_version_that_does_not_exist_yet_is_ours(write: Write) -> None:
    folder = write({"a.yaml": JOB.replace("v1", "v2")})
    _, _, [finding] = check_alone([folder / "a.yaml"])
    assert finding.where == Place("a.yaml", 1, 13)
