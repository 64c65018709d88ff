"""What came of what: commits, data, jobs, models and deployments, from Git and the account.

Pure: it is told what each commit wanted and, where there is one, all that an account holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dpo_ops.kinds import KINDS, every_kind
from dpo_ops.kinds.facts import stem_of
from dpo_ops.planner.history import name_in
from dpo_ops.planner.mentions import held, mentions
from dpo_ops.resource import last_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dpo_ops.kinds import Kind
    from dpo_ops.planner.mentions import Records
    from dpo_ops.planner.releases import Commit, Release
    from dpo_ops.resource import Address, Json, Resource


@dataclass(frozen=True, slots=True)
class Node:
    """Something that came of something: its name `collection/id`, or `commits/<hash>`.

    `address` is what the newest spec of it calls it; `state` is empty where nobody was asked.
    `more` is how many later commits want it too.
    """

    name: str
    address: str = ""
    state: str = ""
    created: str = ""
    digest: str = ""
    rows: int = 0
    commit: Commit | None = None
    more: int = 0

    @property
    def id(self) -> str:
        """The id alone."""
        return last_segment(self.name)


@dataclass(slots=True)
class Graph:
    """Nodes by name, and for each what it came from."""

    account: str
    nodes: dict[str, Node] = field(default_factory=dict)
    origins: dict[str, set[str]] = field(default_factory=dict)

    def results(self) -> dict[str, set[str]]:
        """Return for each node what came of it."""
        found: dict[str, set[str]] = {}
        for name, origins in self.origins.items():
            for origin in origins:
                found.setdefault(origin, set()).add(name)
        return found

    def around(self, name: str) -> Graph:
        """Return the part of it from which `name` came, and what came of it."""
        reached = _reach(self.origins, name) | _reach(self.results(), name)
        nodes = {one: node for one, node in self.nodes.items() if one in reached}
        origins = {one: self.origins.get(one, set()) & reached for one in nodes}
        return Graph(self.account, nodes, origins)

    def find(self, asked: str) -> list[str]:
        """Return the names of what can be meant: an address, a name, an id, a hash."""
        given = asked.removeprefix("accounts/-/").removeprefix(f"accounts/{self.account}/")
        tests: tuple[Callable[[Node], bool], ...] = (
            lambda n: n.name == given,
            lambda n: n.address == asked,
            lambda n: n.id == asked,
            lambda n: bool(n.address) and n.address.partition("/")[2] == asked,
            lambda n: len(asked) >= _SHORTEST and n.id.startswith(asked) and bool(n.commit),
            lambda n: len(asked) >= _DIGEST and n.digest.startswith(asked),
        )
        found = ([n for n, node in self.nodes.items() if test(node)] for test in tests)
        return next((names for names in found if names), []) if asked else []

    def known(self, name: str, **said: Json) -> None:
        """Take in what is said of a node."""
        self.nodes[name] = replace(self.nodes.get(name) or Node(name), **said)

    def link(self, name: str, origin: str) -> None:
        """Say that something came from something else."""
        if name != origin:
            self.origins.setdefault(name, set()).add(origin)


_SHORTEST, _DIGEST = 4, 10


def graph(releases: Sequence[Release], account: str, records: Records | None) -> Graph:
    """Return what came of what, over all commits and all that the account holds."""
    made = Graph(account)
    digests: dict[str, str] = {}
    for release in reversed(releases):
        commit = f"commits/{release.commit.id}"
        made.known(commit, commit=release.commit)
        desired: Mapping[Address, Resource] = release.desired or {}
        for resource in desired.values():
            name = name_in(resource)
            _want(made, name, resource, desired)
            if resource.content:
                digests[resource.content.digest] = name
            if first := _first_commit(made, name):
                made.known(name, more=made.nodes[name].more + (first != commit))
            else:
                made.link(name, commit)
    for address, name in _newest(releases).items():
        made.known(name, address=str(address))
    if records is not None:
        _hold(made, held(records), digests)
    return made


def _want(made: Graph, name: str, resource: Resource, desired: Mapping[Address, Resource]) -> None:
    content = resource.content
    made.known(name, **({"digest": content.digest, "rows": content.rows} if content else {}))
    for need in resource.needs:
        if need in desired:
            made.link(name, name_in(desired[need]))
    for other in mentions(resource.body, made.account) - {name}:
        made.known(other)
        made.link(name, other)


def _first_commit(made: Graph, name: str) -> str:
    origins = made.origins.get(name, ())
    return next((origin for origin in origins if origin.startswith("commits/")), "")


def _newest(releases: Iterable[Release]) -> dict[Address, str]:
    found: dict[Address, str] = {}
    for release in releases:
        for address, resource in (release.desired or {}).items():
            found.setdefault(address, name_in(resource))
    return found


def _hold(made: Graph, records: Mapping[str, Mapping[str, Json]], digests: dict[str, str]) -> None:
    ranks = _ranks()
    kinds = {kind.collection: kind for kind in every_kind()}
    for name in made.nodes:
        if name.partition("/")[0] in ranks and name not in records:
            made.known(name, state="not in the account")
    for name, record in records.items():
        collection, id_ = name.split("/", 1)
        kind = kinds.get(collection)
        made.known(name, state=_state(kind, record), created=str(record.get("createTime") or ""))
        own = f"{kind.product}/{stem_of(id_)}" if kind and kind.product else ""
        for other in mentions(record, made.account) - {name}:
            if other not in made.nodes:
                # Where it is there after all, its own record says so later.
                made.known(other, state="not in the account")
            if other == own or _names_back(kind, other, name, records, made.account):
                made.link(other, name)
            elif ranks.get(other.partition("/")[0], 0) <= ranks.get(collection, 0):
                made.link(name, other)
        for digest in _digests(kind, record):
            data = digests.get(digest, f"data/{digest}")
            made.known(data, digest=digest)
            made.link(name, data)


def _names_back(
    kind: Kind | None,
    made: str,
    maker: str,
    records: Mapping[str, Mapping[str, Json]],
    account: str,
) -> bool:
    """Return whether what a record names is a product that names it as its maker."""
    if kind is None or not kind.product or not made.startswith(f"{kind.product}/"):
        return False
    return maker in mentions(records.get(made), account)


def _state(kind: Kind | None, record: Mapping[str, Json]) -> str:
    return kind.health(record)[1] if kind else str(record.get("state") or "").lower()


def _digests(kind: Kind | None, record: Mapping[str, Json]) -> Iterator[str]:
    recalled = kind.recall(record).get("dataset") if kind else None
    if isinstance(recalled, str):
        yield recalled


def _ranks() -> dict[str, int]:
    """Return how far each collection is from the data; what refers the other way is no origin."""
    return {
        collection: rank
        for rank, kind in enumerate(KINDS.values())
        for collection in (kind.collection, kind.product, kind.loads)
        if collection
    }


@dataclass(frozen=True, slots=True)
class Tree:
    """A node and what stands under it; `seen` where that is shown elsewhere already."""

    node: Node
    under: tuple[Tree, ...] = ()
    seen: bool = False


def tree(found: Graph, name: str, ways: Mapping[str, Iterable[str]]) -> Tree:
    """Return what can be reached from a node, as a tree; each node is opened once."""
    return _tree(found, name, ways, set())


def _tree(found: Graph, name: str, ways: Mapping[str, Iterable[str]], opened: set[str]) -> Tree:
    if name in opened:
        return Tree(found.nodes[name], seen=bool(ways.get(name)))
    opened.add(name)
    nearest = _nearest(found, set(ways.get(name, ())), ways)
    return Tree(found.nodes[name], tuple(_tree(found, one, ways, opened) for one in nearest))


def _nearest(found: Graph, names: set[str], ways: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the names that are not reached through another of them; commits always."""
    beyond = {one for name in names for one in _reach(ways, name) - {name}}
    kept = [n for n in names if n in found.nodes and (n not in beyond or found.nodes[n].commit)]
    return sorted(kept, key=lambda n: (bool(found.nodes[n].commit), found.nodes[n].created, n))


def _reach(ways: Mapping[str, Iterable[str]], start: str) -> set[str]:
    reached, todo = {start}, [start]
    while todo:
        for other in ways.get(todo.pop(), ()):
            if other not in reached:
                reached.add(other)
                todo.append(other)
    return reached
