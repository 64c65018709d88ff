"""One step of a change, as calls that are safe to repeat.

A create that finds its id taken looks at what is there: the same content is adopted, other
content is refused. So a lost reply, a second run and a second applier all end in one resource.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpo_ops.errors import (
    AdoptionError,
    AlreadyExists,
    DpoOpsError,
    Interrupted,
    NotFound,
    Rejected,
    Retired,
)
from dpo_ops.executor.waits import sleep_unless
from dpo_ops.kinds.facts import PATCHED, Behaviour, Listing, fact, following, lists_of
from dpo_ops.kinds.values import leaves, secret_variable
from dpo_ops.planner import Step, Verb
from dpo_ops.resource import HERE, Health, last_segment, localise, qualify

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dpo_ops.client import Client
    from dpo_ops.executor.training import Workshop
    from dpo_ops.executor.waits import Clock, Waits
    from dpo_ops.kinds import Kind
    from dpo_ops.planner import Change
    from dpo_ops.resource import Json, Observed, Resource
    from dpo_ops.trainers import Measured

_REFUSALS = 4
"""How often a create is refused for what it needs before that counts."""
_VALIDATED = ":validateUpload"
_TRACES = 100
"""How many ids of deleted attempts are passed over before something else must be wrong."""


@dataclass(frozen=True, slots=True)
class Done:
    """A step that is over: what there is to say of it, and the id that the resource now has."""

    note: str
    id: str


@dataclass(frozen=True, slots=True)
class Writer:
    """What every step needs: the client, time, secrets, trainers and a way to be stopped."""

    client: Client
    clock: Clock
    waits: Waits
    stop: Callable[[], bool]
    secret: Callable[[str], str]
    uploaded: Callable[[Change, int, int], None]
    measured: Callable[[Change, Measured], None]
    workshop: Workshop

    def perform(self, change: Change, step: Step) -> Done:
        """Carry out one writing step.

        Raises:
            Interrupted: it was asked to stop before it was over.
            DpoOpsError: it did not succeed; to repeat it later is safe.
        """
        if step.verb is Verb.CREATE:
            return self._create(change, step.name)
        if step.verb is Verb.UNDELETE:
            return self._undelete(change, step.name)
        return Done(self._told(change, step), change.id)

    def _told(self, change: Change, step: Step) -> str:
        carries_out = {
            Verb.TRAIN: self._train,
            Verb.UPLOAD: self._upload_made if _is_made_here(change) else self._upload,
            Verb.RESUME: self._resume,
            Verb.CANCEL: self._cancel,
            Verb.PATCH: self._patch,
            Verb.MARK: self._mark,
            Verb.TAG: self._tag,
            Verb.DELETE: self._delete,
        }.get(step.verb)
        if carries_out is None:
            raise AssertionError(f"{step} is carried out elsewhere")
        return carries_out(change, step.name)

    def _create(self, change: Change, name: str) -> Done:
        kind, resource = change.kind, self._finished(change)
        for _ in range(_TRACES):
            try:
                self._post_when_ready(kind, resource, last_segment(name))
            except AlreadyExists:
                seen = self._holder(kind, resource, name)
                if not _is_trace(kind, seen, name):
                    return self._adopt(kind, seen, name)
                name = self._after_deleted(name)
            else:
                return Done(f"created {last_segment(name)}", last_segment(name))
        raise AdoptionError("its id is taken, and so are all that follow", where=name)

    def _post_when_ready(self, kind: Kind, resource: Resource, id_: str) -> None:
        """Create; where the refusal names what it needs, a few more times.

        A run beside this one may send the same file once more, and until that has been taken in
        the file is not there for anybody.
        """
        needed = [last_segment(name) for _, name in leaves(resource.body) if _is_ours(name)]
        for left in reversed(range(_REFUSALS)):
            try:
                self._post_new(kind, resource, kind.collection, id_)
            except Rejected as error:
                if not left or not any(need in error.why for need in needed):
                    raise
                self._pause()
            else:
                return

    def _post_new(self, kind: Kind, resource: Resource, collection: str, id_: str) -> None:
        body = self._sendable(resource.body)
        said = kind.creation
        named = {said.id_key: id_}
        payload = {**named, said.wrapper: body} if said.id_in == "body" else body
        params = {} if said.id_in == "body" else named
        # The id is ours, so a repeat ends in a 409 that is looked into: never in a second one.
        self.client.post(self._path(collection), payload, params, repeatable=True)

    def _holder(self, kind: Kind, resource: Resource, name: str) -> Observed:
        """Return what holds a taken id, or all else that stands for it where nothing does."""
        record = self._patiently(name)
        if record is not None:
            return kind.find(resource, Listing({kind.collection: [record]}))
        lists = self.client.lists(lists_of([kind]))
        return kind.find(resource, Listing.of(lists, self.client.account))

    def _patiently(self, name: str) -> Mapping[str, Json] | None:
        """Return a record that must be there; None when even patience does not show it."""
        until = self.clock.now() + self.waits.grace_s
        while True:
            try:
                record: Mapping[str, Json] = self._get(name)
            except NotFound:
                if self.clock.now() >= until:
                    return None
            else:
                return record
            self._pause()

    def _pause(self) -> None:
        sleep_unless(self.clock, self.waits.first_s, self.stop)
        if self.stop():
            # What was seen in haste proves nothing: no decision may rest on it.
            raise Interrupted("stopped")

    def _after_deleted(self, name: str) -> str:
        collection, _, id_ = name.partition("/")
        if following_id := following(id_):
            return f"{collection}/{following_id}"
        why = "the platform keeps the ids of deleted resources"
        raise AdoptionError("its id is taken, yet there is no such resource", where=name, why=why)

    def _adopt(self, kind: Kind, seen: Observed, name: str) -> Done:
        if seen.conflict:
            fix = "rename the spec, or remove what is in its way"
            raise AdoptionError("its id is taken", where=name, why=seen.conflict, fix=fix)
        if seen.health is Health.NOT_FOUND:
            return Done(self._restore(kind, name), seen.id)
        if seen.health in (Health.FAILED, Health.TERMINATING):
            raise AdoptionError(
                f"it exists and is {seen.message}",
                where=name,
                why="that was not so when the plan was made",
                fix="plan again",
            )
        return Done(f"found {seen.id} there already, with the same content", seen.id)

    def _undelete(self, change: Change, name: str) -> Done:
        kind = change.kind
        try:
            return Done(self._restore(kind, name), last_segment(name))
        except NotFound:
            # Purged since the plan was made: what comes back is the same, only made anew.
            return self._create(change, name)

    def _restore(self, kind: Kind, name: str) -> str:
        self._call(f"{name}:undelete", lambda record: kind.health(record)[0] is Health.NOT_FOUND)
        return f"restored {last_segment(name)}"

    def _resume(self, change: Change, name: str) -> str:
        self._call(f"{name}:resume", change.kind.paused)
        return f"resumed {last_segment(name)}"

    def _cancel(self, change: Change, name: str) -> str:
        health = change.kind.health
        try:
            self._call(f"{name}:cancel", lambda record: health(record)[0] is Health.IN_PROGRESS)
        except NotFound:
            return f"{last_segment(name)} is gone already"
        return f"cancelled {last_segment(name)}"

    def _call(self, call: str, to_do: Callable[[Mapping[str, Json]], bool]) -> None:
        """Call `name:verb`; a refusal counts only where there is still something `to_do`.

        The reply to an earlier try may have been lost, or it came about by itself.
        """
        try:
            self.client.post(self._path(call), {}, repeatable=True)
        except Rejected:
            if to_do(self._get(call.rpartition(":")[0])):
                raise

    def _upload(self, change: Change, name: str) -> str:
        content, kind = wanted(change).content, change.kind
        if content is None or self._is_current(kind, name):
            return "its file is there already"

        def send() -> None:
            self.client.upload(
                last_segment(name),
                Path(content.path),
                size=content.size,
                digest=content.digest,
                progress=lambda done, total: self.uploaded(change, done, total),
                stop=self.stop,
            )

        self._fill(kind, name, send)
        return f"uploaded {content.size} bytes, {content.rows} rows"

    def _train(self, change: Change, name: str) -> str:  # noqa: ARG002  -- as all of them
        done = self.workshop.train(
            wanted(change), lambda measured: self.measured(change, measured), self.stop
        )
        return f"trained in {done.steps} steps"

    def _finished(self, change: Change) -> Resource:
        """Return the resource with what only its making could tell, where it was made here."""
        resource = wanted(change)
        if resource.recipe is None:
            return resource
        said = self.workshop.description(resource)
        return replace(resource, body=change.kind.finish(resource.body, said))

    def _upload_made(self, change: Change, name: str) -> str:
        if self._is_current(change.kind, name):
            return "its files are there already"
        files = self.workshop.files(wanted(change))

        def send() -> None:
            self.client.upload_model(
                last_segment(name),
                files,
                progress=lambda done, total: self.uploaded(change, done, total),
                stop=self.stop,
            )

        self._fill(change.kind, name, send)
        return f"uploaded {sum(file.size for file in files)} bytes in {len(files)} files"

    def _fill(self, kind: Kind, name: str, send: Callable[[], None]) -> None:
        """Send files; what the id says of the bytes is true of whoever else sends them, too."""
        try:
            send()
        except (AlreadyExists, Rejected) as error:
            # An upload whose reply was lost may be done.
            if self._is_current(kind, name):
                return
            if _VALIDATED not in error.request:
                raise
        else:
            return
        # Another run announced the same files after us, so that ours count no more. It sends
        # its own; if it dies over that, we send ours again.
        until = self.clock.now() + self.waits.grace_s
        while not self._is_current(kind, name):
            if self.clock.now() >= until:
                send()
                return
            self._pause()

    def _is_current(self, kind: Kind, name: str) -> bool:
        try:
            return kind.health(self._get(name))[0] is Health.CURRENT
        except NotFound:
            return False  # A read may lag behind the create.

    def _patch(self, change: Change, name: str) -> str:
        kind, resource = change.kind, wanted(change)
        paths = [f.path for f in change.fields if _is_patched(kind, f.path)]
        tops = sorted({path.partition(".")[0] for path in paths})
        body = self._sendable(_merged(kind, resource.body, self._get(name), tops))
        self.client.patch(self._path(name), body, {"updateMask": ",".join(map(_snake, tops))})
        return "changed " + ", ".join(tops)

    def _tag(self, change: Change, name: str) -> str:
        tags = change.kind.tags(self._finished(change).body, self._get(name))
        new = {key: value for key, value in tags.items() if value is not None}
        gone = [key for key, value in tags.items() if value is None]
        # What is still to be patched was not applied yet: then the proof says it.
        last = not any(step.verb is Verb.PATCH for step in change.steps)
        new |= change.kind.stamp(wanted(change)) if tags and last else {}
        if new:
            self.client.post(self._path(f"{name}:setTags"), {"tags": new}, repeatable=True)
        if gone:
            self.client.post(self._path(f"{name}:deleteTags"), {"keys": gone}, repeatable=True)
        return f"set {', '.join(tags)}" if tags else "they are there already"

    def _mark(self, change: Change, name: str) -> str:
        tags = {**change.kind.proof, **change.kind.stamp(wanted(change))}
        try:
            self.client.post(self._path(f"{name}:setTags"), {"tags": tags}, repeatable=True)
        except (Rejected, NotFound, Retired) as error:
            # It has answered, and that is what counts; only the next run will ask it again.
            return f"the proof could not be written down: {error.why}"
        return "the proof is written down"

    def _delete(self, change: Change, name: str) -> str:
        kind = change.kind
        made_anew = Step(Verb.CREATE, name) in change.steps
        params = {**kind.delete_params, **({"hard": "true"} if made_anew else {})}
        try:
            self.client.delete(self._path(name), params)
        except NotFound:
            return f"{last_segment(name)} was gone already"
        if made_anew:
            self._await_gone(name)
        return f"deleted {last_segment(name)}"

    def _await_gone(self, name: str) -> None:
        until = self.clock.now() + self.waits.grace_s
        while self.clock.now() < until:
            try:
                self._get(name)
            except NotFound:
                return
            self._pause()
        raise DpoOpsError("it does not go away", where=name, fix="apply again later")

    def _get(self, name: str) -> dict[str, Any]:
        record: dict[str, Any] = localise(self.client.get(self._path(name)), self.client.account)
        return record

    def _path(self, name: str) -> str:
        return f"accounts/{self.client.account}/{name}"

    def _sendable(self, body: Mapping[str, Json]) -> dict[str, Any]:
        """Return the body for the wire: names in full, secrets in place of their references."""
        sent: dict[str, Any] = _revealed(qualify(body, self.client.account), self.secret)
        return sent


def _is_ours(name: Json) -> bool:
    return isinstance(name, str) and name.startswith(HERE)


def _is_made_here(change: Change) -> bool:
    return change.resource is not None and change.resource.recipe is not None


def wanted(change: Change) -> Resource:
    """Return the resource that a change with steps is about."""
    if change.resource is None:
        raise AssertionError(f"{change.address} has steps, but no resource")
    return change.resource


def _is_trace(kind: Kind, seen: Observed, name: str) -> bool:
    """Say whether an id is taken only by the memory of something deleted."""
    if seen.conflict or (kind.undeletable and seen.record is not None):
        return False
    over = seen.health is Health.FAILED and seen.id != last_segment(name)
    return over or seen.health is Health.NOT_FOUND


def _is_patched(kind: Kind, path: str) -> bool:
    row = fact(kind, path)
    return row is not None and row.behaviour in PATCHED


def _merged(
    kind: Kind, body: Mapping[str, Json], record: Mapping[str, Json], tops: Sequence[str]
) -> dict[str, Any]:
    """Return what a PATCH sends: the named fields as the spec says, the others as they are.

    Whether the server replaces what a PATCH leaves out is not known, so all that can be
    changed goes along. What the server fills by itself does not: it follows from the rest.
    """
    rows = {row.path: row.behaviour for row in kind.fields}
    kept = {k: v for k, v in record.items() if rows.get(k) is Behaviour.MUTABLE and v is not None}
    fixed = {k: v for k, v in body.items() if rows.get(k) is Behaviour.IMMUTABLE}
    said = {top: _over(kind, top, record.get(top), body.get(top)) for top in tops}
    return {**kept, **fixed, **said}


def _over(kind: Kind, path: str, below: Json, above: Json) -> Json:
    """Return `above` with what only `below` has, where the parts are fields of their own."""
    row = fact(kind, path)
    if row is None or row.whole or not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    kept = {k: v for k, v in below.items() if v not in (None, "", [], {})}
    return {
        **kept,
        **{k: _over(kind, f"{path}.{k}", below.get(k), v) for k, v in above.items()},
    }


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
