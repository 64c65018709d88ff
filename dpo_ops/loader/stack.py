"""The Stack document: the name that marks what the specs own, the account, defaults by kind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dpo_ops.kinds import DEFAULT_STACK, KINDS, STACK, StackSpec
from dpo_ops.loader.check import validate
from dpo_ops.loader.tree import Entry, merge
from dpo_ops.loader.words import meant, quoted
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
    sound = draft.sound and log.errors == before
    account = spec.account if spec else None
    policy = spec.policy() if spec else Policy()
    return Stack(draft.address.name, account, policy, defaults, sound)


def with_defaults(draft: Draft, stack: Stack) -> Entry:
    """Return the spec of a document with the defaults of its kind under it."""
    if draft.external:
        return draft.spec  # What somebody else keeps has its own settings.
    under, spec = stack.defaults.get(draft.address.kind), draft.spec
    if under is None or not isinstance(under.node.value, dict):
        return spec
    return Entry(spec.source, spec.index, merge(under.node, spec.node))
