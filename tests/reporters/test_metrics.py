from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpo_ops.reporters import Readings, Style, json_text, read_metrics
from dpo_ops.reporters.measured import KNOWN, Reading
from dpo_ops.reporters.metrics import (
    MOST,
    Metrics,
    metrics_csv,
    metrics_document,
    metrics_markdown,
    metrics_svg,
    metrics_text,
    some,
)
from dpo_ops.reporters.style import cells
from dpo_ops.resource import Health
from dpo_ops.trainers import Measured
from tests.reporters import cases

# No deadline: a busy machine is no failure.
EASY = settings(deadline=None, max_examples=60)
figures = st.none() | st.floats()
measured = st.builds(
    Measured,
    st.integers(1, 10**6),
    st.integers(0, 10**6),
    *[figures] * 7,
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
)
rows = st.dictionaries(st.sampled_from(sorted(KNOWN)) | st.text(max_size=9), values, max_size=8)


def lines(*said: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in said).encode()


def metrics(*said: Any, health: Health = Health.IN_PROGRESS, state: str = "training") -> Metrics:
    return Metrics("DPOJob/tune", "accounts/a/dpoJobs/t", health, state, read_metrics(lines(*said)))


def steps(count: int) -> Metrics:
    said = [
        Measured(n, count, loss=0.7 / n, margin=0.1 * n, accuracy=0.5, learning_rate=1e-5)
        for n in range(1, count + 1)
    ]
    return metrics(*(one.to_row() for one in said))


# What is read


@settings(EASY, max_examples=30)
@given(st.binary(max_size=300) | st.lists(rows, max_size=6).map(lambda said: lines(*said)))
def test_no_file_is_a_crash(data: bytes):
    found = Metrics("x", "y", Health.UNKNOWN, "", read_metrics(data))
    measured = found.readings.steps
    assert [one.step for one in measured] == sorted({one.step for one in measured})
    assert found.readings.skipped + len(measured) <= data.count(b"\n") + 1
    for whole in (True, False):
        text = metrics_text(found, whole=whole, curves=True)
        metrics_markdown(found, whole=whole)
        assert text
    assert json.loads(json_text(metrics_document(found)))["version"] == 1
    metrics_csv(found)
    metrics_svg(found)


@EASY
@given(measured)
def test_what_a_trainer_writes_is_read_as_it_was(said: Measured):
    (read,) = read_metrics(lines(said.to_row())).rows
    assert read == Reading(Measured.from_row(said.to_row()))


def test_the_keys_of_the_open_recipe_are_known():
    recipe = {
        "step": 3,
        "train/step": 3,
        "train/epoch": 1,
        "train/loss": 0.6,
        "train/dpo_loss": 0.5,
        "train/margin": 0.2,
        "train/accuracy": 0.75,
        "train/lr": 1e-5,
        "train/tokens_per_sec": 900,
        "train/step_time_sec": 2.5,
        "train/step_tokens": 2250,
        "train/grad_norm": 1.5,
    }
    (row,) = read_metrics(lines(recipe)).rows
    assert row.measured == Measured(3, 0, 1.0, 0.6, 0.2, 0.75, 1e-5, 900.0, 2.5)
    assert row.others == {"train/step_tokens": 2250, "train/grad_norm": 1.5}


@pytest.mark.parametrize(
    "row",
    [
        {"step": 2, "dpo_loss": 0.6, "margin": 0.1, "accuracy": 0.5, "lr": 1e-5},
        {"type": "metrics", "step": 2, "loss": 0.6, "margin": 0.1, "accuracy": 0.5},
        {"global_step": 2, "loss": 0.6, "rewards/margins": 0.1, "rewards/accuracies": 0.5},
        {"step": 2.0, "train/loss": None, "loss": 0.6, "margin": 0.1, "accuracy": 0.5},
    ],
)
def test_other_names_are_known_too(row: dict[str, Any]):
    (one,) = read_metrics(lines(row)).steps
    assert (one.step, one.loss, one.margin, one.accuracy) == (2, 0.6, 0.1, 0.5)


def test_what_is_not_finite_is_not_known():
    data = b'{"step": 1, "loss": NaN, "margin": Infinity, "accuracy": 1e999}\n'
    (one,) = read_metrics(data).steps
    assert (one.loss, one.margin, one.accuracy) == (None, None, None)


def test_what_is_no_step_is_counted():
    data = (
        lines([1], "x", None, 7, {"tokens": ["a"]}, {"step": 1}, {"loss": "low"}) + b"no JSON\n\n"
    )
    assert read_metrics(data) == Readings(skipped=8)


