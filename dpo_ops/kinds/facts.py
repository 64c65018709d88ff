"""What a kind is: a table of facts and a few pure functions, read by general stages.

No stage names a kind. What differs between a dataset, a job and a deployment stands in one
file each beside this one; this file holds the shape of those facts. No I/O, no clock.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from dpo_ops.errors import Finding, Severity
from dpo_ops.kinds.pricing import Cost, Prices, Unpriced
from dpo_ops.resource import HERE, Health, Json, Keeping, Observed, Resource, last_segment, localise

if TYPE_CHECKING:
    from dpo_ops.errors import Place
    from dpo_ops.resource import Address, Content

ID_PATTERN = r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
ID_LIMIT = 63
DIGEST_LENGTH = 10
DISPLAY_LIMIT = 63
STACK_LIMIT = 24


class Behaviour(StrEnum):
    """What a field of the REST schema does, which decides how the diff treats it."""

    MUTABLE = "mutable"
    """Compared where the spec sets it; a difference is an update."""
    IMMUTABLE = "immutable"
    """Part of the identity: another value is another id, so it is never compared in place."""
    OUTPUT_ONLY = "output-only"
    """The server's to say; never sent, never compared."""
    INPUT_ONLY = "input-only"
    """Sent, but not answered or not comparable; never a reason to change something."""
    SERVER_DEFAULT = "server-default"
    """As mutable, but the server fills it when left out, so only a value in the spec counts."""


PATCHED = (Behaviour.MUTABLE, Behaviour.SERVER_DEFAULT)
"""What an update can change."""


class Origin(StrEnum):
    """Who may give a field its value."""

    SPEC = "spec"
    DERIVED = "derived"
    SERVER = "server"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the REST schema, by its dotted path, and why it is treated as it is.

    `same` says when two of its values are the same. `whole` is for a map whose keys are the
    user's: it is compared and sent as one value, so that what leaves the spec leaves the account.
    """

    path: str
    behaviour: Behaviour
    reason: str
    origin: Origin = Origin.SPEC
    same: Callable[[Json, Json], bool] | None = None
    whole: bool = False


def server(path: str, reason: str) -> Field:
    """Return the row of a field that is the server's to say."""
    return Field(path, Behaviour.OUTPUT_ONLY, reason, Origin.SERVER)


def withheld(path: str, reason: str) -> Field:
    """Return the row of a field that specs may not set, and why."""
    return Field(path, Behaviour.INPUT_ONLY, reason, Origin.WITHHELD)


class Spec(BaseModel):
    """What every `spec:` block is: the API's own field names, and nothing unknown."""

    model_config = ConfigDict(
        # Built when first used: a model that only stands inside another is never built alone.
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        defer_build=True,
    )


class Kept(Spec):
    """What every spec may say of whose it is and of its deletion; nothing of it decides an id."""

    deletionPolicy: Literal["delete", "retain"] | None = None
    """What becomes of it when it is destroyed, replaced, or its spec is gone: delete or retain."""
    protect: bool | None = None
    """Never deleted, unless replaced and the new one answers; to drop the spec lifts nothing."""
    external: bool | None = None
    """true: somebody else's; then only id stands beside it, and nothing of it is changed."""

    def keeping(self) -> Keeping:
        """Return it as a resource says it."""
        policy = self.deletionPolicy
        return Keeping(bool(self.protect), policy == "retain", policy == "delete")


KEPT = tuple(Kept.model_fields)
"""The fields of `Kept`: said to this tool, not to the API."""


@dataclass(frozen=True, slots=True)
class Document:
    """One spec document after templating: its name, its checked spec and where it stands."""

    address: Address
    spec: Any
    given: Mapping[str, Json]
    place: Place
    places: Mapping[str, Place]
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that names a resource of another spec: `path` dotted, `kind` what it must be.

    A value with a slash is a full resource name and refers to no spec. Where `path` takes none,
    `full` is how to write one instead, such as `model: accounts/…/models/…`.
    """

    path: str
    kind: str
    full: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at the dotted `path` of a spec that types alone can't say."""

    path: str
    what: str
    why: str = ""
    fix: str = ""
    severity: Severity = Severity.ERROR


