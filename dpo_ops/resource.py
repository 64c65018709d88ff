"""The nouns that all stages share. Values only: no I/O, no clock.

A `Resource` is what the specs want, an `Observed` is what the account holds for the same
`Address`. A name in a body that belongs to the account being planned for is written
`accounts/-/datasets/x`; `qualify` puts the account in, so that ids and digests never depend
on which account it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dpo_ops.errors import Place

Json = Any
"""A JSON value: None, bool, int, float, str, list or dict of the same."""

HERE = "accounts/-/"
"""How a body names the account that is planned for, whatever its id."""


class Health(StrEnum):
    """How a resource is, in one small set of words for all kinds."""

    IN_PROGRESS = "InProgress"
    CURRENT = "Current"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    NOT_FOUND = "NotFound"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """What a spec calls a resource: its kind and its name, printed `Dataset/einstein`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a file of pairs, summed over its rows; `estimated` unless really counted."""

    prompt: int
    preferred: int
    other: int
    estimated: bool = True

    def billable(self, epochs: int = 1) -> int:
        """Return the tokens that DPO is charged for: epochs x rows x (2P + C + R).

        The prompt stands before each of the two answers, so it counts twice.
        """
        return epochs * (2 * self.prompt + self.preferred + self.other)


@dataclass(frozen=True, slots=True)
class Content:
    """The file that belongs to a resource: `size` in bytes, `digest` = sha256 hex of its bytes.

    `tokens` are there where the loader was asked for them.
    """

    path: str
    digest: str
    size: int
    rows: int
    tokens: Tokens | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a model is trained on one's own compute, before it goes to the account.

    `trainer` names who trains, `weights` what it starts from. `settings` and `loss` are the
    job's `trainingConfig` and `lossConfig`, and `pairs` the file to train on. `start` is the
    full name of the model that a warm start goes on from; empty without one.
    """

    trainer: str
    weights: str
    settings: Mapping[str, Json]
    loss: Mapping[str, Json]
    pairs: Content
    start: str = ""

    @property
    def decides(self) -> dict[str, Json]:
        """What decides the weights, and so the id.

        Who trains does not: it is the same training on a cluster and on this machine. Of the
        base model's weights the name counts; nobody here can tell two copies to be the same.
        """
        return {
            "dataset": self.pairs.digest,
            "weights": self.weights,
            "trainingConfig": dict(self.settings),
            "lossConfig": dict(self.loss),
        }


@dataclass(frozen=True, slots=True)
class Keeping:
    """What a spec says of its own deletion.

    `protected` is never deleted: its address is never without what it has, so a new generation
    replaces an old one only once it has answered. `retained` is left in the account where it would
    be deleted, an old generation included, and `deleted` is deleted where its kind would be kept.
    """

    protected: bool = False
    retained: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """What the specs want to exist at one address.

    `id` is the remote id (for a job: the id of the model that it makes). `body` holds the API's
    own field names, with only what the spec says or identity derives; a None clears a field.
    `needs` are the addresses that must be current first. `place` is where the spec stands.
    `places` maps a dotted field path to where it is written.
    """

    address: Address
    id: str
    body: Mapping[str, Json]
    needs: tuple[Address, ...] = ()
    content: Content | None = None
    place: Place | None = None
    places: Mapping[str, Place] = field(default_factory=dict)
    stack: str = "default"
    options: Mapping[str, Json] = field(default_factory=dict)
    """What the spec says to this tool rather than to the API, such as the probe's prompt."""
    recipe: Recipe | None = None
    """How it is made on one's own compute; None where the platform makes it."""
    stays: bool = False
    """Its content is only read here, by trainers of one's own: it is never sent."""
    keeping: Keeping = Keeping()
    """What its spec says of its deletion."""
    external: str = ""
    """The full name of what exists and is only referred to; empty for what is made."""
    adopts: str = ""
    """The full name of what exists and is to be taken over, where nothing is there yet."""

    def where(self, *paths: str) -> Place | str:
        """Return where its spec says the first of these dotted paths, else where it stands.

        The address is returned where no file is to blame.
        """
        found = (self.places.get(path) for path in paths)
        return next((place for place in found if place), self.place) or str(self.address)


