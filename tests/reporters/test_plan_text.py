from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dpo_ops.kinds.pricing import Cost, Per, Unpriced
from dpo_ops.planner import FieldChange, teardown
from dpo_ops.reporters import Style, plan_markdown, plan_text
from dpo_ops.reporters.plan_words import dollars
from dpo_ops.reporters.style import cells, one_line
from tests.reporters import cases
from tests.wanted import served, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.planner import Plan

FRESH = cases.golden(f"""\
  + create    Dataset/prefs     prefs-6161616161
      not in the account
      {cases.fields(0)} (-v shows them)

  + create    DPOJob/tune       tune-0000000001-a1
      not in the account
        dataset accounts/acme/datasets/prefs-6161616161, loraRank 8,
        baseModel accounts/fireworks/models/llama-v3p1-8b-instruct, epochs 1,
        method DPO
      {cases.fields(1)} (-v shows them)

  + create    Deployment/serve  serve-0000000001
      not in the account
        minReplicaCount 0
        deploymentShape: accounts/fireworks/deploymentShapes/llama-minimal
          (pinned)
      {cases.fields(2)} (-v shows them)

chain: Dataset/prefs (create) → DPOJob/tune (create) → Deployment/serve (create)
Plan: 3 to create, 0 to update, 0 to replace, 0 to delete, 0 unchanged.
account acme, stack default
cost: not known (training is charged by the token; replicas are charged by the
      GPU second)
fingerprint:
""")

RETRAINED = cases.golden("""\
  + create    Dataset/prefs     prefs-6262626262
      changed since prefs-6161616161, which is kept

  + create    DPOJob/tune       tune-0000000002-a1
      changed since tune-0000000001-a1, which is kept
        dataset: accounts/acme/datasets/prefs-6161616161
          → accounts/acme/datasets/prefs-6262626262
        trainingConfig.outputModel: accounts/acme/models/tune-0000000001
          → accounts/acme/models/tune-0000000002

  ± replace   Deployment/serve  serve-0000000002
      changed since serve-0000000001, which goes once the new one answers
      then deletes serve-0000000001, once the new one answers
        baseModel: accounts/acme/models/tune-0000000001
          → accounts/acme/models/tune-0000000002
        deploymentShape: accounts/fireworks/deploymentShapes/llama-minimal
          (pinned)

chain: Dataset/prefs (create) → DPOJob/tune (create) →
       Deployment/serve (replace)
Plan: 2 to create, 0 to update, 1 to replace, 0 to delete, 0 unchanged.
""")

SCALED = cases.golden("""\
  ~ update    Deployment/serve  serve-0000000001
      differs in minReplicaCount
        minReplicaCount: 0 → 2

Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 2 unchanged.
account acme, stack default; -v shows what is unchanged
cost: not known (replicas are charged by the GPU second)
fingerprint:
""")

BLOCKED = cases.golden("""\
  ! blocked   DPOJob/tune       tune-0000000001-a1
      spec.yaml:1:1: error: there is no base model
          accounts/fireworks/models/llama-v3p1-8b-instruct · the platform
          answered 404 for it · take a name from the model library
""")

SKIPPED = """\
  ! skipped   DPOJob/tune       tune-0000000001-a1
      blocked: needs Dataset/prefs

  ! skipped   Deployment/serve  serve-0000000001
      blocked: needs Dataset/prefs
"""

ALL = [
    cases.held_up,
    cases.fresh,
    cases.in_sync,
    cases.training,
    cases.retrained,
    cases.scaled,
    cases.blocked,
    cases.removal,
]


@pytest.mark.parametrize(
    ("made", "shown"),
    [(cases.fresh, FRESH), (cases.retrained, RETRAINED), (cases.scaled, SCALED)],
)
def test_a_plan_is_read_from_what_changes_to_what_it_comes_to(made: Callable[[], Plan], shown: str):
    text = plan_text(made())
    assert text.startswith(shown)
    assert text.splitlines()[-1].startswith("  sha256:")


def test_a_blocked_change_shows_its_finding():
    assert BLOCKED in plan_text(cases.blocked())


