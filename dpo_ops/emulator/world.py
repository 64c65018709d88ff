"""What a responder may see and change while it answers one request."""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from .clock import nanoseconds
from .codec import read, write
from .engine import Engine
from .store import Row, Store
from .wire import Request, Response, not_found, refuse, reply

Profile = Literal["managed", "retired"]

_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
PUBLIC: Final = "fireworks"
OK: Final[Mapping[str, str]] = {"code": "OK", "message": ""}
_DISPLAY_NAME_LIMIT: Final = 64


@dataclass(frozen=True)
class Config:
    """How one emulator was set up; sizes in bytes."""

    account: str
    profile: Profile
    api_key: str | None
    unauthenticated_status: int
    retired_job_status: int
    upload_limit: int
    engine: Engine


@dataclass
class World:
    """The store at one moment of emulated time (`now`, in seconds since the epoch)."""

    config: Config
    store: Store
    now: float

    @property
    def parent(self) -> str:
        """The resource name of the caller's account."""
        return f"accounts/{self.config.account}"

    @property
    def settings(self) -> dict[str, Any]:
        """What the admin route has switched."""
        return dict(self.store.note("settings") or {})

    @property
    def instant(self) -> int:
        """Now, in the nanoseconds that resources store."""
        return nanoseconds(self.now)

    @property
    def author(self) -> str:
        """The address that stands for whoever holds the key."""
        return f"{self.config.account}@emulator.invalid"

    def moment(self) -> dict[str, Any]:
        """Return the fields that every new resource has."""
        return {"createTime": self.instant, "updateTime": self.instant, "status": dict(OK)}

    def mine(self, row: Row | None) -> Row:
        """Return the row, or refuse with 404 where there is none."""
        if row is None:
            raise not_found()
        return row

    def request_id(self) -> str:
        """Return a fresh UUID."""
        return str(uuid.UUID(self.store.fresh("request")[:32]))


@dataclass(frozen=True)
class Upload:
    """A body that was written to disk before its transaction began; `size` in bytes."""

    path: Path
    size: int
    filename: str = ""


@dataclass(frozen=True)
class Call:
    """One request on its way to a responder, with the ids from its path."""

    world: World
    request: Request
    ids: tuple[str, ...]
    body: Any = None
    upload: Upload | None = None

    @property
    def store(self) -> Store:
        """The store that the request works on."""
        return self.world.store

    @property
    def parent(self) -> str:
        """The account that the path names, as a resource name."""
        return f"accounts/{self.ids[0]}"

    def name(self, collection: str, place: int = 1) -> str:
        """Return the resource name that the path addresses."""
        return f"{self.parent}/{collection}/{self.ids[place]}"

    def flag(self, name: str) -> bool:
        """Whether a boolean query parameter is set."""
        return self.request.query.get(name, "").lower() in {"true", "1"}

    def message(self, kind: str) -> dict[str, Any]:
        """Return the body read as a message."""
        return read(kind, {} if self.body is None else self.body)


@dataclass(frozen=True)
class Later:
    """An answer that is worked out after the transaction, because it takes time."""

    answer: Callable[[], Response] = field()


Answer = Response | Later
Responder = Callable[[Call], Answer]


def shown(message: str, row: Row, *, precise: bool = False) -> Response:
    """Return a resource as an answer."""
    return reply(write(message, {**row.fields, "name": row.name}, precise=precise))


def check_id(value: str, what: str) -> str:
    """Return a resource id, or refuse with 400 one that breaks the naming rule."""
    if not _ID.fullmatch(value):
        rule = "1-63 characters of a-z, 0-9 and -, starting with a letter, not ending with -"
        raise refuse("INVALID_ARGUMENT", f"invalid {what} {value!r}: {rule}")
    return value


def check_new(world: World, name: str) -> None:
    """Refuse with 409 a name that is, or was, in use."""
    if world.store.get(name) is not None or world.store.buried(name):
        raise refuse("ALREADY_EXISTS", f"resource already exists: {name}")


def check_text(fields: Mapping[str, Any], *, description: int | None = None) -> None:
    """Refuse with 400 a displayName of 64 characters or more, or too long a description."""
    if len(fields.get("displayName", "")) >= _DISPLAY_NAME_LIMIT:
        raise refuse("INVALID_ARGUMENT", "display_name must be fewer than 64 characters long")
    if description and len(fields.get("description", "")) >= description:
        problem = f"description must be fewer than {description} characters long"
        raise refuse("INVALID_ARGUMENT", problem)