@dataclass(frozen=True, slots=True)
class Final:
    """Why a failure is not tried again, and what would change that."""

    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What the account holds for one address.

    `id` is the remote id of `record`; while there is no record, it is the id that a create
    would use. `next_id` is the id for a new attempt after a failure. `earlier` are other
    generations under the same name and the same mark, oldest first.
    """

    id: str
    health: Health
    message: str = ""
    record: Mapping[str, Json] | None = None
    next_id: str = ""
    earlier: tuple[Mapping[str, Json], ...] = ()
    final: Final | None = None
    """Why it is not tried again, where it failed; None when it is."""
    conflict: str = ""
    """Why the record is not what its id promises; then nothing here may be touched."""
    names: tuple[str, ...] = ()
    """What this stack made for the address, as `collection/id`: job, then model."""
    confirm: str = ""
    """A full name to ask for directly before this is believed: the lists do not show it."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """Drift that is accepted for a while: of an address, by its sort or by one field's path.

    `until` is the last day, as YYYY-MM-DD.
    """

    address: str
    owner: str
    until: str
    reason: str
    sort: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a stack allows in one plan.

    `max_cost` is for training, in US dollars; None is any sum. `max_deletes` and
    `max_delete_share` (0 to 1, of what is there) bound how much is deleted; None is any number.
    `base_models` and `accelerators` are patterns such as `accounts/fireworks/models/llama-*`;
    none allows all. `protected` are patterns of addresses that are not deleted, as `Keeping`
    has it.
    """

    max_cost: float | None = None
    max_deletes: int | None = None
    max_delete_share: float | None = None
    base_models: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    """The drift that somebody lives with; it matters to nothing but drift."""

    def protects(self, address: Address) -> bool:
        """Return whether one of the patterns in `protected` is of this address."""
        return any(fnmatchcase(str(address), pattern) for pattern in self.protected)


class State(Mapping[Address, Resource]):
    """The resources by address, in a fixed order whatever order the files came in.

    `named` says that a Stack document names the stack. Where none does, others that have none in
    the same account share its mark.
    """

    def __init__(
        self,
        resources: Mapping[Address, Resource],
        *,
        stack: str = "default",
        named: bool = False,
        policy: Policy = Policy(),
    ) -> None:
        self._resources = dict(sorted(resources.items()))
        self.stack = stack
        self.named = named
        self.policy = policy

    def holding(self, resources: Mapping[Address, Resource]) -> State:
        """Return the same stack with these resources instead."""
        return State(resources, stack=self.stack, named=self.named, policy=self.policy)

    def __getitem__(self, address: Address) -> Resource:
        return self._resources[address]

    def __iter__(self) -> Iterator[Address]:
        return iter(self._resources)

    def __len__(self) -> int:
        return len(self._resources)


def qualify(value: Json, account: str) -> Json:
    """Return `value` with every `accounts/-/…` string naming `account` instead."""
    return _renamed(value, HERE, f"accounts/{account}/")


def localise(value: Json, account: str) -> Json:
    """Return `value` with every name in `account` written `accounts/-/…`: undoes `qualify`."""
    return _renamed(value, f"accounts/{account}/", HERE)


_SCALARS = frozenset({bool, int, float, type(None)})


def _renamed(value: Json, old: str, new: str) -> Json:
    # Over thousands of records: exact types first, since asking for a Mapping takes longer.
    kind = type(value)
    if kind is str:
        return new + value[len(old) :] if value.startswith(old) else value
    if kind is dict or (kind not in _SCALARS and isinstance(value, Mapping)):
        return {key: _renamed(inner, old, new) for key, inner in value.items()}
    if kind is list or kind is tuple:
        return [_renamed(inner, old, new) for inner in value]
    return value


def in_account(desired: State, account: str) -> State:
    """Return `desired` as it reads in `account`: a name that spells it out means `accounts/-/`."""
    resources = {
        address: replace(
            resource,
            body=localise(resource.body, account),
            options=localise(resource.options, account),
            external=localise(resource.external, account),
            adopts=localise(resource.adopts, account),
        )
        for address, resource in desired.items()
    }
    return desired.holding(resources)


def last_segment(name: str) -> str:
    """Return the id in a resource name: the part behind the last slash."""
    return name.rpartition("/")[2]


def canonical(value: Json) -> str:
    """Return the one JSON text of `value`: sorted keys, no spaces, whole floats as integers.

    So `1e-5` and `0.00001`, `1` and `1.0` give the same text and the same digest.
    """
    return json.dumps(_whole(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Json) -> str:
    """Return the sha256, in hex, of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _whole(value: Json) -> Json:
    kind = type(value)
    if kind is float:
        return int(value) if value.is_integer() else value
    if kind is str or kind in _SCALARS:
        return value
    if kind is dict or isinstance(value, Mapping):
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(inner) for inner in value]
    return value
