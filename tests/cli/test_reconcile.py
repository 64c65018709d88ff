"""`reconcile`: one pass that never asks, and the loop as a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jsonschema
import pytest

from dpo_ops.cli.listening import Page, listening, state
from dpo_ops.cli.options import Specs
from dpo_ops.cli.serving import pinned
from dpo_ops.emulator import Emulator, running
from dpo_ops.errors import SettingsError
from dpo_ops.reporters.schemas import SCHEMAS
from tests.cli.conftest import FAST, Run, command, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLOW = ("--emulator", "--emulator-speed", "1")
BRISK = ("--emulator", "--emulator-speed", "2000")
LONG_S = 40.0
DESCRIBED = 'maxReplicaCount: 1\n  description: "built from {{ git.short }}"'


class TestOnePass:
    def test_it_needs_no_approval_and_a_second_has_nothing_to_do(
        self, run: Run, specs: Path
    ) -> None:
        made = run("reconcile", *FAST)
        assert made.code == 0
        assert made.out.endswith("Applied: 3 done.\n")
        assert "Plan: 3 to create" in made.err
        again = run("reconcile", str(specs), *FAST)
        assert (again.code, again.out) == (0, "Nothing to do: 3 unchanged.\n")
        assert "No changes." not in again.err

    @pytest.mark.usefixtures("specs")
    def test_passes_carry_on_what_was_left_until_it_is_done(self, run: Run) -> None:
        assert run("apply", *SLOW, "--auto-approve", "--no-wait").code == 3
        left = run("reconcile", *SLOW, "--no-wait")
        assert left.code == 3
        assert "Left (--no-wait): 1 still running, 2 not started." in left.out
        assert "\n  dpo-ops reconcile --emulator --emulator-speed 1 --no-wait\n" in left.out
        assert run("reconcile", *SLOW, "--wait-budget", "1s").code == 3
        done = run("reconcile", *FAST, "--format", "json").document("report")
        assert done["exitCode"] == 0
        assert done["outputs"]["DPOJob/assistant-tune"]["job"].endswith("-a1")  # One paid job.

    def test_a_saved_plan_is_carried_on_and_nothing_else(self, run: Run, specs: Path) -> None:
        assert run("plan", *SLOW, "--out", "release.plan").code == 2
        assert run("apply", "release.plan", *SLOW, "--no-wait").code == 3
        file = specs / "assistant.yaml"
        file.write_text(file.read_text().replace("epochs: 1", "epochs: 2"))
        made = run("reconcile", "release.plan", *FAST, "--format", "json").document("report")
        assert made["exitCode"] == 0
        assert made["outputs"]["DPOJob/assistant-tune"]["job"].endswith("-a1")
        status = run("plan", *FAST)
        assert status.code == 2  # What nobody has reviewed is still to be done.

    def test_errors_are_as_of_apply(self, run: Run, specs: Path) -> None:
        file = specs / "assistant.yaml"
        file.write_text(file.read_text().replace("llama-v3p1-8b-instruct", "no-such-model"))
        made = run("reconcile", *FAST)
        assert made.code == 1
        assert "blocked" in made.out
        file.write_text("kind: nonsense")
        assert run("reconcile", *FAST).code == 1

    def test_templates_are_told_of_the_repository_that_the_specs_lie_in(
        self, run: Run, specs: Path, folder: Path
    ) -> None:
        there = specs.rename(folder / "clone")
        file = there / "assistant.yaml"
        text = file.read_text()
        file.write_text(text.replace("maxReplicaCount: 1", DESCRIBED))
        git = ("git", "-C", str(there), "-c", "user.name=a", "-c", "user.email=a@example.com")
        for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "first")):
            subprocess.run([*git, *words], check=True)
        head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True)
        made = run("plan", str(there), *FAST, "-v")
        assert f"built from {head.stdout.decode()[:7]}" in made.out, made.err


@pytest.mark.usefixtures("specs")
class TestOptions:
    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (("--listen", "127.0.0.1:0"), "--listen needs --every"),
            (("--every", "0"), "--every is 1s at least"),
            (("--every", "1m", "--no-wait"), "--no-wait can't be given with --every"),
            (("--every", "1m", "--wait-budget", "1m"), "--wait-budget can't be given with --every"),
            (("--every", "soon"), "--every"),
            (("--no-wait", "--wait-budget", "3s"), "--no-wait and --wait-budget can't be given"),
            (("--wait-budget", "0"), "--wait-budget is 1s at least"),
            *(
                (("--every", "1m", "--listen", where), "is no HOST:PORT")
                for where in ("nine", "host:", ":65536", "::1:80", "host:-1", "")
            ),
        ],
    )
    def test_what_contradicts_itself_is_refused(
        self, run: Run, args: tuple[str, ...], said: str
    ) -> None:
        made = run("reconcile", *FAST, *args)
        assert made.code == 1
        assert said in made.err

    def test_no_key_ends_the_loop_at_its_start(self, run: Run) -> None:
        made = run("reconcile", "--every", "1s")
        assert made.code == 1
        assert "FIREWORKS_API_KEY" in made.err
        assert "round" not in made.err

    def test_a_port_that_is_taken_ends_the_loop_at_its_start(self, run: Run) -> None:
        pytest.importorskip("prometheus_client")
        with listening("127.0.0.1", 0, {}) as url:
            made = run("reconcile", *FAST, "--every", "1s", "--listen", url.removeprefix("http://"))
        assert made.code == 1
        assert f"can't listen on {url.removeprefix('http://')}" in made.err


def test_a_round_stays_with_the_commit_that_it_began_with(folder: Path) -> None:
    for commit in ("one", "two"):
        (folder / commit / "specs").mkdir(parents=True)
    link = folder / "current"
    link.symlink_to("one")
    given = Specs((link / "specs", Path("one/specs")), (link / "values.yaml",))
    read = pinned(given)
    link.unlink()
    link.symlink_to("two")
    assert read.paths == (folder.resolve() / "one" / "specs", Path("one/specs"))
    assert read.values == (folder.resolve() / "one" / "values.yaml",)
    assert pinned(given).paths[0] == folder.resolve() / "two" / "specs"


class TestPages:
    def test_only_what_is_there_is_served(self) -> None:
        pages = {"/ok": lambda: state(""), "/not": lambda: state("no round has gone well yet")}
        with listening("127.0.0.1", 0, pages) as url, httpx.Client(base_url=url) as http:
            assert (http.get("/ok?x=1").status_code, http.get("/ok").text) == (200, "ok\n")
            assert http.head("/ok").headers["content-length"] == "3"
            refused = http.get("/not")
            assert refused.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            assert refused.text == "no round has gone well yet\n"
            for path in ("/", "/ok/", "/%2e%2e/etc/passwd"):
                assert http.get(path).status_code == HTTPStatus.NOT_FOUND
            posted = http.post("/ok", content=b"x")
            assert posted.status_code == HTTPStatus.NOT_IMPLEMENTED
            assert "Python" not in str(posted.headers) + posted.text

    def test_a_port_on_every_kind_of_host(self) -> None:
        with listening("::1", 0, {"/": lambda: Page(b"six")}) as url:
            assert url.startswith("http://[::1]:")
            assert httpx.get(f"{url}/").text == "six"

    def test_a_host_that_is_none_is_an_error_in_words(self) -> None:
        with pytest.raises(SettingsError, match=r"can't listen on 192\.0\.2\.1:9464"):  # noqa: SIM117
            with listening("192.0.2.1", 9464, {}):
                pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_pause_and_the_loop(specs: Path, number: signal.Signals) -> None:
    (specs / "assistant.yaml").write_text("kind: [")
    with loop(*FAST, "--every", "10m", "--format", "json") as process:
        assert next_round(process)["outcome"] == "error"
        process.send_signal(number)
        out, err = process.communicate(timeout=LONG_S)
    assert (process.returncode, out) == (0, b"")
    assert b"Stopping: nothing new is begun." in err


def test_the_loop_keeps_the_account_as_the_specs_say(specs: Path) -> None:
    pytest.importorskip("prometheus_client")
    file = specs / "assistant.yaml"
    text = file.read_text()
    file.write_text("kind: [")  # Broken at first: the loop waits for better specs.
    args = ("--every", "1s", "--listen", "127.0.0.1:0", "--format", "json")
    with loop(*BRISK, *args) as process:
        url = found(process.stderr, rb"listening on (http://127\.0\.0\.1:\d+)\n")
        with httpx.Client(base_url=url) as http:
            assert next_round(process)["error"]["error"]["type"] == "SpecError"
            assert http.get("/healthz").status_code == HTTPStatus.OK
            assert http.get("/readyz").status_code == HTTPStatus.SERVICE_UNAVAILABLE
            file.write_text(text)
            until(process, lambda round_: round_["outcome"] == "in-sync")
            assert http.get("/readyz").text == "ok\n"
            figures = http.get("/metrics").text
            assert 'dpo_ops_resources{health="Current",kind="Deployment"} 1.0' in figures
            assert 'dpo_ops_rounds_total{outcome="done"} 1.0' in figures
            file.write_text(text.replace("maxReplicaCount: 1", "maxReplicaCount: 2"))
            changed = until(process, lambda round_: round_["outcome"] == "done")
            actions = {r["address"]: r["action"] for r in changed["report"]["results"]}
            assert actions["Deployment/assistant"] == "update"
            assert http.get("/healthz").text == "ok\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=LONG_S)
    assert process.returncode == 0, err
    assert b"Traceback" not in err
    assert all(json.loads(line) for line in out.splitlines())


@pytest.mark.long  # Each day two applies at once are in tests/laws.
@pytest.mark.usefixtures("specs")
def test_two_loops_at_once_train_and_deploy_once(folder: Path) -> None:
    """Law 5, with loops: ids come from content, so whoever is second adopts."""
    with (
        Emulator(folder / "served", time_scale=2000, api_key="fw-two") as emulator,
        running(emulator) as url,
    ):
        there = {"FIREWORKS_BASE_URL": url, "FIREWORKS_API_KEY": "fw-two"}
        with ExitStack() as open_:
            args = ("--every", "1s", "--format", "json", "--account", "emulator")
            both = [open_.enter_context(loop(*args, **there)) for _ in range(2)]
            for process in both:
                until(process, lambda round_: round_["outcome"] == "in-sync")
            for process in both:
                process.send_signal(signal.SIGTERM)
            for process in both:
                out, err = process.communicate(timeout=LONG_S)
                assert process.returncode == 0, err
                assert b"fw-two" not in out + err
        headers = {"Authorization": "Bearer fw-two"}
        with httpx.Client(base_url=url, headers=headers) as http:
            for collection in ("datasets", "dpoJobs", "deployments"):
                answer = http.get(f"/v1/accounts/emulator/{collection}").json()
                assert len(answer[collection]) == 1, answer


@contextmanager
def loop(*args: str, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `reconcile` in the background; it is gone afterwards."""
    process = subprocess.Popen(
        command("reconcile", *args),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(**more),
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


def found(stream: Any, pattern: bytes) -> str:
    seen = b""
    for line in iter(stream.readline, b""):
        seen += line
        if match := re.fullmatch(pattern, line):
            return str(match[1].decode())
    raise AssertionError(seen.decode())


def next_round(process: subprocess.Popen[bytes]) -> Any:
    """Return the next line as the document that it must be."""
    assert process.stdout
    line = process.stdout.readline()
    assert line, "the loop has ended"
    document = json.loads(line)
    jsonschema.Draft202012Validator(SCHEMAS["round"]).validate(document)
    return document


def until(process: subprocess.Popen[bytes], good: Callable[[Any], bool]) -> Any:
    """Return the first round to come that is `good`."""
    seen, limit = [], time.monotonic() + LONG_S
    while time.monotonic() < limit:
        seen.append(next_round(process))
        if good(seen[-1]):
            return seen[-1]
    raise AssertionError(seen)
