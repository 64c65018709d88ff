"""The Stack document: the name that marks what the specs own, the account, defaults by kind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from dpo_ops.kinds import DEFAULT_STACK, KINDS, STACK, StackSpec
from dpo_ops.loader.check import validate
from dpo_ops.loader.tree import Entry, merge, nearest
from dpo_ops.loader.words import likely, meant, quoted
from dpo_ops.resource import Policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dpo_ops.loader.envelope import Draft, Lost
    from dpo_ops.loader.findings import Log

_KIND = re.compile(r"""^kind:\s*["']?Stack\b""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Stack:
    """What holds for all specs. `complete` is False when some of it could not be read."""

    name: str = DEFAULT_STACK
    named: bool = False
    account: str | None = None
    policy: Policy = field(default_factory=Policy)
    defaults: dict[str, Entry] = field(default_factory=dict)
    complete: bool = True


def take_stack(drafts: Sequence[Draft], lost: Lost, log: Log) -> Stack:
    """Return the one Stack among the documents, or the default one."""
    found = [draft for draft in drafts if draft.address.kind == STACK]
    for other in found[1:]:
        what = f"this is a second Stack; the first is at {found[0].place}"
        why = "a set of specs is one stack"
        log.report(other.place, what, why, "keep one", rule="second-stack")
    if not found:
        return Stack(complete=not any(_KIND.search(text) for text in lost.texts))
    return _read(found[0], log)


def _read(draft: Draft, log: Log) -> Stack:
    before = log.errors
    spec = validate(StackSpec, draft.spec, (), log)
    written = draft.spec.node.value.get("defaults")
    defaults = dict(written.node.value) if written and isinstance(written.node.value, dict) else {}
    for kind, entry in defaults.items():
        if kind not in KINDS:
            what = f"defaults are by kind, and there is no kind {quoted(kind)}"
            log.report(entry.key_place, what, fix=meant(kind, KINDS), rule="unknown-kind")
    if spec:
        _addresses(draft, spec, log)
    sound = draft.sound and log.errors == before
    account = spec.account if spec else None
    policy = spec.policy() if spec else Policy()
    return Stack(draft.address.name, draft.named, account, policy, defaults, sound)


def _addresses(draft: Draft, spec: StackSpec, log: Log) -> None:
    """Report the patterns that no address can match: they would protect or accept nothing."""
    accepted = (spec.drift and spec.drift.accept) or ()
    patterns = [
        *((text, ("protected", number)) for number, text in enumerate(spec.protected or ())),
        *((one.address, ("drift", "accept", n, "address")) for n, one in enumerate(accepted)),
    ]
    for text, path in patterns:
        if problem := _unmatchable(text):
            what = f"{quoted(text)} is no address and no pattern of addresses"
            log.report(nearest(draft.spec, path), what, *problem, rule="address")


def _unmatchable(pattern: str) -> tuple[str, str] | None:
    """Return why a pattern matches no address, and what to write; None where one may match."""
    fix = "write an address, such as Deployment/einstein, or a pattern such as Deployment/*"
    kind, slash, name = pattern.partition("/")
    begins = _WILD.split(kind)[0]
    # Without a slash of its own, a wildcard has to match the one of the address.
    known = (
        any(fnmatchcase(one, kind) for one in KINDS)
        if slash
        else begins != kind and any(one.startswith(begins) for one in KINDS)
    )
    if not known:
        guess = likely(kind, KINDS) if slash else None
        if guess:
            fix = f"did you mean {quoted(f'{guess}/{name}', bare=True)}?"
        elif slash:
            fix = meant(kind, KINDS)
        return "no address begins like that; it would match nothing", fix
    if slash and not _NAMES.fullmatch(name):
        return "names take a-z, 0-9 and -; it would match nothing", fix
    return None


_WILD = re.compile(r"[*?\[]")
_NAMES = re.compile(r"[a-z0-9*?\[\]!-]+")


def with_defaults(draft: Draft, stack: Stack) -> Entry:
    """Return the spec of a document with the defaults of its kind under it."""
    if draft.external:
        return draft.spec  # What somebody else keeps has its own settings.
    under, spec = stack.defaults.get(draft.address.kind), draft.spec
    if under is None or not isinstance(under.node.value, dict):
        return spec
    return Entry(spec.source, spec.index, merge(under.node, spec.node))