def test_a_line_that_is_being_written_is_not_counted():
    assert read_metrics(lines({"step": 1, "loss": 1}) + b'{"step": 2, "lo').skipped == 0
    assert len(read_metrics(b'{"step": 1, "loss": 1}').rows) == 1


def test_a_step_that_is_gone_over_again_counts_as_it_was_last():
    said = [{"step": n, "loss": loss} for n, loss in ((1, 0.9), (2, 0.8), (3, 0.7), (2, 0.6))]
    assert [(one.step, one.loss) for one in read_metrics(lines(*said)).steps] == [
        (1, 0.9),
        (2, 0.6),
        (3, 0.7),
    ]


def test_rows_without_a_step_are_counted_on():
    read = read_metrics(lines({"loss": 3}, {"loss": 2, "step": 7}, {"loss": 1}))
    assert [one.step for one in read.steps] == [1, 7, 8]


def test_a_note_is_no_step():
    read = read_metrics(lines({"note": "no model was trained"}))
    assert (read.note, read.skipped, read.rows) == ("no model was trained", 0, ())


@pytest.mark.parametrize("step", [-1, 10**13, True, "4", math.pi * 1e300])
def test_a_step_that_can_not_be_one_is_not_believed(step: Any):
    assert read_metrics(lines({"step": step, "loss": 1})).steps[0].step == 1


# What is shown


@EASY
@given(st.integers(0, 500), st.integers(2, 30))
def test_a_thinned_table_has_its_ends(count: int, most: int):
    said = [Measured(n, count) for n in range(count)]
    shown = some(said, most)
    assert len(shown) == min(count, most)
    assert [one.step for one in shown] == sorted({one.step for one in shown})
    assert shown[:1] == said[:1]
    assert shown[-1:] == said[-1:]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("count", [1, 20, 21, 3000])
def test_nothing_is_wider_than_the_screen(width: int, count: int):
    text = metrics_text(steps(count), Style(width=width), curves=True)
    assert max(cells(line) for line in text.splitlines()) <= width


def test_a_table_shows_what_was_measured():
    assert metrics_text(steps(2)) == (
        " step       loss     margin   accuracy       rate\n"
        "    1     0.7000     0.1000     0.5000  1.000e-05\n"
        "    2     0.3500     0.2000     0.5000  1.000e-05\n"
        "\n"
        "DPOJob/tune: step 2 of 2, loss 0.35, margin 0.2, accuracy 0.5; training\n"
    )


def test_a_long_table_says_that_it_is_thinned():
    text = metrics_text(steps(100))
    assert text.count("\n") == 1 + MOST + 1 + 2
    assert "20 of 100 steps are shown, --all shows each" in " ".join(text.split())
    assert metrics_text(steps(100), whole=True).count("\n") == 1 + 100 + 1 + 1


def test_what_is_no_step_is_told():
    text = metrics_text(metrics({"step": 1, "loss": 1}, "x", "y"))
    assert "2 lines of the file are no steps" in text


def test_a_note_is_shown_in_place_of_a_table():
    text = metrics_text(metrics({"note": "stand-in"}, health=Health.CURRENT, state="completed"))
    assert text == "stand-in\nDPOJob/tune: completed\n"


def test_text_from_outside_acts_on_no_screen_and_no_page():
    found = metrics({"note": cases.HOSTILE}, state=cases.HOSTILE)
    assert not {"\x1b", "\x9b", "\u202e", "\r"} & set(metrics_text(found))
    assert "<img" not in metrics_markdown(found)


def test_markdown_has_the_table_and_the_curves():
    said = metrics_markdown(steps(3))
    assert "| step | loss | margin | accuracy | rate |" in said
    assert "| loss | `█▃▁` |" in said


def test_rows_for_a_spreadsheet_keep_what_is_not_known_here():
    found = metrics({"step": 1, "loss": 0.5, "grad": 2}, {"step": 2, "who": "=1+1", "loss": 0.25})
    assert metrics_csv(found) == (
        "step,steps,epoch,loss,margin,accuracy,learningRate,tokensPerSecond,seconds,grad,who\n"
        "1,,,0.5,,,,,,2,\n"
        "2,,,0.25,,,,,,,'=1+1\n"
    )


def test_a_document_holds_every_step():
    made = metrics_document(steps(100))
    assert len(made["steps"]) == 100
    assert made["steps"][0] == {
        "step": 1,
        "steps": 100,
        "epoch": None,
        "loss": 0.7,
        "margin": 0.1,
        "accuracy": 0.5,
        "learningRate": 1e-05,
        "tokensPerSecond": None,
        "seconds": None,
        "others": {},
    }
