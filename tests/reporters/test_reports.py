from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from dpo_ops.executor.events import Outcome
from dpo_ops.planner import Action
from dpo_ops.reporters import (
    Ending,
    Style,
    elapsed,
    outputs_of,
    outputs_text,
    report_document,
    report_markdown,
    report_text,
    status_of,
    status_text,
    with_outputs,
)
from dpo_ops.reporters.outputs import missing_text
from tests.reporters import cases
from tests.wanted import job_record

DONE = cases.golden("""\
  done            1m 05s  Dataset/prefs     prefs-6161616161
  done            1m 05s  DPOJob/tune       tune-0000000001-a1
  done            1m 05s  Deployment/serve  serve-0000000001

Deployment/serve answers:
  > Who are you?
  < A model.

Dataset/prefs
  dataset       accounts/acme/datasets/prefs-6161616161
  sha256        6161616161616161616161616161616161616161616161616161616161616161

DPOJob/tune
  model         accounts/acme/models/tune-0000000001
  job           accounts/acme/dpoJobs/tune-0000000001-a1

Deployment/serve
  deployment    accounts/acme/deployments/serve-0000000001
  serves        accounts/acme/models/tune-0000000001
  requestModel  accounts/acme/deployments/serve-0000000001

Applied: 3 done.
""")

FAILED = cases.golden("""\
  done            1m 05s  Dataset/prefs     prefs-6161616161
  failed          1m 05s  DPOJob/tune       tune-0000000001-a1
      row 2 is no preference pair
  skipped                 Deployment/serve  serve-0000000001
      because DPOJob/tune did not succeed

Applied: 1 done, 1 failed, 1 skipped.
When the cause is mended, run the same command again: nothing is done twice.
""")

STATUS = cases.golden("""\
Current      Dataset/prefs
             prefs-6161616161 · ready
Current      DPOJob/tune       since 2026-11-23 10:20 UTC
             tune-0000000001-a1 · model tune-0000000001 is ready
Current      Deployment/serve
             serve-0000000001 · ready

3 of 3 resources in place; account acme, stack default
""")


def test_done_shows_the_answer_and_the_names_to_use():
    assert report_text(with_outputs(cases.report(answers=(cases.answered(),)))) == DONE


def test_a_failure_says_what_was_skipped_because_of_it():
    assert report_text(cases.failed()) == FAILED


def test_still_running_says_how_to_carry_on():
    outcomes = (Outcome.DONE, Outcome.RUNNING, Outcome.NOT_STARTED)
    text = report_text(cases.report(None, *outcomes, interrupted=True))
    assert "Interrupted: 1 done, 1 still running, 1 not started." in text
    assert "run the same\ncommand again: nothing is done twice." in text


def test_a_wait_that_was_long_enough_is_no_interruption():
    outcomes = (Outcome.DONE, Outcome.RUNNING, Outcome.NOT_STARTED)
    made = cases.report(None, *outcomes, interrupted=True)
    text = report_text(made, ending=Ending(left_s=3000.0))
    assert "\nLeft after 50m 00s (--wait-budget): 1 done, 1 still running, 1 not started.\n" in text
    assert "\n      its turn did not come\n" in text


def test_a_cause_that_all_share_is_said_once():
    outcomes = (Outcome.DONE, Outcome.RUNNING, Outcome.NOT_STARTED)
    made = cases.report(None, *outcomes, interrupted=True)
    refused = "the key was refused (401)"
    made = replace(made, ended=tuple(replace(end, message=refused) for end in made.ended))
    text = report_text(made, ending=Ending(cause=refused))
    assert "Stopped: 1 done, 1 still running, 1 not started.\nthe key was refused (401)\n" in text
    assert text.count(refused) == 1


def test_what_the_next_apply_does_about_a_failed_job_is_said():
    again = cases.planned(
        datasets=cases.IN_PLACE["datasets"], dpoJobs=[job_record(cases.JOB, 1, "FAILED")]
    )
    text = report_text(cases.failed(), ending=Ending(ahead=again))
    line = f"The next apply makes and pays for another attempt: {cases.JOB.id}-a2.\n"
    assert text.endswith(f"\nApplied: 1 done, 1 failed, 1 skipped.\n{line}")
    data, job, serve = again.changes
    blocked = replace(job, action=Action.NO_OP, steps=(), blocked=(cases.ERROR,))
    said = report_text(
        cases.failed(), ending=Ending(ahead=replace(again, changes=(data, blocked, serve)))
    )
    assert said.endswith("\nDPOJob/tune stays blocked: no such model · name another.\n")