@dataclass(frozen=True, slots=True)
class Creation:
    """How a create says the id: in the body beside the resource, or in the query."""

    id_key: str
    id_in: Literal["body", "query"]
    wrapper: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """What must be asked of the platform before spending: can `base_model` train and serve?

    `addons` asks for shapes that can serve a LoRA adapter of it. Where a spec names the full
    name of a `shape`, that alone is asked for: which hardware does it take?
    """

    base_model: str
    addons: bool
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The platform's answer: the model's record (None: no such model) and the fitting shapes.

    To a question for one shape it is that shape, or none where the account may not see it.
    """

    model: Mapping[str, Json] | None
    shapes: tuple[Mapping[str, Json], ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means for one resource: findings, and values to pin where none are given.

    `known` is what it says that only the cost depends on; it joins the resource's options.
    """

    findings: tuple[Finding, ...] = ()
    pins: Mapping[str, Json] = field(default_factory=dict)
    known: Mapping[str, Json] = field(default_factory=dict)


Claims = Callable[[Mapping[str, Json]], tuple[str, str]]
_ACCOUNTS = "accounts/"


class Listing:
    """What the account's list calls answered, indexed so that finding one is a look-up.

    `missing` are full names that a direct GET said do not exist.
    """

    def __init__(
        self, records: Mapping[str, Sequence[Mapping[str, Json]]], missing: Iterable[str] = ()
    ) -> None:
        self.missing = frozenset(missing)
        self._by_id: dict[tuple[str, str], Mapping[str, Json]] = {}
        self._by_stem: dict[tuple[str, str], list[Mapping[str, Json]]] = defaultdict(list)
        self._attempts: dict[tuple[str, str], list[Mapping[str, Json]]] = defaultdict(list)
        self._by_name: dict[str, Mapping[str, Json]] = {}
        self._by_claim: dict[str, dict[tuple[str, str], list[Mapping[str, Json]]]] = {}
        for collection, rows in records.items():
            for record in rows:
                self._index(collection, record)

    @classmethod
    def of(cls, records: Mapping[str, Sequence[Mapping[str, Json]]], account: str) -> Self:
        """Return the listing of what `account` answered, its own names written `accounts/-/…`."""
        return cls({name: localise(rows, account) for name, rows in records.items()})

    def get(self, collection: str, id_: str) -> Mapping[str, Json] | None:
        """Return the record with this id, or None."""
        return self._by_id.get((collection, id_))

    def named(self, name: str) -> Mapping[str, Json] | None:
        """Return the record with this full name, or None."""
        return self._by_name.get(name)

    def claimed(
        self, collection: str, by: Claims, whose: tuple[str, str]
    ) -> list[Mapping[str, Json]]:
        """Return the records whose stack and spec name are `whose`, oldest first."""
        if collection not in self._by_claim:
            found = self._by_claim[collection] = defaultdict(list)
            for record in sorted(self.all(collection), key=_created):
                found[by(record)].append(record)
        return self._by_claim[collection].get(whose, [])

    def all(self, collection: str) -> list[Mapping[str, Json]]:
        """Return every record of a collection, by id."""
        return [r for (where, _), r in sorted(self._by_id.items()) if where == collection]

    def generations(self, collection: str, name: str) -> list[Mapping[str, Json]]:
        """Return the records whose id is `<name>-<digest>`, oldest first."""
        return sorted(self._by_stem[collection, name], key=_created)

    def attempts(self, collection: str, stem: str) -> list[tuple[int, Mapping[str, Json]]]:
        """Return the records whose id is `<stem>-a<n>` with their n, first attempt first."""
        found = ((attempt_of(record), record) for record in self._attempts[collection, stem])
        return sorted(found, key=lambda pair: pair[0])

    def _index(self, collection: str, record: Mapping[str, Json]) -> None:
        name = str(record.get("name", ""))
        self._by_name[name] = record
        if name.startswith(_ACCOUNTS) and not name.startswith(HERE):
            return  # Of another account: there the same id is something else.
        id_ = last_segment(name)
        self._by_id[collection, id_] = record
        if attempt := _ATTEMPT.fullmatch(id_):
            self._attempts[collection, attempt["stem"]].append(record)
            id_ = attempt["stem"]
        if stem := _STEM.fullmatch(id_):
            self._by_stem[collection, stem["name"]].append(record)


