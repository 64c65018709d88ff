"""The emulator itself: a request goes in, an answer comes out."""

import contextlib
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

from . import admin, datasets, deployed_models, deployment_lifecycle, faults, job_lifecycle
from . import receive as receiving
from .clock import Clock
from .engine import Engine
from .faults import Fault
from .routes import PATHS, ROUTES, Route, split
from .standin import StandIn
from .store import Row, Store
from .wire import (
    CODES,
    DroppedError,
    RefusalError,
    Request,
    Response,
    not_found,
    refuse,
    refuse_inference,
)
from .world import PUBLIC, Answer, Call, Config, Profile, Upload, World

UPLOAD_LIMIT: Final = 150 << 20
_SETTLE: Final[dict[str, Callable[[World, Row, float], None]]] = {
    "datasets": datasets.settle,
    "dpoJobs": job_lifecycle.settle,
    "deployments": deployment_lifecycle.settle,
    "deployedModels": deployed_models.settle,
}


class Emulator:
    """A stateful stand-in of the Fireworks REST API. Safe to use from several threads.

    Its state lives in the folder `data`, which several processes may share, or in memory
    when that is None. `time_scale` emulated seconds pass in one second of `wall`, which
    returns seconds since the epoch. With an `api_key` only that key is let in, else any
    that is not empty. `engine` trains and answers, by default a `StandIn`; it ends with the
    emulator. `upload_limit` is in bytes. `sleep` serves faults that delay.
    """

    def __init__(  # noqa: PLR0913 - each is a property of the platform that tests vary
        self,
        data: Path | None = None,
        *,
        profile: Profile = "managed",
        time_scale: float = 1.0,
        api_key: str | None = None,
        account: str = "emulator",
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        engine: Engine | None = None,
        unauthenticated_status: int = 403,
        retired_job_status: int = 501,
        upload_limit: int = UPLOAD_LIMIT,
    ) -> None:
        self._config = Config(
            account=account,
            profile=profile,
            api_key=api_key,
            unauthenticated_status=unauthenticated_status,
            retired_job_status=retired_job_status,
            upload_limit=upload_limit,
            engine=engine or StandIn(),
        )
        self._store = Store(data)
        self._clock = Clock(wall, time_scale)
        self._sleep = sleep
        with self._opened():
            pass

    def handle(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            DroppedError: where a fault breaks the connection.
        """
        try:
            if request.path.startswith(admin.PREFIX):
                return self._admin(request)
            return self._answer(request)
        except RefusalError as refusal:
            return refusal.response

    def advance(self, seconds: float) -> None:
        """Move the emulated clock forward."""
        with self._opened():
            admin.advance(self._store, seconds)

    def close(self) -> None:
        """Note the time, stop the engine's work and let go of the files."""
        with contextlib.suppress(Exception), self._opened():
            pass
        # First the engine: it may be writing into the folder that the store gives up.
        self._config.engine.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[World]:
        """One transaction, with every lifecycle up to date."""
        with self._store.transaction():
            emulated, wall = self._clock.advance(self._store.note("clock"))
            self._store.set_note("clock", (emulated, wall))
            world = World(self._config, self._store, emulated)
            while (row := self._store.due(world.now)) is not None:
                _SETTLE[row.collection](world, row, row.due or world.now)
            yield world

    def _admin(self, request: Request) -> Response:
        with self._opened() as world:
            return admin.answer(world, request)

    def _answer(self, request: Request) -> Response:
        fault = self._fault(request)
        if fault is None:
            return self._served(request, None)
        self._sleep(fault.delay)
        if fault.after:
            response = self._served(request, fault)
            return fault.act() or response
        if fault.status is not None:
            self._log(request, fault.status)
        return fault.act() or self._served(request, fault)

    def _fault(self, request: Request) -> Fault | None:
        if not self._store.has_faults():
            return None
        with self._store.transaction():
            return faults.pick(self._store, request)

    def _served(self, request: Request, fault: Fault | None) -> Response:
        try:
            return self._received(request, fault)
        except RefusalError as refusal:
            response = refusal.response
        except ConnectionError:
            # The caller went away while it was sending; nobody waits for an answer.
            self._log(request, 0)
            raise DroppedError("read") from None
        except Exception as error:  # noqa: BLE001 - a bug must show as a 500, not end the server
            traceback.print_exc()
            response = refuse("INTERNAL", f"the emulator failed: {error!r}").response
        self._log(request, _seen(fault, response))
        return response

    def _log(self, request: Request, status: int) -> None:
        with self._store.transaction():
            self._note(request, status)

    def _note(self, request: Request, status: int) -> None:
        self._store.log(request.method, request.path, urlencode(request.query), status)

    def _received(self, request: Request, fault: Fault | None) -> Response:
        """Take in the body, then answer from within one transaction."""
        path, ids = split(request.path)
        route = ROUTES.get((request.method, path))
        self._admit(request, route)
        if route is None:
            raise _unknown(request, path)
        self._check_account(route, ids)
        self._check_profile(route)
        if route.body == "multipart":
            with receiving.spooled_part(
                request, self._store.folder, self._config.upload_limit
            ) as part:
                return self._run(route, request, ids, fault, upload=part)
        if route.body == "file":
            with receiving.spooled_file(request, self._store.folder) as whole:
                return self._run(route, request, ids, fault, upload=whole)
        body = receiving.read_json(request) if route.body == "json" else None
        return self._run(route, request, ids, fault, body=body)

    def _run(
        self,
        route: Route,
        request: Request,
        ids: tuple[str, ...],
        fault: Fault | None,
        *,
        body: Any = None,
        upload: Upload | None = None,
    ) -> Response:
        answer: Answer
        with self._opened() as world:
            if fault is not None and fault.stale and request.method == "GET":
                self._store.look_back()
            try:
                answer = route.respond(Call(world, request, ids, body, upload))
            except RefusalError as refusal:
                # What led up to a refusal stays: a 503 starts a replica.
                answer = refusal.response
            if isinstance(answer, Response):
                # With the effect, so that a killed process leaves both or neither.
                self._note(request, _seen(fault, answer))
                return answer
        response = answer.answer()
        self._log(request, _seen(fault, response))
        return response

    def _admit(self, request: Request, route: Route | None) -> None:
        if route is not None and route.open:
            return
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        key = key.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
        if key and self._config.api_key in {None, key}:
            return
        with self._opened() as world:
            request_id = world.request_id()
        message = "The API key you provided is invalid."
        status = self._config.unauthenticated_status
        raise refuse_inference(status, "UNAUTHORIZED", message, request_id=request_id)

    def _check_account(self, route: Route, ids: tuple[str, ...]) -> None:
        if not ids or route.open or ids[0] == self._config.account:
            return
        if ids[0] != PUBLIC:
            raise not_found()
        if not route.public:
            raise refuse("PERMISSION_DENIED", "")

    def _check_profile(self, route: Route) -> None:
        if self._config.profile == "managed" or not route.retired:
            return
        status = self._config.retired_job_status if route.retired == "job" else 501
        # The platform's own words are not on record; nor is the status for jobs.
        message = f"managed {route.retired}s are retired: this method is not implemented any more"
        code = next((c for c, (_, http) in CODES.items() if http == status), "UNIMPLEMENTED")
        raise refuse(code, message, status=status)


def _seen(fault: Fault | None, response: Response) -> int:
    """The status that the caller sees; 0 where a fault leaves it without an answer."""
    if fault is None or not fault.after or fault.status is None:
        return response.status
    return fault.status


def _unknown(request: Request, path: str) -> RefusalError:
    """A 405 for a known path; else a loud 404, so that a gap here is not taken for an answer."""
    if path in PATHS:
        return RefusalError(Response(405, {"content-type": "text/plain"}, b"Method Not Allowed"))
    message = (
        f"the dpo-ops emulator does not know the route {request.method} {request.path}: "
        "it is not implemented here, whether or not the real API has it"
    )
    sys.stderr.write(f"dpo-ops emulator: UNKNOWN ROUTE: {message}\n")
    return refuse("NOT_FOUND", message)
