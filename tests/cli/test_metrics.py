"""How a job trains, through the command line: what is printed, written, followed and refused."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dpo_ops import emulator
from dpo_ops.cli import following
from dpo_ops.trainers import Measured
from tests.cli.conftest import FAST, Run, command, environment
from tests.measuring import Measuring

if TYPE_CHECKING:
    from collections.abc import Callable

    Happening = Callable[[], None]
    Pauses = Callable[[Happening], None]

MODEL = "house-0123456789"
HERE = Path(".dpo-ops/training") / MODEL
JOB = "DPOJob/assistant-tune"
TRL = """\
apiVersion: dpo-ops/v1
kind: Dataset
metadata: {name: assistant}
spec: {source: assistant.jsonl}
---
apiVersion: dpo-ops/v1
kind: DPOJob
metadata: {name: assistant-tune}
spec:
  dataset: assistant
  trainer: trl
  weights: dpo-ops/tiny
  trainingConfig: {baseModel: accounts/fireworks/models/llama-v3p1-8b-instruct}
"""


def measured(count: int, of: int = 0) -> bytes:
    said = (
        Measured(n, of or count, loss=0.7 / n, margin=0.1 * n, accuracy=0.5)
        for n in range(1, count + 1)
    )
    return b"".join(json.dumps(one.to_row()).encode() + b"\n" for one in said)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Measuring:
    """Let the embedded emulator say what it measured."""
    made = Measuring()
    real = emulator.Emulator
    monkeypatch.setattr(
        emulator, "Emulator", lambda *args, **more: real(*args, **{**more, "engine": made})
    )
    return made


@pytest.fixture
def local(folder: Path) -> Path:
    """Return the folder of a training on this machine, with forty of eighty steps."""
    made = folder / HERE
    made.mkdir(parents=True)
    (made / "metrics.jsonl").write_bytes(measured(40, of=80))
    return made


@pytest.fixture
def trained(run: Run, specs: Path, engine: Measuring) -> Measuring:
    """Return the engine after the specs were applied."""
    assert specs.exists()
    assert run("apply", *FAST, "--auto-approve").code == 0
    engine.data = measured(30)
    return engine


# From the account


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("job", ["assistant-tune", JOB])
def test_a_job_is_found_by_name_and_address(run: Run, job: str):
    made = run("metrics", job, *FAST)
    assert made.code == 0
    assert made.out.splitlines()[0].split() == ["step", "loss", "margin", "accuracy"]
    assert made.out.splitlines()[20].split() == ["30", "0.02333", "3.000", "0.5000"]
    assert "20 of 30 steps are shown" in made.out
    assert "┤" not in made.out
    assert "│" not in made.out  # No terminal, no curves.
    whole = run("metrics", job, *FAST, "--all")
    assert len(re.findall(r"(?m)^ +\d+ ", made.out)) == 20
    assert len(re.findall(r"(?m)^ +\d+ ", whole.out)) == 30


@pytest.mark.usefixtures("trained")
def test_a_job_is_found_by_id_and_full_name_without_specs(run: Run, specs: Path):
    found = run("outputs", *FAST, "--format", "json").document("outputs")["outputs"]
    name = found[JOB]["job"]
    specs.rename(specs.with_name("elsewhere"))
    for job in (name, name.rpartition("/")[2]):
        made = run("metrics", job, *FAST, "--format", "json")
        assert made.code == 0
        document = made.document("metrics")
        assert (document["job"], document["source"]) == (job, name)
        assert len(document["steps"]) == 30


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("job", "said"),
    [
        ("assistant-tun", "did you mean DPOJob/assistant-tune?"),
        ("DPOJob/assistant", "did you mean DPOJob/assistant-tune?"),
        ("Dataset/assistant", "name one of: DPOJob/assistant-tune"),
        ("../../etc", "name one of: DPOJob/assistant-tune"),
        ("accounts/emulator/models/m", "models have no metrics"),
        ("accounts/emulator/dpoJobs/nobody", "404"),
    ],
)
def test_what_is_no_job_is_refused(run: Run, job: str, said: str):
    made = run("metrics", job, *FAST)
    assert made.code == 1
    assert said in made.err
    assert made.out == ""


@pytest.mark.usefixtures("specs")
def test_a_job_that_was_never_made_has_no_metrics(run: Run):
    made = run("metrics", JOB, *FAST, "--format", "json")
    assert made.code == 1
    assert made.document("error")["error"]["why"] == "not in the account"
    assert "apply the specs to train it" in made.err


def test_an_empty_file_of_a_job_that_is_over_is_said_to_be_none(run: Run, trained: Measuring):
    trained.data = b""
    made = run("metrics", JOB, *FAST)
    assert made.code == 1
    assert "the job is over: completed" in made.err


# On this machine


@pytest.mark.usefixtures("local")
def test_what_trains_here_needs_no_account(run: Run):
    made = run("metrics", MODEL)
    assert made.code == 0
    assert "step 40 of 80, loss 0.0175, margin 4, accuracy 0.5" in " ".join(made.out.split())
    assert "emulator" not in made.err


def test_a_job_of_the_specs_that_trains_here_is_found(run: Run, specs: Path):
    (specs / "assistant.yaml").write_text(TRL)
    missing = run("metrics", JOB)
    assert missing.code == 1
    assert "it has not been trained on this machine" in missing.err
    planned = json.loads(run("plan", *FAST, "--format", "json").out)
    model = next(c["id"] for c in planned["changes"] if c["address"] == JOB)
    folder = Path(".dpo-ops/training") / model
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_bytes(measured(3, of=9))
    assert "step 3 of 9" in run("metrics", JOB).out
    status = run("status", *FAST, "--format", "json").document("status")
    metrics = {row["address"]: row["metrics"] for row in status["resources"]}
    assert metrics[JOB]["step"] == 3
    assert metrics[JOB]["curves"]["margin"] == pytest.approx([0.1, 0.2, 0.3])
    assert "step 3 of 9, loss 0.2333" in run("status", *FAST).out


def test_a_folder_that_is_no_training_is_not_read(run: Run, folder: Path, specs: Path):
    (folder / ".dpo-ops").mkdir()
    (folder / ".dpo-ops" / "metrics.jsonl").write_bytes(measured(1))
    assert specs.exists()
    assert run("metrics", "..", *FAST).code == 1


@pytest.mark.parametrize("format_", ["text", "json", "csv", "markdown", "github"])
def test_whatever_a_file_holds_is_no_crash(run: Run, local: Path, format_: str):
    (local / "metrics.jsonl").write_bytes(b"\xff\xfe\n" + b"[" * 20_000 + b'\n{"tokens": [1]}\n')
    made = run("metrics", MODEL, "--format", format_)
    assert made.code == 0, made.err
    if format_ == "text":
        assert "3 lines of the file are no steps" in " ".join(made.out.split())


# Files


@pytest.mark.usefixtures("local")
def test_the_ending_says_what_is_written(run: Run):
    for name in ("a.svg", "a.csv", "a.json", "a.jsonl"):
        made = run("metrics", MODEL, "--out", name)
        assert (made.code, made.out) == (0, "")
        assert f"{name} is written: {MODEL}, step 40 of 80" in made.err
    assert Path("a.svg").read_text().startswith("<svg ")
    assert len(Path("a.csv").read_text().splitlines()) == 41
    assert len(json.loads(Path("a.json").read_text())["steps"]) == 40
    assert Path("a.jsonl").read_bytes() == measured(40, of=80)
    assert sorted(p.name for p in Path().glob("*a.*")) == ["a.csv", "a.json", "a.jsonl", "a.svg"]


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.gif", "end it in one of .svg, .png, .csv, .json, .jsonl"),
        ("a", "a does not say what to write"),
        ("nowhere/a.svg", "there is no folder nowhere"),
    ],
)
def test_a_file_that_can_not_be_written_is_refused_first(run: Run, name: str, said: str):
    made = run("metrics", "nobody-at-all", "--out", name)
    assert made.code == 1
    assert said in made.err


@pytest.mark.usefixtures("local")
def test_a_file_is_overwritten_only_when_asked(run: Run):
    Path("a.csv").write_text("mine")
    made = run("metrics", MODEL, "--out", "a.csv")
    assert made.code == 1
    assert "give --force" in made.err
    assert Path("a.csv").read_text() == "mine"
    assert run("metrics", MODEL, "--out", "a.csv", "--force").code == 0
    assert Path("a.csv").read_text().startswith("step,")


@pytest.mark.usefixtures("local")
def test_a_png_is_drawn_or_its_library_named(run: Run):
    made = run("metrics", MODEL, "--out", "a.png")
    if made.code == 0:
        assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert "pip install 'dpo-ops[png]'" in made.err or "no fonts" in made.err
        assert not Path("a.png").exists()


def test_a_secret_is_in_no_file(run: Run, local: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FIREWORKS_API_KEY", "fw-very-secret")
    with (local / "metrics.jsonl").open("a") as file:
        file.write('{"step": 41, "loss": 1, "who": "fw-very-secret"}\n')
    for name in ("a.svg", "a.csv", "a.json", "a.jsonl"):
        run("metrics", MODEL, "--out", name)
        assert "secret" not in Path(name).read_text()
    assert "secret" not in run("metrics", MODEL, "--format", "csv").out


# Until it is over


@pytest.fixture
def each_pause(monkeypatch: pytest.MonkeyPatch) -> Pauses:
    """Let something happen in place of each pause."""

    def set_(happens: Happening) -> None:
        class Clock:
            def sleep(self, seconds: float) -> None:
                assert 0 < seconds < 20
                happens()

        monkeypatch.setattr(following, "SystemClock", Clock)

    return set_


def test_new_steps_are_shown_as_they_come(run: Run, local: Path, each_pause: Pauses):
    file, steps = local / "metrics.jsonl", iter((40, 41, 80))

    def happens() -> None:
        file.write_bytes(measured(count := next(steps), of=80))
        if count == 80:
            (local / "done.json").write_text('{"steps": 80, "seconds": 1.0}')

    each_pause(happens)
    made = run("metrics", MODEL, "--follow", "--all", "--out", "a.svg")
    assert made.code == 0
    rows = [int(line.split()[0]) for line in made.out.splitlines()[1:]]
    assert rows == list(range(1, 81))
    assert made.err.count("trained on this machine") == 1
    assert "80" in Path("a.svg").read_text()


def test_a_look_that_fails_is_not_the_end(run: Run, trained: Measuring, each_pause: Pauses):
    state = "JOB_STATE_RUNNING"
    # The platform goes on with another job of the same specs, until it is let go.
    admin("settings", {"jobOverrides": [{"state": state, "at": state}]})
    spec = Path("specs/assistant.yaml")
    spec.write_text(spec.read_text().replace("epochs: 1", "epochs: 2"))
    assert run("apply", *FAST, "--auto-approve", "--wait-budget", "3s").code == 3
    expired = {"path": "/_storage/*", "status": 400, "body": "<Code>ExpiredToken</Code>"}
    later = iter([("faults", expired), ("settings", {"jobOverrides": []})])

    def happens() -> None:
        if step := next(later, None):
            admin(*step)

    each_pause(happens)
    made = run("metrics", JOB, *FAST, "--follow")
    assert made.code == 0, made.err
    assert "the storage did not give the file" in made.err
    assert f"{JOB}: training" in made.err
    assert f"{JOB}: completed" in made.err
    assert made.out.splitlines()[0].split()[:2] == ["step", "loss"]
    assert trained.data


def admin(route: str, body: Any) -> None:
    with (
        emulator.Emulator(Path(".dpo-ops/emulator"), time_scale=20000) as twin,
        httpx.Client(transport=emulator.EmulatorTransport(twin), base_url="http://x") as http,
    ):
        http.post(f"/_emulator/{route}", json=body).raise_for_status()


def test_who_interrupts_leaves_it_to_itself(run: Run, local: Path, each_pause: Pauses):
    def happens() -> None:
        raise KeyboardInterrupt

    assert local.exists()
    each_pause(happens)
    made = run("metrics", MODEL, "--follow", "--format", "json")
    assert made.code == 3
    assert len(made.document("metrics")["steps"]) == 40


# On a terminal


@pytest.mark.usefixtures("local")
@pytest.mark.parametrize(("locale", "drawn"), [("C.UTF-8", "│"), ("C", "|")])
def test_a_terminal_shows_curves_that_fit(locale: str, drawn: str):
    text = on_a_terminal("metrics", MODEL, LC_ALL=locale, COLUMNS="64")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert max(map(len, lines)) <= 64
    assert [line.partition(",")[0] for line in lines if ", from " in line] == [
        "loss",
        "margin",
        "accuracy",
    ]
    assert any(drawn in line for line in lines)
    assert locale == "C.UTF-8" or text.isascii()


def on_a_terminal(*args: str, **more: str) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(*args), stdout=theirs, stderr=subprocess.PIPE, env=environment(**more)
    ) as process:
        os.close(theirs)
        read = bytearray()
        while select.select([ours], [], [], 30)[0]:
            try:
                read += os.read(ours, 4096)
            except OSError:  # The other end is closed.
                break
        assert process.wait(30) == 0
    os.close(ours)
    return read.decode()