_STEM = re.compile(rf"(?P<name>.+)-[0-9a-f]{{{DIGEST_LENGTH}}}")
_ATTEMPT = re.compile(rf"(?P<stem>.+-[0-9a-f]{{{DIGEST_LENGTH}}})-a(?P<n>[1-9][0-9]*)")


def attempt_of(record: Mapping[str, Json]) -> int:
    """Return the n of an id that ends in `-a<n>`, or 0."""
    match = _ATTEMPT.fullmatch(last_segment(str(record.get("name", ""))))
    return int(match["n"]) if match else 0


def _created(record: Mapping[str, Json]) -> tuple[str, str]:
    return str(record.get("createTime") or ""), str(record.get("name") or "")


def stem_of(id_: str) -> str:
    """Return an id without the number of an attempt: what a job `x-a2` makes is `x`."""
    match = _ATTEMPT.fullmatch(id_)
    return match["stem"] if match else id_


def name_of(id_: str) -> str:
    """Return what a spec calls that of which an id is one generation; empty if it is none."""
    match = _STEM.fullmatch(stem_of(id_))
    return match["name"] if match else ""


def following(id_: str) -> str:
    """Return the id of the attempt after `<stem>-a<n>`; empty for an id without attempts."""
    match = _ATTEMPT.fullmatch(id_)
    return f"{match['stem']}-a{int(match['n']) + 1}" if match else ""


def lists_of(kinds: Iterable[Kind]) -> dict[str, dict[str, str]]:
    """Return the collections that these kinds are found in, with the parameters to list them."""
    wanted: dict[str, dict[str, str]] = {}
    for kind in kinds:
        for collection in kind.reads:
            own = kind.list_params if collection == kind.collection else {}
            wanted.setdefault(collection, {}).update(own)
    return wanted


def always(record: Mapping[str, Json]) -> bool:  # noqa: ARG001  -- the default `proven`
    """Say that a kind which does not serve has nothing to prove."""
    return True


class Fate(Enum):
    """What may become of a record that no spec describes any more."""

    DELETED = auto()
    RETAINED = auto()
    PROTECTED = auto()


def deletable(record: Mapping[str, Json]) -> Fate:  # noqa: ARG001  -- the default `fate`
    """Say that nothing in a record speaks against its deletion."""
    return Fate.DELETED


def without_tags(
    body: Mapping[str, Json],  # noqa: ARG001  -- the default `tags`
    record: Mapping[str, Json],  # noqa: ARG001
) -> Mapping[str, str | None]:
    """Say that a kind has no annotations."""
    return {}


def unstamped(resource: Resource) -> Mapping[str, str]:  # noqa: ARG001  -- the default `stamp`
    """Say that a kind has no annotations to say it in."""
    return {}


def unknown_if_applied(
    resource: Resource,  # noqa: ARG001  -- the default `applied`
    record: Mapping[str, Json],  # noqa: ARG001
    path: str,  # noqa: ARG001
    wish: Json,  # noqa: ARG001
) -> bool | None:
    """Say that a record does not tell which spec was applied to it."""
    return None


