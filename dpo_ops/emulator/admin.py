"""The emulator's own routes under `/_emulator/`: request log, faults, clock, settings.

They ask for no key and are not in the request log. The settings: `paymentMethod` (false asks
for a card), `quotas` (id to limit), `suspendState`, `patchWithoutMask` (`merge` or `replace`)
and `jobOverrides`, a list of `{job, at, state, status}`: a job whose id the glob `job` matches
goes to `state` when it reaches `at` (by default RUNNING), and stays there. Likewise
`deploymentOverrides`, a list of `{deployment, state, status}`, for one that would get READY.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from .clock import duration, timestamp
from .faults import check_fault
from .store import Store
from .wire import Request, Response, refuse, reply
from .world import World

PREFIX: Final = "/_emulator/"
_SETTINGS: Final = frozenset(
    {
        "paymentMethod",
        "quotas",
        "jobOverrides",
        "deploymentOverrides",
        "patchWithoutMask",
        "suspendState",
    }
)


_OVERRIDES: Final = {
    "jobOverrides": "{job, state, at?, status?}",
    "deploymentOverrides": "{deployment, state, status?}",
}


def answer(world: World, request: Request) -> Response:
    """Answer one admin request.

    Raises:
        RefusalError: 400 for a body that makes no sense, 404 for a route that is none.
    """
    respond = _ROUTES.get((request.method, request.path.removeprefix(PREFIX)))
    if respond is None:
        raise refuse("NOT_FOUND", f"no admin route {request.method} {request.path}")
    return respond(world, _body(request))


def _body(request: Request) -> Any:
    content = request.content()
    try:
        return json.loads(content) if content else {}
    except ValueError:
        raise refuse("INVALID_ARGUMENT", "the body is not JSON") from None


def _get_requests(world: World, _: Any) -> Response:
    return reply({"requests": world.store.requests()})


def _clear_requests(world: World, _: Any) -> Response:
    world.store.clear_requests()
    return reply({})


def _get_faults(world: World, _: Any) -> Response:
    return reply({"faults": [{**fault, "id": n} for n, fault in world.store.faults()]})


def _add_fault(world: World, body: Any) -> Response:
    return reply({"id": world.store.set_fault(check_fault(body))})


def _clear_faults(world: World, body: Any) -> Response:
    world.store.drop_fault(body.get("id") if isinstance(body, dict) else None)
    return reply({})


def _get_clock(world: World, _: Any) -> Response:
    return reply({"now": timestamp(world.instant, precise=True), "seconds": world.now})


def _advance_clock(world: World, body: Any) -> Response:
    step = body.get("advance") if isinstance(body, dict) else None
    seconds = duration(step, "advance") if isinstance(step, str) else step
    if not isinstance(seconds, int | float) or seconds < 0:
        raise refuse("INVALID_ARGUMENT", 'want {"advance": "600s"} or a number of seconds')
    advance(world.store, seconds)
    world.now += seconds
    return _get_clock(world, None)


def advance(store: Store, seconds: float) -> None:
    """Move the emulated clock forward."""
    emulated, wall = store.note("clock")
    store.set_note("clock", (emulated + seconds, wall))


def _get_settings(world: World, _: Any) -> Response:
    return reply(world.settings)


def _set_settings(world: World, body: Any) -> Response:
    if not isinstance(body, dict) or not set(body) <= _SETTINGS:
        raise refuse("INVALID_ARGUMENT", f"settings are {sorted(_SETTINGS)}")
    _check_settings(body)
    world.store.set_note("settings", {**world.settings, **body})
    return reply(world.settings)


def _check_settings(body: Mapping[str, Any]) -> None:
    for key, form in _OVERRIDES.items():
        overrides = body.get(key, [])
        if not isinstance(overrides, list) or not all(
            isinstance(o, dict) and isinstance(o.get("state"), str) for o in overrides
        ):
            raise refuse("INVALID_ARGUMENT", f"{key} is a list of {form}")
    quotas = body.get("quotas", {})
    if not isinstance(quotas, dict) or not all(isinstance(v, int) for v in quotas.values()):
        raise refuse("INVALID_ARGUMENT", "quotas maps quota ids to whole numbers")


_ROUTES: Final[Mapping[tuple[str, str], Callable[[World, Any], Response]]] = {
    ("GET", "requests"): _get_requests,
    ("DELETE", "requests"): _clear_requests,
    ("GET", "faults"): _get_faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "clock"): _get_clock,
    ("POST", "clock"): _advance_clock,
    ("GET", "settings"): _get_settings,
    ("POST", "settings"): _set_settings,
}
