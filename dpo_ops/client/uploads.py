"""Files into datasets and models: one multipart request, or signed URLs and a validation.

Safe to repeat: an id is derived from the content, so the same bytes go to the same place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from dpo_ops.client.exchange import Ask
from dpo_ops.client.paths import absolute
from dpo_ops.client.stream import Multipart, check
from dpo_ops.errors import Rejected, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpo_ops.client.pace import Pace, Retry
    from dpo_ops.client.storage import Storage
    from dpo_ops.client.stream import Promised, Watch
    from dpo_ops.client.wire import Wire

MULTIPART_LIMIT = 150_000_000
"""Bytes of a body that `:upload` takes; anything larger goes through signed URLs."""


def json_ask(method: str, path: str, body: Any, *, repeatable: bool = False) -> Ask:
    """Return the request that sends `body` as JSON to the URL path `path`."""
    data = json.dumps(body, allow_nan=False).encode()
    return Ask(
        method,
        path,
        body=lambda: iter((data,)),
        size=len(data),
        headers={"Content-Type": "application/json"},
        repeatable=repeatable,
    )


@dataclass(frozen=True, slots=True)
class Uploads:
    """The two ways in; `limit` is the largest multipart body in bytes."""

    wire: Wire
    storage: Storage
    pace: Pace
    retry: Retry
    limit: int = MULTIPART_LIMIT

    def dataset(self, name: str, promised: Promised, watch: Watch) -> None:
        """Fill the dataset `name` with one file. Errors: StorageError, Interrupted, ApiError."""
        check(promised)
        multipart = Multipart(promised)
        if multipart.size > self.limit:
            self._signed(name, [promised], watch)
            self._post(name, "validateUpload", {})
            return
        ask = Ask(
            "POST",
            absolute(f"{name}:upload"),
            body=lambda: multipart.body(watch),
            size=multipart.size,
            headers={"Content-Type": multipart.content_type},
            repeatable=True,
        )
        self.wire.ask(ask, attempts=self.retry.uploads)

    def model(self, name: str, files: Sequence[Promised], watch: Watch) -> None:
        """Fill the model `name` with its files. Errors: as `dataset`."""
        for promised in files:
            check(promised)
        self._signed(name, files, watch)
        self._validate_model(Ask("GET", absolute(f"{name}:validateUpload")))

    def _signed(self, name: str, files: Sequence[Promised], watch: Watch) -> None:
        # All files in one call: a second one would replace the first one's registration.
        sizes = {promised.name: str(promised.size) for promised in files}
        answer = self._post(name, "getUploadEndpoint", {"filenameToSize": sizes})
        urls = answer.get("filenameToSignedUrls")
        total, before = sum(promised.size for promised in files), 0
        for promised in files:
            part = replace(watch, progress=_share(watch.progress, before, total))
            self.storage.put(_url(urls, promised), promised, part)
            before += promised.size

    def _validate_model(self, ask: Ask) -> None:
        """A model's files take a moment to land; until then the service refuses to validate."""
        for number in count(1):
            try:
                self.wire.ask(ask, attempts=self.retry.attempts)
            except Rejected:
                if number >= self.retry.attempts:
                    raise
                self.pace.wait(number, {})
            else:
                return

    def _post(self, name: str, verb: str, body: Any) -> dict[str, Any]:
        ask = json_ask("POST", absolute(f"{name}:{verb}"), body, repeatable=True)
        return self.wire.ask(ask, attempts=self.retry.attempts)


def _share(
    progress: Callable[[int, int], None], before: int, total: int
) -> Callable[[int, int], None]:
    return lambda done, _size: progress(before + done, total)


def _url(urls: Any, promised: Promised) -> str:
    given = urls if isinstance(urls, dict) else {}
    # Downloads are keyed by a path, so the name's last part is enough here too.
    found = {str(key).rpartition("/")[2]: url for key, url in given.items()}.get(promised.name)
    if isinstance(found, str):
        return found
    raise StorageError(
        "the service gave no address to upload to",
        where=str(promised.file),
        why="its answer to :getUploadEndpoint does not name the file",
        fix="run again; if it stays so, report it",
    )
