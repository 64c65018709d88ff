from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from dpo_ops.executor.events import Outcome
from dpo_ops.planner import Action
from dpo_ops.planner.approval import STALE
from dpo_ops.reporters import (
    Carry,
    Ending,
    Hint,
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


LEFT = (Outcome.DONE, Outcome.RUNNING, Outcome.NOT_STARTED)
CARRY = Carry(Hint("run this (nothing is done twice)", "dpo-ops apply 'my specs' --no-wait"))


def test_still_running_says_what_runs_and_how_to_carry_on():
    made = cases.report(None, *LEFT, interrupted=True)
    text = report_text(made)
    assert "Interrupted: 1 done, 1 still running, 1 not started.\n" in text
    assert "\nDPOJob/tune goes on without us (training).\nTo carry on, run the same" in text
    text = report_text(made, ending=Ending(carry=CARRY))
    assert text.endswith(
        "\nTo carry on, run this (nothing is done twice):\n  dpo-ops apply 'my specs' --no-wait\n"
    )


def test_a_command_that_is_long_is_continued_and_can_be_copied():
    words = [
        "dpo-ops",
        "apply",
        "specs of mine/",
        *(w for n in range(9) for w in ("--values", f"{n:08}.yaml")),
    ]
    carry = Carry(Hint("run this", shlex.join(words)))
    made = cases.report(None, *LEFT, interrupted=True)
    text = report_text(made, ending=Ending(carry=carry))
    assert max(map(len, text.splitlines())) <= 80
    assert shlex.split(text.partition("run this:\n")[2].replace("\\\n", "")) == words


def test_many_that_run_are_not_all_named():
    made = cases.report(None, *(Outcome.RUNNING,) * 3, interrupted=True)
    made = replace(made, ended=made.ended * 3)
    (said, _) = report_document(made)["next"]
    assert said["said"].endswith("(training); and 6 more.")
    assert len(report_document(made)["running"]) == 9


ENDINGS = {
    "left": (LEFT, {"interrupted": True}, Ending(left_s=60.0, carry=CARRY)),
    "not waited for": (LEFT, {"interrupted": True}, Ending(unwaited=True, carry=CARRY)),
    "a round": (LEFT, {"interrupted": True}, Ending(unwaited=True, rounds=True)),
    "a cause": (LEFT, {"interrupted": True}, Ending(cause="the key was refused (401)")),
    "failed": ((Outcome.DONE, Outcome.FAILED, Outcome.SKIPPED), {}, Ending(carry=CARRY)),
    "all done": ((Outcome.DONE,) * 3, {}, Ending()),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_text_markdown_and_json_say_the_same_of_how_it_goes_on(name: str):
    outcomes, said, ending = ENDINGS[name]
    made = cases.report(None, *outcomes, **said)
    document = report_document(made, ending)
    text = " ".join(report_text(made, ending=ending).split())
    markdown = report_markdown(made, ending=ending).replace("\\", "")
    assert bool(document["next"]) == (name != "all done")
    for hint in ({"said": document["summary"], "command": None}, *document["next"]):
        for part in filter(None, (hint["said"], hint["command"])):
            assert part in text
            assert part in markdown
    for running in document["running"]:
        assert f"{running['address']} goes on without us ({running['state']})" in text
        assert running["id"] in text
    for result in document["results"]:
        assert result["message"] in text
        assert result["message"] in markdown


def test_all_that_blocks_is_said():
    other = replace(cases.ERROR, what="is too dear", why="it costs $9", fix="raise maxCost")
    held = cases.held_up()
    data, *rest = held.changes
    held = replace(held, changes=(replace(data, blocked=(cases.ERROR, other)), *rest))
    made = cases.report(held, Outcome.BLOCKED, Outcome.SKIPPED, Outcome.SKIPPED)
    text = report_text(made)
    assert f"\n      {cases.ERROR}\n      {other}\n" in text
    first = report_document(made)["results"][0]
    assert [finding["what"] for finding in first["findings"]] == ["is wrong", "is too dear"]


def test_a_wait_that_was_long_enough_is_no_interruption():
    made = cases.report(None, *LEFT, interrupted=True)
    text = report_text(made, ending=Ending(left_s=3000.0))
    assert "\nLeft after 50m 00s (--wait-budget): 1 done, 1 still running, 1 not started.\n" in text
    assert "\n      its turn did not come\n" in text
    assert "\nLeft (--no-wait): 1 done," in report_text(made, ending=Ending(unwaited=True))


def test_a_cause_that_all_share_is_said_once():
    made = cases.report(None, *LEFT, interrupted=True)
    refused = "the key was refused (401)"
    text = report_text(made, ending=Ending(cause=refused))
    assert "Stopped: 1 done, 1 still running, 1 not started.\nthe key was refused (401)\n" in text
    assert text.count(refused) == 1


def test_what_the_next_apply_does_about_a_failed_job_is_said():
    again = cases.planned(
        datasets=cases.IN_PLACE["datasets"], dpoJobs=[job_record(cases.JOB, 1, "FAILED")]
    )
    text = report_text(cases.failed(), ending=Ending(ahead=again, carry=CARRY))
    line = f"The next apply makes and pays for another attempt: {cases.JOB.id}-a2.\n"
    assert f"\nApplied: 1 done, 1 failed, 1 skipped.\n{line}To have that done, run this" in text
    assert "is mended" not in text
    data, job, serve = again.changes
    blocked = replace(job, action=Action.NO_OP, steps=(), blocked=(cases.ERROR,) * 2)
    ahead = Ending(ahead=replace(again, changes=(data, blocked, serve)))
    said = report_text(cases.failed(), ending=ahead)
    reasons = " · ".join(("no such model · name another",) * 2)
    assert f"DPOJob/tune stays blocked: {reasons}." in " ".join(said.split())
    assert "To have that done" not in said


def test_what_was_approved_by_a_plan_is_not_tried_again_as_something_else():
    """A saved plan that would hold the next attempt says so, and how to make another plan."""
    again = cases.planned(
        datasets=cases.IN_PLACE["datasets"], dpoJobs=[job_record(cases.JOB, 1, "FAILED")]
    )
    data, job, serve = again.changes
    stale = replace(cases.ERROR, rule=STALE)
    ahead = replace(again, changes=(data, job.stopped(stale), serve))
    anew = Hint("make one", "dpo-ops plan --out release.plan")
    text = report_text(cases.failed(), ending=Ending(ahead=ahead, carry=Carry(CARRY.again, anew)))
    assert text.endswith(
        "\nDPOJob/tune stays blocked: no such model · name another.\n"
        "What is held needs a new plan: make one:\n  dpo-ops plan --out release.plan\n"
    )


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
