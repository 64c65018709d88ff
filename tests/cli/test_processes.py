"""The tool as a process: signals, terminals, a served emulator."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import pytest

from tests.cli.conftest import FAST, Run, command, environment, spawned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("specs")
SLOW = ("--emulator", "--emulator-speed", "1", "--auto-approve")


def until(stream: IO[bytes], text: bytes) -> bytes:
    """Read lines until one holds `text`, and return them all."""
    seen = b""
    for line in iter(stream.readline, b""):
        seen += line
        if text in line:
            return seen
    raise AssertionError(seen.decode())


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_a_signal_stops_in_order_and_the_next_run_carries_on(run: Run, number: signal.Signals):
    with started("apply", *SLOW, "--format", "json") as process:
        assert process.stderr
        assert process.stdout
        until(process.stderr, b"DPOJob/assistant-tune: starting")
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 3
    assert b"Stopping: nothing new is begun." in err
    assert b"Traceback" not in err
    report = json.loads(out)
    assert report["interrupted"] is True
    assert [r["outcome"] for r in report["results"]] == ["done", "still-running", "not-started"]
    assert [r["address"] for r in report["running"]] == ["DPOJob/assistant-tune"]
    assert report["running"][0]["state"] == "starting the trainer"
    command = shlex.split(report["next"][-1]["command"])
    assert command == ["dpo-ops", "apply", *SLOW, "--format", "json"]
    assert run(*command[1:-2], "--emulator-speed", "20000").code == 0
    names = run("outputs", *FAST, "--format", "json").document("outputs")["outputs"]
    assert names["DPOJob/assistant-tune"]["job"].endswith("-a1")


def test_a_second_signal_leaves_at_once():
    with started("apply", *SLOW) as process:
        assert process.stderr
        until(process.stderr, b"DPOJob/assistant-tune: starting")
        # Both before the first can be heeded, so that the second finds it still at work.
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert b"Traceback" not in err


@pytest.mark.long  # Each day such kills are in tests/laws.
def test_killed_and_run_again_there_is_one_paid_job(run: Run):
    with started("apply", *SLOW) as process:
        assert process.stderr
        until(process.stderr, b"DPOJob/assistant-tune: starting")
        process.kill()
        process.communicate()
    assert run("apply", *FAST, "--auto-approve").code == 0
    names = run("outputs", *FAST, "--format", "json").document("outputs")["outputs"]
    assert names["DPOJob/assistant-tune"]["job"].endswith("-a1")


def test_standard_output_is_one_document_and_nothing_else():
    made = spawned("apply", *FAST, "--auto-approve", "--format", "json")
    assert made.code == 0
    assert json.loads(made.out)["exitCode"] == 0
    assert "created" in made.err


def test_the_reader_of_the_progress_may_leave():
    """Nobody reads standard error any more, and the release is finished all the same."""
    with started("apply", *FAST, "--auto-approve") as process:
        assert process.stderr
        assert process.stdout
        until(process.stderr, b"Dataset/assistant: creating")
        process.stderr.close()
        out = process.stdout.read()
        assert process.wait(20) == 0
    assert out.endswith(b"Applied: 3 done.\n")


def test_a_served_emulator_answers_the_same_specs():
    serve = ("emulator", "serve", "--port", "0", "--data", "served", "--time-scale", "20000")
    with started(*serve, "--api-key", "fw-served") as server:
        assert server.stdout
        line = server.stdout.readline().decode()
        assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+\n", line)
        there = {
            "FIREWORKS_BASE_URL": line.split()[-1],
            "FIREWORKS_API_KEY": "fw-served",
            "FIREWORKS_ACCOUNT_ID": "emulator",
        }
        assert spawned("plan", **there).code == 2
        wrong = spawned("plan", **{**there, "FIREWORKS_API_KEY": "fw-wrong"})
        assert wrong.code == 1
        assert "fw-wrong" not in wrong.err
        server.send_signal(signal.SIGTERM)
        _, err = server.communicate(timeout=20)
    assert server.returncode == 0
    assert b"Traceback" not in err


def test_a_port_that_is_taken_is_an_error_in_words():
    with started("emulator", "serve", "--port", "0", "--data", "one") as server:
        assert server.stdout
        port = server.stdout.readline().decode().strip().rpartition(":")[2]
        made = spawned("emulator", "serve", "--port", port, "--data", "two")
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=20)
    assert made.code == 1
    assert f"error: can't serve on port {port}" in made.err


class TestTerminal:
    def test_yes_carries_the_plan_out(self):
        code, shown = typed(["apply", *FAST], {"[y/N]": "y\n"})
        assert code == 0
        assert "Applied: 3 done." in shown
        assert "\x1b[32m" in shown

    @pytest.mark.parametrize("answer", ["n\n", "\n", "\x04"])
    def test_anything_else_sends_nothing(self, run: Run, answer: str):
        code, shown = typed(["apply", *FAST], {"[y/N]": answer})
        assert code == 1
        assert "the plan was not approved; nothing was sent" in shown
        assert run("plan", *FAST).code == 2

    def test_no_color_is_heeded(self):
        for args, more in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
            _, shown = typed(["plan", *FAST, *args], {}, **more)
            assert "\x1b[3" not in shown

    def test_removal_wants_the_name_of_the_stack(self, run: Run):
        assert run("apply", *FAST, "--auto-approve").code == 0
        code, shown = typed(["destroy", *FAST], {"(default): ": "yes\n"})
        assert code == 1
        assert "the removal was not approved; nothing was sent" in shown
        code, shown = typed(["destroy", *FAST], {"(default): ": "default\n"})
        assert code == 0

    def test_the_live_view_stays_within_the_terminal(self):
        _, shown = typed(["apply", *FAST[:1], "--auto-approve"], {}, COLUMNS="60")
        visible = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
        live = [line for line in re.split(r"[\r\n]+", visible) if "  waiting  " in line]
        assert live
        assert all(len(line) <= 60 for line in live)
        assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # The cursor is back.


@contextmanager
def started(*args: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the tool in the background; it is gone afterwards."""
    process = subprocess.Popen(
        command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def typed(args: list[str], answers: dict[str, str], **more: str) -> tuple[int, str]:
    """Run the tool on a terminal of 80 columns, answer its questions, return what it shows."""
    ours, its = pty.openpty()
    told = {"COLUMNS": "80", "LINES": "30", "TERM": "xterm-256color", **more}
    process = subprocess.Popen(
        command(*args), stdin=its, stdout=its, stderr=its, env=environment(**told)
    )
    os.close(its)
    shown = b"".join(watched(ours, dict(answers), lambda: process.poll() is None))
    os.close(ours)
    return process.wait(20), shown.decode()


def watched(terminal: int, answers: dict[str, str], runs: Callable[[], bool]) -> Iterator[bytes]:
    shown, limit = b"", time.monotonic() + 40
    while time.monotonic() < limit:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if not ready and not runs():
            return
        if not ready:
            continue
        try:
            read = os.read(terminal, 65536)
        except OSError:  # The other end is closed.
            return
        yield read
        shown += read
        for question in [q for q in answers if q.encode() in shown]:
            os.write(terminal, answers.pop(question).encode())