def never_runs_out(record: Mapping[str, Json]) -> str:  # noqa: ARG001  -- the default `ran_out`
    """Say that the platform does not take it away by itself."""
    return ""


def never(record: Mapping[str, Json]) -> bool:  # noqa: ARG001  -- the default `paused`
    """Say that a kind has nothing that could be resumed."""
    return False


def no_problems(spec: Any) -> Iterator[Problem]:  # noqa: ARG001  -- the default `check`
    """Say that a spec whose types are right has nothing else to be checked."""
    return iter(())


def takes_any(
    spec: Any,  # noqa: ARG001  -- the default `takes`
    files: Mapping[str, Content],  # noqa: ARG001
) -> Iterator[Problem]:
    """Say that a spec can do with whatever is in the files that it refers to."""
    return iter(())


def unportrayed(
    record: Mapping[str, Json],  # noqa: ARG001  -- the default `portray`
    listing: Listing,  # noqa: ARG001
) -> Portrait | None:
    """Say that an import leaves it out."""
    return None


def suits_all(
    spec: Any,  # noqa: ARG001  -- the default `suits`
    links: Mapping[str, Any],  # noqa: ARG001
) -> Iterator[Problem]:
    """Say that a spec goes with whatever it refers to."""
    return iter(())


def asks_nothing(
    resource: Resource,  # noqa: ARG001  -- the default `asks`
    record: Mapping[str, Json] | None,  # noqa: ARG001
) -> Question | None:
    """Say that a kind needs no answer from the platform before it is created or changed."""
    return None


def no_verdict(
    resource: Resource,  # noqa: ARG001  -- the default `judge`
    answer: Answer,  # noqa: ARG001
    dependents: Sequence[Resource],  # noqa: ARG001
) -> Verdict:
    """Say nothing about an answer."""
    return Verdict()


def costs_nothing(
    resource: Resource,
    needs: Sequence[Resource],
    prices: Prices,
) -> None:
    """Say that creating one is not charged for."""


def nothing_sunk(
    resource: Resource,
    older: Mapping[str, Json],
    needs: Sequence[Resource],
    held: Sequence[Mapping[str, Json]],
    prices: Prices,
) -> None:
    """Say that an older one which is still being made is not charged for."""


def as_it_is(
    body: Mapping[str, Json],
    made: Mapping[str, Json],  # noqa: ARG001  -- the default `finish`
) -> Mapping[str, Json]:
    """Return a body that nothing has to be added to."""
    return body


def same_again(resource: Resource, failed: Mapping[str, Json]) -> Mapping[str, Json]:  # noqa: ARG001  -- the default `anew`
    """Return the body as it is: what is made anew does not say that it is."""
    return resource.body


def nothing_recalled(record: Mapping[str, Json]) -> Mapping[str, Json]:  # noqa: ARG001  -- the default `recall`
    """Return nothing: a record of this kind does not say what decided it."""
    return {}


@dataclass(frozen=True, slots=True)
class Retirement:
    """What the platform no longer does, since when, and which field of a spec says it otherwise."""

    what: str
    since: str
    path: str
    instead: str


