"""Two runs send the files of one model: the service knows only those that were announced last."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from dpo_ops.resource import Address
from tests.laws.test_hazards import own, pipeline
from tests.rehearsal import Rehearsal

if TYPE_CHECKING:
    from dpo_ops.client import Client
    from dpo_ops.resource import Resource


@dataclass
class Rival(httpx.BaseTransport):
    """Announces the files of `model` just before ours are validated; `finishes` says the rest."""

    inner: httpx.BaseTransport
    theirs: Client
    rehearsal: Rehearsal
    model: str
    finishes: bool
    announced: bool = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        name = f"accounts/emulator/models/{self.model}"
        if request.url.path.endswith(":validateUpload") and not self.announced:
            self.announced = True
            folder = self.rehearsal.shop / self.model / "adapter"
            sizes = {path.name: str(path.stat().st_size) for path in folder.iterdir()}
            self.theirs.post(f"{name}:getUploadEndpoint", {"filenameToSize": sizes})
        elif self.announced and self.finishes and request.url.path.endswith(name):
            resource = own(self.rehearsal.shop)[Address("DPOJob", "tune")]
            self.finishes = False
            self.theirs.upload_model(name, self.rehearsal.workshop().files(resource))
        return self.inner.handle_request(request)


@pytest.mark.parametrize("finishes", [True, False])
def test_what_another_run_announced_again_is_waited_for_and_sent_again_where_that_run_died(
    finishes: bool, tmp_path: Path
) -> None:
    desired = own(tmp_path)
    model = desired[Address("DPOJob", "tune")].id
    with Rehearsal() as rehearsal:
        theirs = rehearsal.client
        rehearsal.wrap = lambda inner: Rival(inner, theirs, rehearsal, model, finishes)
        rehearsal.client = rehearsal.connect()
        report = rehearsal.apply(desired)
        assert report.exit_code == 0, [end.message for end in report.ended]
        announced = [w for w in rehearsal.writes() if w.endswith(f"{model}:getUploadEndpoint")]
        # Ours, that of the other, and then once more: by the other, or by us in its place.
        assert len(announced) == 3
        waits = [end.waited for end in report.ended if end.address.kind == "DPOJob"]
        assert (waits[0] > 120) is not finishes
        assert rehearsal.plan(desired).in_sync
        theirs.close()


@dataclass
class Repeats(httpx.BaseTransport):
    """Sends our pairs once more just before the first job, as a run beside ours would."""

    inner: httpx.BaseTransport
    theirs: Client
    data: Resource
    done: bool = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/dpoJobs") and not self.done:
            self.done, content = True, self.data.content
            assert content
            said = {"size": content.size, "digest": content.digest}
            self.theirs.upload(self.data.id, Path(content.path), **said)
        return self.inner.handle_request(request)


def test_a_job_whose_pairs_are_sent_once_more_by_another_run_is_made_all_the_same(
    tmp_path: Path,
) -> None:
    desired = pipeline(tmp_path)
    with Rehearsal() as rehearsal:
        theirs, data = rehearsal.client, desired[Address("Dataset", "prefs")]
        rehearsal.wrap = lambda inner: Repeats(inner, theirs, data)
        rehearsal.client = rehearsal.connect()
        report = rehearsal.apply(desired)
        assert report.exit_code == 0, [end.message for end in report.ended]
        made = [w for w in rehearsal.writes() if w == "POST /v1/accounts/emulator/dpoJobs"]
        assert len(made) == 2
        assert len(rehearsal.jobs()) == 1
        theirs.close()


def test_a_job_that_is_refused_for_good_is_not_asked_for_again(tmp_path: Path) -> None:
    with Rehearsal() as rehearsal:
        rehearsal.admin("POST", "settings", {"paymentMethod": False})
        assert rehearsal.apply(pipeline(tmp_path)).exit_code == 1
        made = [w for w in rehearsal.writes() if w == "POST /v1/accounts/emulator/dpoJobs"]
        assert len(made) == 1