def test_what_can_never_succeed_is_not_to_be_tried_again():
    text = report_text(cases.failed(), ending=Ending(hopeless=True))
    assert text.endswith("\nApplied: 1 done, 1 failed, 1 skipped.\n")


def test_a_removal_is_told_in_its_own_words():
    outcomes = (Outcome.DONE, Outcome.IN_SYNC, Outcome.IN_SYNC)
    removal = Ending(removal=True)
    made = cases.report(cases.removal(), *outcomes)
    assert report_text(made, ending=removal).endswith("\nRemoved: 1, 2 unchanged.\n")
    assert report_markdown(made, ending=removal).startswith("### dpo-ops destroy · ")
    made = cases.report(cases.removal(), *(Outcome.IN_SYNC,) * 3)
    assert report_text(made, ending=removal) == "Nothing to remove: 3 unchanged.\n"


def test_waits_are_rounded_in_json():
    made = cases.report()
    made = replace(made, ended=tuple(replace(end, waited=1 / 3) for end in made.ended))
    assert {end["waited"] for end in report_document(made)["results"]} == {0.3}


def test_nothing_to_do_is_said_in_a_line():
    outcomes = (Outcome.IN_SYNC,) * 3
    assert report_text(cases.report(cases.in_sync(), *outcomes)) == "Nothing to do: 3 unchanged.\n"


def test_the_new_model_can_be_asked_with_a_shell():
    answer = replace(cases.answered(), prompt="What's $HOME; `id`?")
    made = with_outputs(cases.report(answers=(answer,)))
    text = report_text(made, base_url="https://api.fireworks.ai")
    command = text[text.index("  curl") : text.index("\n\nApplied")].replace("\\\n", "")
    words = shlex.split(command)
    assert words[:2] == ["curl", "https://api.fireworks.ai/inference/v1/chat/completions"]
    assert '"content": "What\'s $HOME; `id`?"' in words[-1]
    assert f"accounts/acme/deployments/{cases.SERVE.id}" in words[-1]


def test_what_was_not_made_has_no_outputs():
    made = with_outputs(cases.failed())
    assert list(made.outputs) == ["Dataset/prefs"]


def test_what_was_removed_has_no_outputs():
    outcomes = (Outcome.DONE, Outcome.IN_SYNC, Outcome.IN_SYNC)
    made = with_outputs(cases.report(cases.removal(), *outcomes))
    assert set(made.outputs) == {"DPOJob/tune", "Dataset/prefs"}


def test_an_answer_cannot_act_on_the_terminal_or_look_like_ours():
    text = report_text(cases.report(answers=(cases.answered(cases.HOSTILE + "\nApplied: 9."),)))
    assert not {"\x1b", "\x9b", "\r", "\u202e"} & set(text)
    assert "\nApplied: 9" not in text


def test_markdown_shows_the_same():
    text = report_markdown(with_outputs(cases.failed()))
    assert "**Applied: 1 done, 1 failed, 1 skipped.** When the cause is mended" in text
    row = "| `DPOJob/tune` | failed | `tune-0000000001-a1` | 1m 05s | row 2 is"
    assert cases.golden(row) in text


def test_status_is_in_the_order_of_making():
    assert status_text(status_of(cases.ALL, cases.observed(**cases.IN_PLACE))) == STATUS


def test_status_of_nothing():
    text = status_text(status_of(cases.ALL, cases.observed()), Style(width=40))
    assert "NotFound     Deployment/serve\n             not in the account\n" in text
    assert "0 of 3 resources in place" in text


def test_outputs_are_one_line_each():
    found = outputs_of(cases.ALL, cases.observed(**cases.IN_PLACE))
    lines = outputs_text(found).splitlines()
    assert f"Deployment/serve.requestModel = accounts/acme/deployments/{cases.SERVE.id}" in lines
    assert not missing_text(found)


def test_what_is_not_in_place_has_no_outputs_but_a_reason():
    found = outputs_of(cases.ALL, cases.observed(datasets=cases.IN_PLACE["datasets"]))
    assert list(found.values) == ["Dataset/prefs"]
    assert "no outputs of Deployment/serve yet: not in the account\n" in missing_text(found)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0s"), (59.9, "59s"), (185, "3m 05s"), (7800, "2h 10m")]
)
def test_times_are_short(seconds: float, text: str):
    assert elapsed(seconds) == text
