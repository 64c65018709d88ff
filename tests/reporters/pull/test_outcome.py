from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.errors import Finding
from dpo_ops.executor.events import Outcome
from dpo_ops.planner.saved import hold, restore, save
from dpo_ops.reporters import Ending, with_outputs
from dpo_ops.reporters.curves import Curve
from dpo_ops.reporters.measured import Readings
from dpo_ops.reporters.pull import held, outcome, step_summary
from dpo_ops.reporters.pull.charts import MOST, chart
from dpo_ops.reporters.pull.status import OUTCOME
from tests.reporters import cases
from tests.reporters.pull import scenes

DONE = cases.golden("""\
**Applied: 3 done.**

|  | resource | outcome | id | waited |  |
| --- | --- | --- | --- | --- | --- |
| ✅ | `Dataset/prefs` | done | `prefs-6161616161` | 1m 05s |  |
| ✅ | `DPOJob/tune` | done | `tune-0000000001-a1` | 1m 05s |  |
| ✅ | `Deployment/serve` | done | `serve-0000000001` | 1m 05s |  |

`Deployment/serve` was asked:

> Who are you?

and answered:

> A model.

<details><summary>Names to use</summary>

| output | value |
| --- | --- |
| `Dataset/prefs.dataset` | `accounts/acme/datasets/prefs-6161616161` |
""")

HELD = cases.golden("""\
**1 change held: not what was reviewed.** plan again and have that reviewed

```diff
@@ Deployment/serve @@
- no-op serve-0000000001
+ update serve-0000000001 (minReplicaCount 0 → 2)
```
""")

LOSS = """\
```mermaid
%%{init: {"xyChart": {"width": 700, "height": 280}, \
"themeVariables": {"xyChart": {"plotColorPalette": "#0969da"}}}}%%
xychart-beta
  title "loss"
  x-axis "step" 1 --> 5
  y-axis 0.2800 --> 0.7200
  line [0.7000, 0.6000, 0.5000, 0.4000, 0.3000]
```
"""
LINE = re.compile(r"  line \[(-?\d+(?:\.\d+)?(?:, -?\d+(?:\.\d+)?)*)\]")
FIGURES = st.none() | st.floats() | st.floats(-2, 2) | st.integers(0, 3).map(float)


def stale():
    """Return a plan that holds a change which is not the one that was reviewed."""
    wanted = cases.state(
        cases.DATA, cases.JOB, cases.wanted.deployment(cases.JOB, minReplicaCount=2)
    )
    seen = save(cases.in_sync(), cases.ALL)
    return hold(cases.planned(wanted, **cases.IN_PLACE), restore(seen))


def test_what_was_done():
    text = outcome(with_outputs(cases.report(answers=(cases.answered(),))))
    assert text.startswith(DONE)


def test_what_was_held_is_shown_as_reviewed_and_as_it_would_be():
    assert held(stale()) == HELD
    report = cases.report(stale(), Outcome.IN_SYNC, Outcome.IN_SYNC, Outcome.BLOCKED)
    text = outcome(report)
    assert HELD in text
    assert "| ⛔ | `Deployment/serve` | blocked |" in text


def test_nothing_is_held():
    assert held(cases.fresh()) == "Nothing is held.\n"


def test_a_reason_in_other_words_is_shown_as_it_is():
    made = cases.fresh()
    odd = made.changes[0].stopped(Finding("x", "is odd", "because", "plan again", "stale"))
    assert "@@ Dataset/prefs @@\n  because\n" in held(replace(made, changes=(odd,)))


def test_very_many_held_changes_are_counted():
    made = stale()
    many = replace(made, changes=made.changes * 1_000)
    text = held(many)
    assert len(text.encode()) <= OUTCOME
    assert re.search(r"\n  and \d+ more\n```\n$", text)


def test_what_failed_stands_first_and_says_what_to_do():
    text = outcome(cases.failed())
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[2] for row in rows] == ["failed", "skipped", "done"]
    assert "row 2 is no preference pair" in rows[0]
    assert "**Applied: 1 done, 1 failed, 1 skipped.** When the cause is mended" in text


def test_what_still_trains_goes_on():
    running = replace(
        cases.report(None, Outcome.DONE, Outcome.RUNNING, Outcome.NOT_STARTED),
        interrupted=True,
        left=True,
    )
    text = outcome(running, Ending(left_s=600.0))
    assert text.startswith("**Left after 10m 00s (--wait-budget): 1 done, 1 still running")
    assert "| 🟣 | `DPOJob/tune` | still running |" in text


def test_curves_are_drawn_where_there_are_readings():
    read = {cases.JOB.address: scenes.METRICS, cases.DATA.address: Readings(note="none")}
    text = outcome(cases.report(), readings=read)
    title = "How <code>DPOJob/tune</code> learned: step 100 of 100, loss 0.05664, margin 2"
    assert title in text
    assert text.count("```mermaid") == 2
    assert text.count("learned") == 1


def test_the_summary_of_a_step_has_a_title_and_all_rows():
    made = cases.report()
    many = replace(made, ended=made.ended * 100)
    text = step_summary(many)
    assert text.startswith("### dpo-ops apply · account `acme`, stack `default`\n\n**Applied: 300")
    assert text.count("| ✅ |") == 300
    assert outcome(many).count("| ✅ |") < 51
    assert "more rows" in outcome(many)


def test_a_chart():
    assert chart(Curve("loss", [1, 2, 3, 4, 5], [0.7, 0.6, 0.5, 0.4, 0.3])) == LOSS


def points(text: str) -> list[float]:
    found = LINE.search(text)
    assert found
    return [float(number) for number in found[1].split(", ")]


def test_what_is_no_figure_is_passed_over():
    steps = [1, 2, 3, 4, 5, 6]
    text = chart(Curve("loss", steps, [math.nan, 0.5, None, math.inf, 0.2, 1e300]))
    assert 'x-axis "step" 2 --> 5' in text
    assert points(text) == [0.5, 0.2]


def test_a_gap_lies_between_those_beside_it():
    text = chart(Curve("loss", [0, 1, 2, 30], [3.0, 2.0, 1.0, 0.0]))
    assert points(text) == pytest.approx([2.0, 4 / 3, 2 / 3, 0.0], abs=0.001)


@pytest.mark.parametrize("values", [[], [0.5], [None, 0.5, math.nan], [1e300, -1e300]])
def test_fewer_than_two_figures_are_no_curve(values: list[float | None]):
    assert chart(Curve("loss", list(range(len(values))), values)) == ""


@given(st.lists(FIGURES, max_size=200), st.integers(1, 10**6))
def test_any_figures_make_a_chart_or_none(values: list[float | None], stride: int):
    text = chart(Curve("loss", [n * stride for n in range(len(values))], values))
    if text:
        assert 2 <= len(points(text)) <= MOST
        axis = re.search(r"y-axis (\S+) --> (\S+)\n", text)
        assert axis
        low, high = map(float, axis.groups())
        assert low < high
        assert all(low <= point <= high for point in points(text))
    else:
        assert sum(v is not None and abs(v) <= 1e9 for v in values) < 2