@dataclass(frozen=True, slots=True)
class Portrait:
    """What an import says of something that it found, as comments beside its spec.

    `known` is by name, `instead` the spec that would take it over and `how` what to know of that;
    nothing stands in `instead` where it can't be taken over.
    """

    known: Mapping[str, Json]
    how: str
    instead: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Traffic:
    """How it is asked whether something that runs was used for a day.

    `path` follows its full name in a GET with `params`. `runs` says whether a record is worth
    the question, `unused` whether an answer certainly says that nobody used it.
    """

    path: str
    params: Mapping[str, str]
    runs: Callable[[Mapping[str, Json]], bool]
    unused: Callable[[Mapping[str, Json]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The facts of one kind, and the pure functions that only it can give.

    `reads` are the collections whose lists `find` needs. `schema` is the OpenAPI schema that
    `fields` classify completely. `health` says how one record is; `find` looks a resource up in
    the lists, with all that stands for it there; `desire` makes the wanted resource from a
    document and from the resources that it refers to.
    """

    name: str
    collection: str
    schema: str
    spec: type[Spec]
    fields: tuple[Field, ...]
    creation: Creation
    desire: Callable[[Document, Mapping[str, Resource], str], Resource]
    health: Callable[[Mapping[str, Json]], tuple[Health, str]]
    find: Callable[[Resource, Listing], Observed]
    reads: tuple[str, ...]
    done: Mapping[str, Json] = field(default_factory=lambda: {"state": "READY"})
    """What a record says once there is nothing to wait for any more, in the platform's words."""
    list_params: Mapping[str, str] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    content_field: str = ""
    name_limit: int = ID_LIMIT
    check: Callable[[Any], Iterator[Problem]] = no_problems
    takes: Callable[[Any, Mapping[str, Content]], Iterator[Problem]] = takes_any
    """From a spec and the files of what it refers to, by dotted path: what does not go together."""
    asks: Callable[[Resource, Mapping[str, Json] | None], Question | None] = asks_nothing
    """What must be known before it is created, or before a record of it is changed to what the
    resource says; None where nothing must."""
    judge: Callable[[Resource, Answer, Sequence[Resource]], Verdict] = no_verdict
    outputs: Callable[[Resource, Observed], Mapping[str, Json]]
    price: Callable[[Resource, Sequence[Resource], Prices], Cost | Unpriced | None] = costs_nothing
    """What creating it costs, from the resources that it needs; None where it is free."""
    sunk: Callable[
        [Resource, Mapping[str, Json], Sequence[Resource], Sequence[Mapping[str, Json]], Prices],
        Cost | Unpriced | None,
    ] = nothing_sunk
    """What an older one costs in all that is still being made: from the resource as it is wanted
    now, the older record, what the resource needs, and what the account holds of that."""
    patchable: bool = False
    undeletable: bool = False
    """A deleted one keeps its id, and `:undelete` brings it back."""
    supersedes: bool = False
    """A new generation removes the earlier ones once it is proven; else they are kept."""
    answers: bool = False
    """It serves: it is only done when a probe completion answers from it."""
    trains: bool = False
    """It trains: the account keeps a file of what was measured at each step of it."""
    proof: Mapping[str, str] = field(default_factory=dict)
    """The tags that are set on it once it has answered, so that the next run knows."""
    proven: Callable[[Mapping[str, Json]], bool] = always
    """Whether a record carries that proof."""
    tags: Callable[[Mapping[str, Json], Mapping[str, Json]], Mapping[str, str | None]] = (
        without_tags
    )
    """From a body and a record: the annotations to set, and those to take away (None)."""
    stamp: Callable[[Resource], Mapping[str, str]] = unstamped
    """The annotations that say which spec was applied to it, set once it has answered."""
    applied: Callable[[Resource, Mapping[str, Json], str, Json], bool | None] = unknown_if_applied
    """Whether a record says that what the spec wishes at a dotted path is what was last applied
    to it; None where it says nothing."""
    traffic: Traffic | None = None
    """How to see that it runs for nobody; None for what does not run."""
    ran_out: Callable[[Mapping[str, Json]], str] = never_runs_out
    """Says that the platform took it away for want of use; empty where somebody else did."""
    fate: Callable[[Mapping[str, Json]], Fate] = deletable
    """What a record says of its own deletion, whether or not there is a spec of it."""
    claims: Claims | None = None
    """Gives the stack and the spec name that a standing record is marked with; none for a kind
    that costs nothing while it stands, so that nobody has to be warned of one without a spec."""
    anew: Callable[[Resource, Mapping[str, Json]], Mapping[str, Json]] = same_again
    """The body to create where a failed record makes room for it: how often that was done is
    written on it, so that `find` can call a failure final."""
    paused: Callable[[Mapping[str, Json]], bool] = never
    """Whether a record is halted and goes on when it is told to `:resume`."""
    paid: str = ""
    """What creating one costs, in words; empty when it costs nothing."""
    delete_params: Mapping[str, str] = field(default_factory=dict)
    product: str = ""
    """The collection of what it makes, which has its id without the number of the attempt."""
    loads: str = ""
    """The collection of what is loaded onto it later, beside what it was made with."""
    retained: str = ""
    """Why `destroy` keeps it unless told otherwise; empty when it deletes it."""
    elsewhere: Kind | None = None
    """The facts that hold instead where a resource is only referred to."""
    portray: Callable[[Mapping[str, Json], Listing], Portrait | None] = unportrayed
    """What an import says of a record; None for what it leaves out."""
    suits: Callable[[Any, Mapping[str, Any]], Iterator[Problem]] = suits_all
    """Finds what is wrong with a spec beside those that it refers to, each by its dotted path."""
    made_here: Kind | None = None
    """The facts that hold instead where a resource has a recipe: it is made here and then sent."""
    finish: Callable[[Mapping[str, Json], Mapping[str, Json]], Mapping[str, Json]] = as_it_is
    """Completes the body of what was made here: from the body and from what its maker says of it
    (an adapter's `adapter_config.json`)."""
    recall: Callable[[Mapping[str, Json]], Mapping[str, Json]] = nothing_recalled
    """What a record says that decided it, in the form of `Recipe.decides`."""
    retirement: Retirement | None = None
    """That the platform no longer makes it, and what to write instead."""


def fact(kind: Kind, path: str) -> Field | None:
    """Return the row that classifies `path`: its own, or that of the nearest part above it."""
    return fact_in(kind.fields, path)


def fact_in(fields: Iterable[Field], path: str) -> Field | None:
    """Return the same from rows alone."""
    rows = {row.path: row for row in fields}
    while path:
        if row := rows.get(path):
            return row
        path = path.rpartition(".")[0]
    return None


def mark(stack: str) -> str:
    """Return the text that says in a displayName which stack owns the resource."""
    return f"[dpo-ops:{stack}]"


def marked(text: str, stack: str) -> str:
    """Return a displayName under 64 characters: as much of `text` as fits, and the mark."""
    tail = " " + mark(stack)
    return text[: DISPLAY_LIMIT - len(tail)].rstrip() + tail


def is_marked(record: Mapping[str, Json], stack: str) -> bool:
    """Return whether a record's displayName carries the mark of `stack`."""
    return str(record.get("displayName") or "").endswith(mark(stack))


def display_problem(text: str | None) -> Iterator[Problem]:
    """Find a displayName that would not fit beside the longest possible mark."""
    room = DISPLAY_LIMIT - len(" " + mark("x" * STACK_LIMIT))
    if text is not None and len(text) > room:
        yield Problem(
            "displayName",
            f"is {len(text)} characters long",
            f"the platform takes 63, and the mark of the stack needs its part of them: {room} fit",
            "shorten it",
        )


def here(collection: str, id_: str) -> str:
    """Return the full name of a resource in the account that is planned for."""
    return f"{HERE}{collection}/{id_}"


def filled(record: Mapping[str, Json], *, ready: str, waiting: str) -> tuple[Health, str]:
    """Return how something is that is made empty and then filled; it has no failed state."""
    state = str(record.get("state") or "STATE_UNSPECIFIED")
    if state == "READY":
        return Health.CURRENT, ready
    if state in ("UPLOADING", "STATE_UNSPECIFIED"):
        return Health.IN_PROGRESS, waiting
    return Health.UNKNOWN, f"in a state that this version does not know: {state}"


def given(spec: Spec) -> dict[str, Json]:
    """Return what the spec says and nothing more: fields left out are left out here too."""
    return spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
