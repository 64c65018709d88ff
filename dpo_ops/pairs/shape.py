"""Whether a row, read as a tree, has the shape of a preference pair. Pure.

Each check is a generator: it yields the faults it finds and returns what it could read,
None where that is not usable, so that one mistake does not set off a second finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dpo_ops.pairs.rules import INPUT_FIELDS, MESSAGE_FIELDS, PART_FIELDS, ROW_FIELDS, Fault
from dpo_ops.pairs.scan import Kind, Node, quote

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from collections.abc import Set as AbstractSet

_INPUT_ROLES: Final = frozenset({"system", "user", "assistant", "tool"})
_OTHER_FORMATS: Final = ("chosen", "samples")


class Content(NamedTuple):
    """The text of a message, and the value that holds it."""

    node: Node
    text: str


def faults(row: Node) -> Iterator[Fault]:
    """Yield what is wrong with the shape of `row`; nothing for a good pair."""
    if row.kind is not Kind.OBJECT:
        yield Fault("one-object", row.at, f"the row is {row.kind}, not an object")
    elif other := _other_format(row):
        yield Fault("other-format", other.at, f"this row has {quote(other.text)}")
    else:
        yield from _pair(row)


def _other_format(row: Node) -> Node | None:
    keys = {key.text: key for key, _ in row.members}
    if ROW_FIELDS & keys.keys():
        return None
    return next((keys[name] for name in _OTHER_FORMATS if name in keys), None)


def _pair(row: Node) -> Iterator[Fault]:
    yield from _unknown_fields(row, ROW_FIELDS)
    yield from _input(row)
    preferred = yield from _answer(row, "preferred_output")
    other = yield from _answer(row, "non_preferred_output")
    if preferred and other and preferred.text == other.text:
        what = "preferred_output and non_preferred_output have the same content"
        yield Fault("same-answers", other.node.at, what)


def _input(row: Node) -> Iterator[Fault]:
    value = yield from _field(row, "input", Kind.OBJECT)
    if value is None:
        return
    yield from _unknown_fields(value, INPUT_FIELDS)
    if value.get("tools"):
        tools = yield from _field(value, "tools", Kind.LIST)
        yield from _all_objects(tools.items if tools else (), "a tool")
    messages = yield from _field(value, "messages", Kind.LIST)
    if messages and not messages.items:
        yield Fault("no-messages", messages.at, "messages is empty")
    elif messages:
        yield from _turns(messages)


def _turns(messages: Node) -> Iterator[Fault]:
    roles = []
    for message in messages.items:
        role = yield from _input_role(message)
        yield from _content(message)
        roles.append(role)
    yield from _misplaced(roles)
    # A role that can't be read may be the user's: then it alone is the finding.
    if all(role and role.text != "user" for role in roles):
        yield Fault("one-turn", messages.at, "messages has no user message")


def _misplaced(roles: Sequence[Node | None]) -> Iterator[Fault]:
    users = 0
    for index, role in enumerate(roles):
        if role is None:
            continue
        users += role.text == "user"
        if role.text == "system" and index > 0:
            yield Fault("system-first", role.at, f"a system message in position {index + 1}")
        elif role.text == "tool":
            yield Fault("tool-role", role.at, "a tool message in input")
        elif role.text == "assistant":
            yield Fault("one-turn", role.at, "an assistant message in input")
        elif role.text == "user" and users > 1:
            yield Fault("one-turn", role.at, "one more user message")


def _input_role(message: Node) -> Generator[Fault, None, Node | None]:
    role = yield from _role(message)
    if role and role.text not in _INPUT_ROLES:
        yield Fault("unknown-role", role.at, f"role {quote(role.text)}")
        return None
    return role


def _answer(row: Node, side: str) -> Generator[Fault, None, Content | None]:
    messages = yield from _field(row, side, Kind.LIST)
    if messages is None:
        return None
    if len(messages.items) != 1:
        where = messages.items[1] if messages.items else messages
        yield Fault("one-answer", where.at, f"{side} has {len(messages.items)} messages, not 1")
        return None
    role = yield from _role(messages.items[0])
    if role and role.text != "assistant":
        yield Fault("answer-role", role.at, f"role {quote(role.text)} in {side}")
    return (yield from _content(messages.items[0]))


def _role(message: Node) -> Generator[Fault, None, Node | None]:
    if message.kind is not Kind.OBJECT:
        yield Fault("wrong-type", message.at, f"a message is {message.kind}, not an object")
        return None
    yield from _unknown_fields(message, MESSAGE_FIELDS)
    return (yield from _field(message, "role", Kind.STRING))


def _content(message: Node) -> Generator[Fault, None, Content | None]:
    if message.kind is not Kind.OBJECT:
        return None
    node = message.get("content")
    if node is None:
        yield Fault("missing-field", message.at, "a message has no content")
        return None
    text = yield from _text(node)
    return None if text is None else Content(node, text)


def _text(node: Node) -> Generator[Fault, None, str | None]:
    """Return the text of a message's content, None if it has none to read."""
    if node.kind is Kind.LIST:
        return (yield from _parts(node))
    if node.kind is not Kind.STRING:
        yield Fault("wrong-content", node.at, f"content is {node.kind}, not a string")
        return None
    yield from _emptiness(node, "content")
    return node.text or None


def _parts(node: Node) -> Generator[Fault, None, str | None]:
    texts = []
    for part in node.items:
        texts.append((yield from _part(part)))  # noqa: PERF401 - no comprehension can yield from
    if not texts:
        yield Fault("empty-content", node.at, "content is an empty list")
    readable = [text for text in texts if text]
    return "".join(readable) if readable and len(readable) == len(texts) else None


def _part(part: Node) -> Generator[Fault, None, str | None]:
    kind = part.get("type")
    if kind is None or kind.kind is not Kind.STRING or kind.text != "text":
        where = kind or part
        yield Fault("wrong-content", where.at, "a part of content is not a text part")
        return None
    yield from _unknown_fields(part, PART_FIELDS)
    text = part.get("text")
    if text is None or text.kind is not Kind.STRING:
        yield Fault("wrong-content", (text or part).at, "a text part has no text")
        return None
    yield from _emptiness(text, "a text part")
    return text.text


def _emptiness(text: Node, name: str) -> Iterator[Fault]:
    if not text.text:
        yield Fault("empty-content", text.at, f"{name} is empty")
    elif text.text.isspace():
        yield Fault("blank-content", text.at, f"{name} is white space only")


def _all_objects(items: Sequence[Node], name: str) -> Iterator[Fault]:
    for item in items:
        if item.kind is not Kind.OBJECT:
            yield Fault("wrong-type", item.at, f"{name} is {item.kind}, not an object")


def _unknown_fields(owner: Node, known: AbstractSet[str]) -> Iterator[Fault]:
    for key, _ in owner.members:
        if key.text not in known:
            yield Fault("unknown-field", key.at, f"the field {quote(key.text)}")


def _field(owner: Node, name: str, kind: Kind) -> Generator[Fault, None, Node | None]:
    """Return the value of a required field if it is of the `kind`."""
    value = owner.get(name)
    if value is None:
        yield Fault("missing-field", owner.at, f"{name} is missing")
        return None
    if value.kind is not kind:
        yield Fault("wrong-type", value.at, f"{name} is {value.kind}, not {kind}")
        return None
    return value
