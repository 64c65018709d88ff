"""A pattern in a Stack that can match no address is a typo, and would protect or accept nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dpo_ops.errors import Finding, Place
from dpo_ops.loader import load

if TYPE_CHECKING:
    from tests.loader.conftest import Find, Write

DATASET = """
    apiVersion: dpo-ops/v1
    kind: Dataset
    metadata: {name: zebra}
    spec: {source: pairs.jsonl}
"""
STACK = "apiVersion: dpo-ops/v1\nkind: Stack\nspec:\n"
WRITE = "write an address, such as Deployment/{}, or a pattern such as Deployment/*"
NO_KIND = "no address begins like that; it would match nothing"
NO_NAME = "names take a-z, 0-9 and -; it would match nothing"
KINDS = "use one of: DPOJob, Dataset, Deployment"


@pytest.mark.parametrize(
    ("pattern", "why", "fix"),
    [
        ("Deploymnt/einstein", NO_KIND, "did you mean Deployment/einstein?"),
        ("deployment/*", NO_KIND, "did you mean Deployment/*?"),
        ("DPO-Job/a", NO_KIND, "did you mean DPOJob/a?"),
        ("Xyz/a", NO_KIND, KINDS),
        ("Stack/default", NO_KIND, KINDS),
        ("Xy*/a", NO_KIND, KINDS),
        ("Deploymnt*", NO_KIND, WRITE.format("einstein")),
        ("einstein", NO_KIND, WRITE.format("einstein")),
        ("Deployment/", NO_NAME, WRITE.format("einstein")),
        ("Deployment/Einstein", NO_NAME, WRITE.format("einstein")),
        ("*/a/b", NO_NAME, WRITE.format("einstein")),
    ],
)
def test_a_pattern_that_can_match_no_address(pattern: str, why: str, fix: str, find: Find) -> None:
    said = json.dumps(pattern)
    accepted = f'{{address: {said}, owner: ann, until: "2027-01-31", reason: x}}'
    stack = (
        f"{STACK}  protected:\n    - Deployment/a\n    - {said}\n"
        f"  drift:\n    accept:\n      - {accepted}\n"
    )
    places = Place("stack.yaml", 6, 7), Place("stack.yaml", 9, 19)
    what = f"{pattern!r} is no address and no pattern of addresses"
    assert find({"stack.yaml": stack, "a.yaml": DATASET}) == tuple(
        Finding(place, what, why, fix, "address") for place in places
    )


@pytest.mark.parametrize(
    "pattern",
    ["Deployment/a", "*", "*/a", "D*/a", "De*", "Dataset*", "*a", "D[aA]t*/x-?", "DPOJob/[!a-c]*"],
)
def test_a_pattern_that_can_match_one(pattern: str, write: Write) -> None:
    folder = write({"stack.yaml": f"{STACK}  protected: [{json.dumps(pattern)}]\n"}, a=DATASET)
    assert load([folder]).state.policy.protected == (pattern,)
