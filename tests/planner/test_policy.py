"""What a Stack allows holds however it is said, and for what is not known as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dpo_ops.planner import plan
from dpo_ops.resource import Policy, State, in_account
from tests import wanted
from tests.planner.test_words import finding, found

if TYPE_CHECKING:
    from dpo_ops.planner import Plan

OWN = "accounts/acme/models/ours"


def serving_own(*base_models: str) -> Plan:
    """Return the plan for a deployment of a model of the account itself, named in full."""
    serve = wanted.make("Deployment", "serve", {"model": OWN})
    desired = State({serve.address: serve}, policy=Policy(base_models=base_models))
    wants = in_account(desired, "acme")
    return plan(wants, found(wants, {}), {})


@pytest.mark.parametrize("pattern", [OWN, "accounts/acme/models/*", "accounts/ac*/models/o*"])
def test_a_model_of_ones_own_is_allowed_by_its_full_name(pattern: str) -> None:
    assert not serving_own("accounts/fireworks/models/*", pattern).blocked


def test_a_model_of_ones_own_is_allowed_in_whatever_account_that_is() -> None:
    assert not serving_own("accounts/-/models/*").blocked


def test_a_model_of_ones_own_is_called_in_a_finding_as_its_spec_does() -> None:
    only = finding(serving_own("accounts/fireworks/models/*"))
    assert only.what == f"{OWN} is not an allowed base model"
