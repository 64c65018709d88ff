"""Trainings as jobs on a real Ray cluster of one node, which lives for one test.

It is one test and not many, because a cluster costs ten seconds and most of this machine: in
several, each xdist worker would start its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dpo_ops.trainers import Stopped, Training, TrainingFailed, metrics, trained
from dpo_ops.trainers.ray import Ray
from dpo_ops.trainers.ray.cluster import Cluster
from dpo_ops.trainers.ray.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dpo_ops.trainers import Measured

pytest.importorskip("trl")
pytest.importorskip("ray")

EPOCHS = 20
STEPS = 6 * EPOCHS  # 24 pairs, 4 a step

# Runs the head, and ends it, and whatever it has started, once standard input closes: so also
# when the test's own process is killed.
KEEPER = """
import os, signal, subprocess, sys
head = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
sys.stdin.read()
head.send_signal(signal.SIGTERM)
try:
    head.wait(20)
except subprocess.TimeoutExpired:
    os.killpg(head.pid, signal.SIGKILL)
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running(folder: Path, port: int | None = None) -> Iterator[str]:
    """Run a cluster whose files are in `folder`, a short path; give its address."""
    port = port or free_port()
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    command += ["--disable-usage-stats", "--temp-dir", str(folder), "--num-cpus", "2"]
    command += ["--dashboard-host", "127.0.0.1", "--dashboard-port", str(port), "--port", "0"]
    command += ["--dashboard-agent-listen-port", str(free_port())]
    command += ["--ray-client-server-port", str(free_port())]
    command += ["--object-store-memory", "80000000"]
    here = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    here["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{here['PATH']}"
    here["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"] = "0"
    here["PYTHONPATH"] = str(Path(__file__).parents[2])
    with (folder / "head.txt").open("wb") as said:
        keeper = subprocess.Popen(
            [sys.executable, "-c", KEEPER, *command],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=here,
            start_new_session=True,
        )
    settings = Settings(address=f"http://127.0.0.1:{port}")
    try:
        end = time.monotonic() + 90
        while True:
            with suppress(Exception):
                Cluster(settings).head()
                break
            text = (folder / "head.txt").read_text()
            assert keeper.poll() is None, text
            assert time.monotonic() < end, text
            time.sleep(0.3)
        yield str(settings.address)
    finally:
        assert keeper.stdin
        keeper.stdin.close()
        keeper.wait(40)
        for pid in left_behind(folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def left_behind(folder: Path) -> list[int]:
    """Return the processes that were started with `folder` somewhere in their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if str(folder).encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


class Line:
    """A way to the cluster that can be cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.port = free_port()
        self._server: socketserver.ThreadingTCPServer | None = None

    def join(self) -> None:
        to = self._to

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", to)) as far:
                    back = threading.Thread(target=pump, args=(far, self.request), daemon=True)
                    back.start()
                    pump(self.request, far)
                    back.join(10)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def cut(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


def pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    # Not pytest's own folder: the sockets in it must have paths of less than 108 characters.
    folder = Path(tempfile.mkdtemp(prefix="dpo-ray-"))
    try:
        yield folder
        assert left_behind(folder) == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def settings(folder: Path) -> Iterator[Settings]:
    with running(folder) as address:
        yield Settings(address=address, storage=str(folder / "kept"))


@pytest.mark.long
def test_a_cluster_that_was_restarted_goes_on_from_the_checkpoint(
    folder: Path, ordered: Callable[..., Training]
) -> None:
    plain = ordered()
    training = replace(plain, settings={**plain.settings, "epochs": 2 * EPOCHS})
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    heard: list[Measured] = []
    over = threading.Event()
    with ThreadPoolExecutor(1) as beside, ExitStack() as last:
        last.callback(over.set)
        with running(folder, port):
            trainer = Ray(Settings(address=address, storage=str(folder / "kept")), every=0.2)
            training_beside = beside.submit(
                trainer.train, training, on_step=heard.append, stop=over.is_set
            )
            while not heard:
                time.sleep(0.1)
                assert not training_beside.done() or training_beside.result()
        before = len(heard)
        assert before < 2 * STEPS
        with running(folder, port):
            assert training_beside.result().steps == 2 * STEPS
            name = training.out.name
            assert jobs(Settings(address=address), name) == {f"dpo-ops-{name}": "SUCCEEDED"}
    # What came after the restart did not begin at the beginning.
    assert heard[before].step > 1
    assert {measured.step for measured in metrics(training.out)} == set(range(1, 2 * STEPS + 1))


@pytest.mark.long
def test_a_training_is_one_job_on_a_cluster(
    settings: Settings, folder: Path, ordered: Callable[..., Training], tmp_path: Path
) -> None:
    plain = ordered()
    training = replace(plain, settings={**plain.settings, "epochs": EPOCHS})

    def at(place: str, name: str) -> Training:
        return replace(training, out=tmp_path / place / name)

    two_at_once_make_one_job(settings, at)
    what_was_stopped_on_the_cluster_is_a_new_attempt(settings, at)
    what_the_node_lacks_is_told(settings, at)
    a_result_that_is_gone_is_made_again(settings, at, folder)
    another_training_of_that_name_is_refused(settings, at)


def jobs(settings: Settings, name: str) -> dict[str, str]:
    """Return the state of each job of a training, as Ray's own client tells it."""
    from ray.job_submission import JobSubmissionClient  # noqa: PLC0415

    listed = JobSubmissionClient(settings.address).list_jobs()
    mine = (job for job in listed if (job.submission_id or "").startswith(f"dpo-ops-{name}"))
    return {str(job.submission_id): job.status.value for job in mine}


def two_at_once_make_one_job(settings: Settings, at: Callable[[str, str], Training]) -> None:
    line = Line(int(str(settings.address).rpartition(":")[2]))
    line.join()
    far = replace(settings, address=f"http://127.0.0.1:{line.port}")
    near_heard: list[Measured] = []
    far_heard: list[Measured] = []

    def cut_off(measured: Measured) -> None:
        far_heard.append(measured)
        if len(far_heard) == 1:
            line.cut()
            threading.Timer(1.5, line.join).start()

    def interrupted() -> dict[str, str]:
        trainer = Ray(settings, every=0.2)
        with pytest.raises(Stopped, match="job goes on"):
            trainer.train(
                at("near", "one"), on_step=near_heard.append, stop=lambda: bool(near_heard)
            )
        return jobs(settings, "one")

    with ThreadPoolExecutor(2) as both:
        first = both.submit(interrupted)
        second = both.submit(Ray(far, every=0.2).train, at("far", "one"), on_step=cut_off)
        # Steps were heard of while the job ran, and to stop listening has not stopped it.
        assert first.result() == {"dpo-ops-one": "RUNNING"}
        assert len(near_heard) < STEPS
        Ray(settings, every=0.2).train(at("near", "one"), on_step=near_heard.append)
        done = second.result()
    line.cut()

    assert jobs(settings, "one") == {"dpo-ops-one": "SUCCEEDED"}
    every = list(range(1, STEPS + 1))
    for place, heard in (("near", near_heard), ("far", far_heard)):
        out = at(place, "one").out
        assert [measured.step for measured in heard] == every
        assert metrics(out) == heard
        assert trained(out) == replace(done, adapter=out / "adapter")
        names = {path.name for path in out.iterdir()}
        assert names == {"training.json", "metrics.jsonl", "log.txt", "adapter", "done.json"}
    assert heard[-1].margin is not None
    assert heard[-1].margin > 0
    near, far_files = (trained(at(place, "one").out) for place in ("near", "far"))
    assert near
    assert far_files
    same = [path.read_bytes() for path in near.files]
    assert same == [path.read_bytes() for path in far_files.files]


def what_was_stopped_on_the_cluster_is_a_new_attempt(
    settings: Settings, at: Callable[[str, str], Training]
) -> None:
    from ray.job_submission import JobSubmissionClient  # noqa: PLC0415

    def stop_it(measured: Measured) -> None:
        if measured.step == 1:
            JobSubmissionClient(settings.address).stop_job("dpo-ops-two")

    trainer = Ray(settings, every=0.2)
    with pytest.raises(TrainingFailed, match="dpo-ops-two was stopped on the cluster") as failed:
        trainer.train(at("near", "two"), on_step=stop_it)
    assert failed.value.log == at("near", "two").out / "log.txt"
    assert trained(at("near", "two").out) is None
    assert trainer.train(at("near", "two")).steps == STEPS
    assert jobs(settings, "two") == {"dpo-ops-two": "STOPPED", "dpo-ops-two-a2": "SUCCEEDED"}


def what_the_node_lacks_is_told(settings: Settings, at: Callable[[str, str], Training]) -> None:
    training = replace(at("near", "three"), weights="/nowhere/model")
    with pytest.raises(TrainingFailed) as failed:
        Ray(settings, every=0.2).train(training)
    assert failed.value.what == "the weights /nowhere/model are not on the node of the Ray cluster"
    assert failed.value.log
    assert "order.json dpo-ops-three" in failed.value.log.read_text()


def a_result_that_is_gone_is_made_again(
    settings: Settings, at: Callable[[str, str], Training], folder: Path
) -> None:
    (kept,) = folder.glob("session_2*/logs/dpo-ops/dpo-ops-one")
    shutil.rmtree(kept)
    heard: list[Measured] = []
    done = Ray(settings, every=0.2).train(at("new", "one"), on_step=heard.append)
    # The node still had its folder, so nothing was trained twice.
    assert jobs(settings, "one") == {"dpo-ops-one": "SUCCEEDED", "dpo-ops-one-a2": "SUCCEEDED"}
    earlier = trained(at("near", "one").out)
    assert earlier
    assert done.seconds == earlier.seconds
    assert [p.read_bytes() for p in done.files] == [p.read_bytes() for p in earlier.files]


def another_training_of_that_name_is_refused(
    settings: Settings, at: Callable[[str, str], Training]
) -> None:
    training = replace(at("other", "one"), seed=7)
    with pytest.raises(TrainingFailed, match="dpo-ops-one trains something else"):
        Ray(settings).train(training)
    assert len(jobs(settings, "one")) == 2
