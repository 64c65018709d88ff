"""What a Stack allows holds however it is said, and for what is not known as well."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.errors import Finding, Place
from dpo_ops.kinds.pricing import Cost, Unpriced
from dpo_ops.observer import observe, preflight
from dpo_ops.pairs.prices import prices
from dpo_ops.planner import Action, plan, questions
from dpo_ops.resource import Policy, State, in_account
from tests import wanted
from tests.executor.test_run import ROW, dataset
from tests.planner.test_words import finding, found
from tests.rehearsal import Rehearsal
from tests.wanted import served

if TYPE_CHECKING:
    from pathlib import Path

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


SHAPES = "accounts/fireworks/deploymentShapes"
NAMED = f"{SHAPES}/llama-v3p1-8b-instruct-minimal"
H100, A100 = "NVIDIA_H100_80GB", "NVIDIA_A100_80GB"
AT = {"deploymentShape": Place("s.yaml", 8, 3), "acceleratorType": Place("s.yaml", 7, 3)}
ONLY_A100 = Policy(accelerators=(A100,))


def deployed(policy: Policy, *, record: dict[str, Any] | None = None, **said: Any) -> Plan:
    """Return the plan for a deployment of a base model, over an emulator that may hold one.

    `record` is what that one says, besides what its spec does.
    """
    serve = wanted.make("Deployment", "serve", {"model": wanted.BASE, **said})
    serve = replace(serve, places={path: place for path, place in AT.items() if path in said})
    desired = State({serve.address: serve}, policy=policy)
    with Rehearsal() as rehearsal:
        rehearsal.forget_requests()
        seen = observe(rehearsal.client, desired)
        if record is not None:
            seen = found(desired, {"deployments": [served(serve, **record)]})
        asked = questions(desired, seen)
        answers = preflight(rehearsal.client, asked)
        return plan(desired, seen, answers, prices())


def not_allowed(path: str, gpu: str = H100) -> Finding:
    return Finding(
        AT[path],
        f"{gpu} is not an allowed accelerator",
        f"accelerators in the Stack allows {A100}",
        "name an acceleratorType or a deploymentShape with one of those",
        "accelerator",
    )


def not_known(where: Place) -> Finding:
    return Finding(
        where,
        "which accelerator Deployment/serve would run on is not known",
        f"accelerators in the Stack allows {A100}",
        "name an acceleratorType instead of a deploymentShape",
        "accelerator",
    )


def version_of(shape: str) -> str:
    with Rehearsal() as rehearsal:
        listed = rehearsal.client.get(f"{shape}/versions")
        return str(listed["deploymentShapeVersions"][0]["name"])


@pytest.mark.parametrize("versioned", [False, True])
def test_the_gpu_of_a_shape_that_the_spec_names_is_asked_for(versioned: bool) -> None:
    shape = version_of(NAMED) if versioned else NAMED
    assert finding(deployed(ONLY_A100, deploymentShape=shape)) == not_allowed("deploymentShape")
    free = deployed(Policy(accelerators=("NVIDIA_H*",)), deploymentShape=shape)
    assert not free.blocked
    cost = free.changes[0].cost
    assert isinstance(cost, Cost)
    assert cost.basis.startswith("0 to 1 x 1 H100")


def test_a_gpu_that_the_spec_names_does_not_hide_that_of_the_shape_beside_it() -> None:
    made = deployed(ONLY_A100, deploymentShape=NAMED, acceleratorType=A100)
    assert finding(made).what == f"{H100} is not an allowed accelerator"


@pytest.mark.parametrize("shape", [f"{SHAPES}/nobodys", "default"])
def test_a_gpu_that_nobody_knows_is_refused_where_the_stack_names_those_allowed(shape: str) -> None:
    assert finding(deployed(ONLY_A100, deploymentShape=shape)) == not_known(AT["deploymentShape"])
    both = deployed(ONLY_A100, deploymentShape=shape, acceleratorType=A100)
    assert finding(both).what == not_known(AT["deploymentShape"]).what
    free = deployed(Policy(), deploymentShape=shape)
    assert not free.blocked
    assert isinstance(free.changes[0].cost, Unpriced)


def test_where_nobody_was_asked_what_is_not_known_is_not_refused() -> None:
    serve = wanted.make("Deployment", "serve", {"model": wanted.BASE, "deploymentShape": NAMED})
    desired = State({serve.address: serve}, policy=ONLY_A100)
    assert not plan(desired, found(desired, {}), None).blocked
    known = wanted.make("Deployment", "serve", {"model": wanted.BASE, "acceleratorType": H100})
    desired = State({known.address: known}, policy=ONLY_A100)
    assert plan(desired, found(desired, {}), None).blocked


def test_another_gpu_for_what_stands_must_be_allowed_too() -> None:
    before = {"acceleratorType": "NVIDIA_B200_180GB"}
    made = deployed(ONLY_A100, record=before, acceleratorType=H100)
    assert finding(made) == not_allowed("acceleratorType")
    assert deployed(ONLY_A100, record=before, acceleratorType=A100).changes[0].steps


def test_another_shape_for_what_stands_must_be_allowed_too_and_has_its_cost() -> None:
    before = {
        "deploymentShape": f"{SHAPES}/other/versions/1",
        "acceleratorType": H100,
        "acceleratorCount": 1,
    }
    larger = f"{SHAPES}/qwen3-32b-minimal"
    made = deployed(ONLY_A100, record=before, deploymentShape=larger)
    assert finding(made) == not_allowed("deploymentShape")
    free = deployed(Policy(), record=before, deploymentShape=larger).changes[0]
    assert free.action is Action.UPDATE
    assert isinstance(free.cost, Cost)
    now, _, then = free.cost.basis.partition(", until now ")
    assert "0 to 1 x 2 H100" in now
    assert then.startswith("0 to 1 x 1 H100")
    unknown = {"deploymentShape": f"{SHAPES}/nobodys"}
    made = deployed(ONLY_A100, record=before, **unknown)
    assert finding(made) == not_known(AT["deploymentShape"])
    assert isinstance(deployed(Policy(), record=before, **unknown).changes[0].cost, Unpriced)


def test_what_stands_is_not_refused_for_what_it_runs_on_already() -> None:
    shape = version_of(NAMED)
    before = {"deploymentShape": shape, "acceleratorType": H100, "displayName": "one"}
    made = deployed(ONLY_A100, record=before, deploymentShape=NAMED, displayName="other")
    assert [field.path for field in made.changes[0].fields] == ["displayName"]


def test_nothing_is_asked_of_a_shape_that_stands(tmp_path: Path) -> None:
    data = dataset(tmp_path, "prefs", "".join(ROW % n for n in range(3)))
    job = wanted.job(data)
    desired = wanted.state(data, job, wanted.deployment(job, deploymentShape=NAMED))
    with Rehearsal() as rehearsal:
        assert rehearsal.apply(desired).exit_code == 0
        rehearsal.forget_requests()
        assert rehearsal.plan(desired).in_sync
        assert not [r for r in rehearsal.requests() if "deploymentShape" in r["path"]]