def test_what_needs_a_blocked_change_is_skipped_and_neither_counted_nor_costed():
    made = cases.held_up()
    text = plan_text(made)
    assert cases.golden(SKIPPED) in text
    assert "Plan: 0 to create, 0 to update, 0 to replace, 0 to delete, 1 blocked, 2" in text
    assert "cost:" not in text
    assert "chain:" not in text
    assert "2 skipped" in " ".join(text.split())
    assert "blocked: needs Dataset/prefs" in plan_markdown(made)
    assert "shapes" not in plan_markdown(made)


def test_every_deployment_that_goes_is_named():
    older = {**served(cases.SERVE), "name": "accounts/-/deployments/serve-0123456789"}
    earlier = {**cases.IN_PLACE, "deployments": [older, served(cases.SERVE)]}
    made = cases.planned(state(cases.DATA_2, cases.JOB_2, cases.SERVE_2), **earlier)
    line = f"then deletes serve-0123456789, {cases.SERVE.id}, once the new one answers"
    for said in (plan_text(made), plan_markdown(made)):
        assert line in " ".join(said.split())


def test_a_field_that_is_new_in_what_is_replaced_is_shown():
    *rest, serve = cases.retrained().changes
    new = FieldChange("placement.region", None, "US_IOWA_1")
    made = replace(cases.retrained(), changes=(*rest, replace(serve, fields=(new,))))
    assert "placement.region: US_IOWA_1 (new)\n" in plan_text(made)
    assert "-v" not in plan_text(made)


def test_times_of_the_server_are_short():
    *rest, serve = cases.fresh().changes
    deleted = replace(serve, reason="deleted at 2026-09-21T14:37:01.5Z; it is restored")
    made = replace(cases.fresh(), changes=(*rest, deleted))
    assert "deleted at 2026-09-21 14:37 UTC; it is restored\n" in plan_text(made)


def test_only_what_can_cost_more_is_given_a_cost():
    *rest, serve = cases.scaled().changes
    made = replace(cases.scaled(), changes=(*rest, replace(serve, fields=())))
    said = [
        "cost: " in plan_text(with_field(made, path, before, after))
        for path, before, after in (
            ("maxReplicaCount", None, 2),
            ("maxReplicaCount", 3, 2),
            ("description", "a", "b"),
            ("enableAddons", False, True),
        )
    ]
    assert said == [True, False, False, False]


def test_in_sync_is_one_line():
    said = "No changes. account acme, stack default: 3 resources as the specs say.\n"
    assert plan_text(cases.in_sync()) == said


def test_a_removal_of_nothing_is_one_line_and_has_no_fingerprint():
    said = plan_text(teardown(cases.ALL, cases.observed()), removal=True)
    assert said == "Nothing to remove. account acme, stack default.\n"
    assert "fingerprint" not in plan_text(cases.removal(), removal=True)


def test_waiting_is_not_called_a_change():
    text = plan_text(cases.training())
    wait = "  > wait      DPOJob/tune       tune-0000000001-a1\n      still training\n"
    assert cases.golden(wait) in text
    assert "1 to create, 0 to update, 0 to replace, 0 to delete, 1 to wait for," in text


def test_a_removal_says_what_goes_and_verbosely_what_stays():
    going = cases.golden("  - delete    Deployment/serve  serve-0000000001\n")
    assert going in plan_text(cases.removal())
    verbose = plan_text(cases.removal(), verbose=True)
    assert "kept: training it again costs money" in verbose


def test_a_removal_names_what_goes_and_not_what_would_be_made():
    earlier = {"datasets": [], "deployments": [served(cases.SERVE)], "dpoJobs": [], "models": []}
    made = teardown(
        state(cases.DATA_2, cases.JOB_2, cases.SERVE_2),
        cases.observed(state(cases.DATA_2, cases.JOB_2, cases.SERVE_2), **earlier),
    )
    text = plan_text(made)
    assert cases.SERVE.id in text
    assert cases.SERVE_2.id not in text


def test_verbose_shows_every_field_and_step():
    text = plan_text(cases.fresh(), verbose=True)
    assert "trainingConfig.epochs: 1" in text
    assert "steps: create, upload, wait datasets/prefs-6161616161" in text
    assert "(-v" not in text


