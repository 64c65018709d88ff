"""The client: one account of the Fireworks REST API, in the few verbs that the stages need."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random, SystemRandom
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

import httpx

from dpo_ops.client.calls import Calls
from dpo_ops.client.exchange import NOTHING, Ask
from dpo_ops.client.failures import Failures
from dpo_ops.client.pace import Clock, Pace, Retry, SystemClock
from dpo_ops.client.pages import all_pages
from dpo_ops.client.paths import absolute
from dpo_ops.client.scrub import Scrub
from dpo_ops.client.storage import Storage
from dpo_ops.client.stream import Promised, Watch, never, silent
from dpo_ops.client.uploads import MULTIPART_LIMIT, Uploads, json_ask
from dpo_ops.client.wire import Wire, http_client
from dpo_ops.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from dpo_ops.client.settings import Settings

Record = dict[str, Any]
Records = list[Record]  # Named here: inside the class, `list` is a method.
Progress = Callable[[int, int], None]

_AT_ONCE = 4
_CLOCK = SystemClock()
_RETRY = Retry()
_CHAT = "/inference/v1/chat/completions"
_ACCOUNT = re.compile(r"accounts/([A-Za-z0-9._-]+)")


class Client:
    """The API for one account; safe to share between threads.

    `clock`, `random` and `transport` are seams for tests; `retry` says how often to try.
    `read_only` refuses every request that could change something before it is sent.
    `timeout_s` is the longest wait for an answer, in seconds, not the longest call.
    Every method raises ApiError for a failed exchange, and DpoOpsError for a path that is none.
    """

    def __init__(  # noqa: PLR0913 - each is a seam, and all but the first have a default
        self,
        settings: Settings,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Clock = _CLOCK,
        random: Random | None = None,
        retry: Retry = _RETRY,
        read_only: bool = False,
        timeout_s: float = 60.0,
        multipart_limit: int = MULTIPART_LIMIT,
    ) -> None:
        self.calls = Calls()
        self._retry = retry
        self._account, self._lock = settings.account, Lock()
        self._http = http_client(
            httpx.URL(settings.base_url),
            headers={"Authorization": f"Bearer {settings.api_key}"},
            transport=transport,
            s=timeout_s,
        )
        self._scrub = Scrub(settings.api_key)
        self._failures = Failures(settings, self._scrub)
        pace = Pace(retry, clock, random or SystemRandom())
        self._wire = Wire(self._http, pace, self.calls, self._failures, read_only=read_only)
        self._storage = Storage(transport, timeout_s, pace, self.calls, retry.uploads)
        self._uploads = Uploads(self._wire, self._storage, pace, retry, multipart_limit)

    @property
    def account(self) -> str:
        """The account id; asked of the API once when no setting names it.

        Errors: SettingsError when the key sees no account, or more than one.
        """
        with self._lock:
            if self._account is None:
                self._account = self._discover()
            return self._account

    def list(
        self, collection: str, *, account: str | None = None, params: Mapping[str, str] = NOTHING
    ) -> Records:
        """Return every record of a collection, over all pages, in the server's order."""
        ask = Ask("GET", absolute(f"accounts/{account or self.account}/{collection}"), params)
        return all_pages(self._ask, ask, collection, self._failures)

    def lists(self, wanted: Mapping[str, Mapping[str, str]]) -> dict[str, Records]:
        """Return several collections at once, by name, each listed with its own parameters."""
        account = self.account  # Asked for once, not by every thread.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = pool.map(lambda c: self.list(c, account=account, params=wanted[c]), wanted)
            return dict(zip(wanted, answers, strict=True))

    def get(
        self, path: str, params: Mapping[str, str] = NOTHING, *, attempts: int | None = None
    ) -> Record:
        """Return the record at `path`, such as `accounts/a/models/m`, tried so often."""
        tries = attempts or self._retry.attempts
        return self._wire.ask(Ask("GET", absolute(path), params), attempts=tries)

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        params: Mapping[str, str] = NOTHING,
        *,
        repeatable: bool = False,
    ) -> Record:
        """Create, or call a verb. `repeatable` when the id in it makes a repeat end in a 409.

        Otherwise it is tried again only when the first try certainly had no effect.
        """
        ask = json_ask("POST", absolute(path), body, repeatable=repeatable)
        return self._ask(replace(ask, params=params))

    def patch(
        self, path: str, body: Mapping[str, Any], params: Mapping[str, str] = NOTHING
    ) -> Record:
        """Change the record at `path`; the same body twice gives the same record."""
        return self._ask(replace(json_ask("PATCH", absolute(path), body), params=params))

    def delete(self, path: str, params: Mapping[str, str] = NOTHING) -> None:
        """Delete the record at `path`. A 404 is an error, except on a retry: then it is done."""
        self._wire.send(Ask("DELETE", absolute(path), params), attempts=self._retry.attempts)

    def upload(
        self,
        dataset: str,
        file: Path,
        *,
        size: int,
        digest: str,
        progress: Progress | None = None,
        stop: Callable[[], bool] = never,
    ) -> None:
        """Fill `dataset`, an id or a full name, with `file` of `size` bytes and sha256 `digest`.

        `progress(done, total)` counts bytes and starts again at 0 on a retry.
        Errors: StorageError when the file is not as promised or the storage refuses it,
        Interrupted when `stop()` turned true, ApiError.
        """
        name = self._full(dataset, "datasets")
        self._uploads.dataset(name, Promised(file, size, digest), Watch(progress or silent, stop))

    def upload_model(
        self,
        model: str,
        files: Sequence[Promised],
        *,
        progress: Progress | None = None,
        stop: Callable[[], bool] = never,
    ) -> None:
        """Fill `model`, an id or a full name, with the files of an adapter. Errors: as `upload`."""
        name = self._full(model, "models")
        self._uploads.model(name, files, Watch(progress or silent, stop))

    def metrics(self, job: str, *, attempts: int | None = None) -> bytes | None:
        """Return the metrics file of `job`, a full name, as it stands; None while there is none.

        `attempts` is how often each of the two requests is tried. Errors: StorageError, ApiError.
        """
        tries = attempts or self._retry.attempts
        answer = self._wire.ask(
            Ask("GET", absolute(f"{job}:getMetricsFileEndpoint")), attempts=tries
        )
        url = answer.get("signedUrl")
        return self._storage.get(str(url), job, attempts=tries) if url else None

    def download_model(self, model: str, folder: Path) -> None:
        """Write the files of an adapter, by the model's full name, into `folder`, all or none.

        Errors: StorageError where there are none, ApiError.
        """
        name = model.replace("accounts/-/", f"accounts/{self.account}/", 1)
        answer = self._ask(Ask("GET", absolute(f"{name}:getDownloadEndpoint")))
        urls = answer.get("filenameToSignedUrls") or {}
        self._storage.fetch_all({str(k): str(v) for k, v in urls.items()}, name, folder)

    def chat(self, model: str, messages: Records, **params: Any) -> Record:
        """Return one chat completion. A repeat costs tokens and nothing else, so it is retried."""
        body = {"model": model, "messages": messages, **params}
        return self._ask(json_ask("POST", _CHAT, body, repeatable=True))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, ask: Ask) -> Record:
        return self._wire.ask(ask, attempts=self._retry.attempts)

    def _full(self, name: str, collection: str) -> str:
        return name if "/" in name else f"accounts/{self.account}/{collection}/{name}"

    def _discover(self) -> str:
        # Two are enough to know that there is a choice to make.
        answer = self._ask(Ask("GET", "/v1/accounts", {"pageSize": "2"}))
        listed = answer.get("accounts") or []
        names = [_ACCOUNT.fullmatch(str(a.get("name"))) for a in listed if isinstance(a, dict)]
        ids = [name[1] for name in names if name]
        if len(ids) == 1 and len(listed) == 1:
            return ids[0]
        more = " and more" if answer.get("nextPageToken") else ""
        shown = self._scrub(", ".join(ids)) + more
        raise SettingsError(
            "it is not clear which account is meant",
            why=f"the key sees several: {shown}" if ids else "the key sees no account",
            fix="set FIREWORKS_ACCOUNT_ID to the one that is meant",
        )
