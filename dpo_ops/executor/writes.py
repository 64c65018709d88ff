"""One step of a change, as API calls that are safe to repeat.

A create that finds its id taken looks at what is there: the same content is adopted, other
content is refused. So a lost reply, a second run and a second applier all end in one resource.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_never

from dpo_ops.errors import AdoptionError, AlreadyExists, DpoOpsError, NotFound, Rejected
from dpo_ops.executor.waits import sleep_unless
from dpo_ops.kinds import KINDS
from dpo_ops.kinds.facts import Behaviour, Listing, following
from dpo_ops.kinds.values import secret_variable
from dpo_ops.planner import Step, Verb
from dpo_ops.resource import Health, last_segment, localise, qualify

if TYPE_CHECKING:
    from collections.abc import Callable

    from dpo_ops.client import Client
    from dpo_ops.executor.waits import Clock, Waits
    from dpo_ops.kinds import Kind
    from dpo_ops.planner import Change
    from dpo_ops.resource import Json, Observed, Resource

_LOOKS = 5
"""How often a taken id is asked for before it counts as that of something deleted."""


@dataclass(frozen=True, slots=True)
class Writer:
    """What every write needs: the client, time, secrets and a way to be stopped."""

    client: Client
    clock: Clock
    waits: Waits
    stop: Callable[[], bool]
    secret: Callable[[str], str]
    uploaded: Callable[[Change, int, int], None]
    adopted: set[str] = field(default_factory=set)
    """Names of resources that were found complete, so that nothing is uploaded to them."""

    def perform(self, change: Change, step: Step) -> str:
        """Carry out one writing step; return what there is to say of it.

        Raises:
            DpoOpsError: it did not succeed; to repeat it later is safe.
        """
        match step.verb:
            case Verb.CREATE:
                return self._create(change, step.name)
            case Verb.UNDELETE:
                return self._undelete(step.name)
            case Verb.UPLOAD:
                return self._upload(change, step.name)
            case Verb.PATCH:
                return self._patch(change, step.name)
            case Verb.DELETE:
                return self._delete(change, step.name)
            case Verb.WAIT | Verb.PROBE:
                raise AssertionError(f"{step} writes nothing")
        assert_never(step.verb)

    def _create(self, change: Change, name: str) -> str:
        kind, resource = KINDS[change.address.kind], wanted(change)
        collection, _, id_ = name.partition("/")
        while True:
            try:
                self._post_new(kind, resource, collection, id_)
            except AlreadyExists:
                record = self._taken(f"{collection}/{id_}")
                if record is not None:
                    return self._adopt(kind, resource, record, f"{collection}/{id_}")
                id_ = self._after_deleted(f"{collection}/{id_}")
            else:
                return f"created {id_}"

    def _post_new(self, kind: Kind, resource: Resource, collection: str, id_: str) -> None:
        body = self._sendable(resource.body)
        said = kind.creation
        named = {said.id_key: id_}
        payload = {**named, said.wrapper: body} if said.id_in == "body" else body
        params = {} if said.id_in == "body" else named
        # The id is ours, so a repeat ends in a 409 that is looked into: never in a second one.
        self.client.post(self._path(collection), payload, params, repeatable=True)

    def _taken(self, name: str) -> Mapping[str, Json] | None:
        """Return what holds a taken id; None when it is only the trace of something deleted."""
        for look in range(_LOOKS):
            if look:
                sleep_unless(self.clock, self.waits.first_s, self.stop)
            try:
                record: Mapping[str, Json] = self._get(name)
            except NotFound:
                continue
            return record
        return None

    def _after_deleted(self, name: str) -> str:
        following_id = following(last_segment(name))
        if following_id:
            return following_id
        why = "the platform keeps the ids of deleted resources"
        raise AdoptionError("its id is taken, yet there is no such resource", where=name, why=why)

    def _adopt(self, kind: Kind, resource: Resource, record: Mapping[str, Json], name: str) -> str:
        seen = kind.find(resource, Listing({kind.collection: [record]}))
        if seen.conflict:
            fix = "rename the spec, or remove what is in its way"
            raise AdoptionError("its id is taken", where=name, why=seen.conflict, fix=fix)
        if seen.health is Health.NOT_FOUND and kind.undeletable:
            return self._undelete(name)
        if seen.health in (Health.FAILED, Health.TERMINATING):
            raise AdoptionError(
                f"it exists and is {seen.message}",
                where=name,
                why="that was not so when the plan was made",
                fix="plan again",
            )
        if seen.health is Health.CURRENT:
            self.adopted.add(name)
        return f"found {last_segment(name)} there already, with the same content"

    def _undelete(self, name: str) -> str:
        self.client.post(self._path(f"{name}:undelete"), {}, repeatable=True)
        return f"restored {last_segment(name)}"

    def _upload(self, change: Change, name: str) -> str:
        content = wanted(change).content
        if content is None or name in self.adopted:
            return "its file is there already"
        try:
            self.client.upload(
                last_segment(name),
                Path(content.path),
                size=content.size,
                digest=content.digest,
                progress=lambda done, total: self.uploaded(change, done, total),
                stop=self.stop,
            )
        except (AlreadyExists, Rejected):
            # An upload whose reply was lost may be done; its id says that the bytes are ours.
            if self._health(change, name) is not Health.CURRENT:
                raise
        return f"uploaded {content.size} bytes, {content.rows} rows"

    def _patch(self, change: Change, name: str) -> str:
        kind, resource = KINDS[change.address.kind], wanted(change)
        record = self._get(name)
        body = self._sendable(_merged(kind, resource.body, record))
        tops = sorted({path.path.partition(".")[0] for path in change.fields} or resource.body)
        mask = ",".join(_snake(top) for top in tops if top in body)
        self.client.patch(self._path(name), body, {"updateMask": mask})
        return "changed " + ", ".join(tops)

    def _delete(self, change: Change, name: str) -> str:
        kind = KINDS[change.address.kind]
        own = kind.delete_params if name.startswith(f"{kind.collection}/") else {}
        made_anew = Step(Verb.CREATE, name) in change.steps
        params = {**own, "hard": "true"} if made_anew else dict(own)
        try:
            self.client.delete(self._path(name), params)
        except NotFound:
            return f"{last_segment(name)} was gone already"
        if made_anew:
            self._await_gone(name)
        return f"deleted {last_segment(name)}"

    def _await_gone(self, name: str) -> None:
        until = self.clock.now() + self.waits.grace_s
        while self.clock.now() < until and not self.stop():
            try:
                self._get(name)
            except NotFound:
                return
            sleep_unless(self.clock, self.waits.first_s, self.stop)
        raise DpoOpsError("it does not go away", where=name, fix="apply again later")

    def _health(self, change: Change, name: str) -> Health:
        kind = KINDS[change.address.kind]
        record = self._get(name)
        seen: Observed = kind.find(wanted(change), Listing({kind.collection: [record]}))
        return seen.health

    def _get(self, name: str) -> dict[str, Any]:
        record: dict[str, Any] = localise(self.client.get(self._path(name)), self.client.account)
        return record

    def _path(self, name: str) -> str:
        return f"accounts/{self.client.account}/{name}"

    def _sendable(self, body: Mapping[str, Json]) -> dict[str, Any]:
        """Return the body for the wire: names in full, secrets in place of their references."""
        sent: dict[str, Any] = _revealed(qualify(body, self.client.account), self.secret)
        return sent


def wanted(change: Change) -> Resource:
    """Return the resource that a change with steps is about."""
    if change.resource is None:
        raise AssertionError(f"{change.address} has steps, but no resource")
    return change.resource


def _merged(kind: Kind, body: Mapping[str, Json], record: Mapping[str, Json]) -> dict[str, Any]:
    """Return what a PATCH sends: what the spec says over what the record holds.

    Whether the server replaces what a PATCH leaves out is not known, so all that can be
    changed goes along. What the server fills by itself does not: it follows from the rest.
    """
    rows = {row.path: row.behaviour for row in kind.fields if "." not in row.path}
    kept = {k: v for k, v in record.items() if rows.get(k) is Behaviour.MUTABLE and v is not None}
    sent = {k: v for k, v in body.items() if rows.get(k) is not Behaviour.INPUT_ONLY}
    return {**kept, **{key: _deep(kept_value(record, key), sent[key]) for key in sent}}


def kept_value(record: Mapping[str, Json], key: str) -> Json:
    """Return what the record holds, without what it only shows as unset."""
    value = record.get(key)
    if isinstance(value, Mapping):
        return {k: v for k, v in value.items() if v not in (None, "", [], {})}
    return value


def _deep(below: Json, above: Json) -> Json:
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        return {**below, **{key: _deep(below.get(key), value) for key, value in above.items()}}
    return above


def _revealed(value: Json, secret: Callable[[str], str]) -> Json:
    if variable := secret_variable(value):
        return secret(variable)
    if isinstance(value, Mapping):
        return {key: _revealed(inner, secret) for key, inner in value.items()}
    if isinstance(value, list):
        return [_revealed(inner, secret) for inner in value]
    return value


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