@pytest.mark.parametrize("made", ALL)
@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_line_is_only_too_long_for_a_name_that_stays_whole(
    made: Callable[[], Plan], verbose: bool, width: int
):
    for line in plan_text(made(), Style(width=width), verbose=verbose).splitlines():
        assert cells(line) <= width or len(line.split()) <= 3


@pytest.mark.parametrize("made", ALL)
def test_colour_changes_nothing_but_the_colour(made: Callable[[], Plan]):
    coloured = plan_text(made(), Style(colour=True))
    plain = plan_text(made())
    assert [one_line(line) for line in coloured.splitlines()] == [
        one_line(line) for line in plain.splitlines()
    ]
    assert "\x1b[" in coloured
    assert "\x1b" not in plain


def test_words_of_a_spec_cannot_act_on_the_terminal():
    made = cases.scaled()
    text = plan_text(with_field(made, "description", cases.HOSTILE, "x\u202ey"))
    assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(text)
    assert '"a\\u001b[31mb' in text  # Quoted: what can't be seen is at least not hidden.


def test_long_texts_show_where_they_differ():
    start = "You are a helpful assistant. " * 20
    text = plan_text(with_field(cases.scaled(), "prompt", start + "Be brief.", start + "Be kind."))
    assert "Be brief." in text
    assert "Be kind." in text
    assert text.count("helpful") <= 4


def test_a_very_long_value_is_cut_between_words_and_says_so():
    text = plan_text(with_field(cases.scaled(), "prompt", None, "word " * 399 + "end"))
    assert "word … (1,998 characters)" in " ".join(text.split())
    assert text.count("word") < 60


def test_wide_letters_take_two_columns():
    text = plan_text(with_field(cases.scaled(), "prompt", None, "偏好" * 60))
    assert all(cells(line) <= 80 for line in text.splitlines())


def test_a_secret_is_only_named():
    made = with_field(cases.scaled(), "apiKey", None, {"secretRef": {"env": "WANDB_API_KEY"}})
    assert "apiKey: (secret from $WANDB_API_KEY)" in plan_text(made)


def test_a_secret_is_masked_before_a_line_is_broken():
    words = "correct horse battery staple"
    style = Style(width=40, mask=lambda text: text.replace(words, "***"))
    text = plan_text(with_field(cases.scaled(), "prompt", None, f"xxxxxxxxxx {words}"), style)
    assert "***" in text
    assert "horse" not in text
    assert "staple" not in text


def test_known_and_unknown_costs_are_not_added_up():
    made = cases.fresh()
    data, job, serve = made.changes
    train = Cost(7.0, 13.0, Per.JOB, "1 token")
    hourly = Cost(0.0, 8.0, Per.HOUR, "0 to 1 GPU")
    known = with_costs(made, train, hourly)
    assert "cost: training $7.00 to $13.00\n      serving an hour $0.00 to $8.00" in known
    assert "      cost: $7.00 to $13.00: 1 token\n" in known
    assert "      cost: $0.00 to $8.00 an hour: 0 to 1 GPU\n" in known
    unknown = with_costs(made, train, Unpriced("no such GPU", Per.HOUR))
    assert "cost: training $7.00 to $13.00\n      serving an hour not known\n" in unknown
    assert "      cost: not known: no such GPU\n" in unknown
    twice = replace(made, changes=(data, job, replace(job, cost=train), serve))
    assert "not known (training is charged by the token" in plan_text(twice)


@pytest.mark.parametrize(
    ("amount", "said"),
    [(0, "$0.00"), (0.004, "under $0.01"), (0.01, "$0.01"), (1e6, "$1,000,000.00")],
)
def test_a_sum_that_is_not_nothing_is_never_said_to_be(amount: float, said: str):
    assert dollars(amount) == said


def with_costs(made: Plan, train: Cost | Unpriced, serving: Cost | Unpriced) -> str:
    data, job, serve = made.changes
    priced = (data, replace(job, cost=train), replace(serve, cost=serving))
    return plan_text(replace(made, changes=priced))


def with_field(made: Plan, path: str, before: object, after: object) -> Plan:
    """Return the plan with one field more in its last change, which has a value before."""
    *rest, last = made.changes
    fields = (*last.fields, FieldChange(path, before, after))
    return replace(made, changes=(*rest, replace(last, fields=fields)))
