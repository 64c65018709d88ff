"""What exists already: a spec that only refers to it, and one that takes it over.

`external: true` is for what somebody else keeps: it is looked at, and nothing more. `adopt` on a
dataset or a job names what stands in for the thing that the spec would make, as long as the spec
still decides the id that it was adopted as; then it is treated in the same way.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field as Value

from dpo_ops.kinds.facts import Creation, Document, Kind, Listing, Spec, here
from dpo_ops.kinds.values import same
from dpo_ops.resource import HERE, Health, Json, Observed, Resource, last_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dpo_ops.kinds.facts import Portrait

_NAME = re.compile(r"accounts/(?:-|[a-z0-9][a-z0-9._-]*)/([A-Za-z]+)/[a-z0-9][a-z0-9._-]*")


def full_name(text: str, collection: str) -> str:
    """Return `text` where it is the full name of something in `collection`.

    Raises:
        ValueError: it is not.
    """
    match = _NAME.fullmatch(text)
    if not match or match[1] != collection:
        raise ValueError(f"write its full name, accounts/…/{collection}/…")
    return text


class External(Spec):
    """What somebody else keeps: looked at, never changed and never deleted."""

    external: Literal[True]
    """That it is somebody else's."""
    id: str
    """Its full name."""


class Adopted(Spec):
    """What stands in for the thing that a spec would make."""

    name: str
    """The full name of what exists."""
    as_: Annotated[str, Value(alias="as")]
    """The id that plan shows without adopt; once the spec decides another, it is made anew."""


def said(record: Mapping[str, Json], *keys: str) -> dict[str, Json]:
    """Return those of the fields that say something, without the parts that say nothing."""
    found = {key: _telling(record.get(key)) for key in keys}
    return {key: value for key, value in found.items() if value is not None}


def _telling(value: Json) -> Json:
    if isinstance(value, dict):
        return said(value, *value) or None
    return None if same(value, None) else value


AS_PLANNED = "as is the id that plan shows without adopt"


def stands_in(adopted: Adopted | None, id_: str) -> str:
    """Return the full name of what is to be used instead of `id_`; empty where nothing is."""
    return adopted.name if adopted and adopted.as_ == id_ else ""


def named(collection: str, resource: Resource) -> str:
    """Return the full name under which others refer to `resource`."""
    return resource.external or here(collection, resource.id)


def referring(document: Document, name: str, stack: str, **more: Any) -> Resource:
    """Return the resource that is nothing but a reference to `name`."""
    return Resource(
        address=document.address,
        id=last_segment(name),
        body={},
        content=document.content,
        place=document.place,
        places=document.places,
        stack=stack,
        options={"base": name, "addons": False},
        external=name,
        **more,
    )


def _desire(document: Document, links: Mapping[str, Resource], stack: str) -> Resource:  # noqa: ARG001  -- one signature for all kinds
    return referring(document, document.spec.id, stack)


def _find(resource: Resource, listing: Listing, health: Health_) -> Observed:
    name = resource.external
    record, id_ = listing.named(name), last_segment(name)
    if record is None:
        # It may be in another account, or the list may lag behind.
        unsure = "" if name in listing.missing else name
        gone = "it does not exist" + ("" if name.startswith(HERE) else ", or may not be seen")
        return Observed(id_, Health.NOT_FOUND, gone, next_id=id_, confirm=unsure)
    found, message = health(record)
    return Observed(id_, found, message, record, id_)


def _outputs(resource: Resource, observed: Observed, keys: tuple[str, ...]) -> dict[str, Any]:  # noqa: ARG001  -- one signature for all kinds
    return dict.fromkeys(keys, resource.external)


def elsewhere(  # noqa: PLR0913  -- a table of facts, each by name
    *,
    name: str,
    collection: str,
    schema: str,
    spec: type[External],
    health: Health_,
    outputs: tuple[str, ...],
    portray: Callable[[Mapping[str, Json], Listing], Portrait | None],
    list_params: Mapping[str, str] | None = None,
) -> Kind:
    """Return the facts of a kind where it is somebody else's. `outputs` all give its name."""
    return Kind(
        name=name,
        collection=collection,
        schema=schema,
        spec=spec,
        fields=(),
        creation=Creation("", "body"),
        desire=_desire,
        health=health,
        find=partial(_find, health=health),
        outputs=partial(_outputs, keys=outputs),
        reads=(collection,),
        list_params=list_params or {},
        portray=portray,
        retained="it is somebody else's",
    )


if TYPE_CHECKING:
    Health_ = Callable[[Mapping[str, Json]], tuple[Health, str]]
