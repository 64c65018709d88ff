"""A dataset of preference pairs: an immutable file whose id is the digest of its bytes.

Source: `gatewayDataset` in the Gateway OpenAPI v4.259.0. The managed service has not accepted
new datasets since 2026-11-15; list, get and delete still work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator
from pydantic import Field as Value

from dpo_ops.kinds.external import (
    AS_PLANNED,
    Adopted,
    External,
    elsewhere,
    full_name,
    referring,
    said,
    stands_in,
)
from dpo_ops.kinds.facts import (
    DIGEST_LENGTH,
    ID_LIMIT,
    Behaviour,
    Creation,
    Document,
    Field,
    Kept,
    Kind,
    Listing,
    Origin,
    Portrait,
    Problem,
    Spec,
    display_problem,
    filled,
    here,
    is_marked,
    marked,
    server,
    withheld,
)
from dpo_ops.kinds.values import DATE
from dpo_ops.resource import Health, Json, Observed, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Waiver(Spec):
    """A finding that is accepted for a while."""

    rule: Annotated[str, Value(min_length=1)]
    """The rule, such as DPO501."""
    reason: Annotated[str, Value(min_length=1)]
    """Why it is accepted; it is shown with every plan."""
    until: Annotated[str, Value(pattern=DATE)]
    """The last day on which it is, such as 2027-01-31."""


class Checks(Spec):
    """How the rows are checked; not part of what decides the dataset's id."""

    severities: dict[str, Literal["error", "warning", "off"]] | None = None
    """By rule, how bad a finding is, or off."""
    waivers: list[Waiver] | None = None
    """Findings that are accepted for a while, each with its reason."""


def _full(text: str) -> str:
    return full_name(text, "datasets")


Full = Annotated[str, AfterValidator(_full)]


class AdoptedDataset(Adopted):
    """A dataset that is used instead of an upload."""

    name: Full
    """Its full name: accounts/…/datasets/…; its rows are taken to be those of source."""


class ExternalDataset(External):
    """A dataset that somebody else keeps."""

    id: Full
    """Its full name: accounts/…/datasets/…."""


class DatasetSpec(Kept):
    """A JSONL file of preference pairs."""

    source: Annotated[str, Value(min_length=1)]
    """The JSONL file, relative to the spec file; inside the repository."""
    adopt: AdoptedDataset | None = None
    """A dataset that is used instead of an upload, as long as source has the same digest."""
    displayName: str | None = None
    """A name for people; the mark of the stack is added to it."""
    checks: Checks | None = None
    """How the rows are checked; not part of what decides the dataset's id."""


def _check(spec: DatasetSpec) -> Iterator[Problem]:
    yield from display_problem(spec.displayName)


def _desire(document: Document, links: Mapping[str, Resource], stack: str) -> Resource:  # noqa: ARG001  -- one signature for all kinds
    spec: DatasetSpec = document.spec
    if document.content is None:
        raise ValueError(f"{document.address} has no content")
    name = document.address.name
    id_ = f"{name}-{document.content.digest[:DIGEST_LENGTH]}"
    if instead := stands_in(spec.adopt, id_):
        return referring(document, instead, stack, keeping=spec.keeping())
    return Resource(
        address=document.address,
        id=id_,
        body={
            "displayName": marked(spec.displayName or name, stack),
            # Mandatory for uploaded datasets, though absent from the published docs; a string
            # because it is an int64.
            "exampleCount": str(document.content.rows),
            "userUploaded": {},
            # There is no value for preference data; the official DPO notebook sends CHAT.
            "format": "CHAT",
        },
        content=document.content,
        keeping=spec.keeping(),
        place=document.place,
        places=document.places,
        stack=stack,
    )


def _find(dataset: Resource, listing: Listing) -> Observed:
    record = listing.get("datasets", dataset.id)
    earlier = tuple(
        r
        for r in listing.generations("datasets", dataset.address.name)
        if r is not record and is_marked(r, dataset.stack)
    )
    if record is None:
        health, message = _STAYS if dataset.stays else (Health.NOT_FOUND, "")
        return Observed(dataset.id, health, message, next_id=dataset.id, earlier=earlier)
    health, message = _STAYS if dataset.stays else health_of(record)
    names = (f"datasets/{dataset.id}",) if is_marked(record, dataset.stack) else ()
    return Observed(dataset.id, health, message, record, dataset.id, earlier, names=names)


_STAYS = Health.CURRENT, "is read where it lies, and not uploaded"
"""How a dataset is that only trainers of one's own read, whatever the account holds."""


def health_of(record: Mapping[str, Json]) -> tuple[Health, str]:
    """Return how a dataset is. There is no failed state: bad rows fail the job, not the upload."""
    return filled(record, ready="ready", waiting="waiting for its file")


def _outputs(dataset: Resource, observed: Observed) -> dict[str, Any]:
    digest = {"sha256": dataset.content.digest if dataset.content else None}
    return digest if dataset.stays else {"dataset": here("datasets", observed.id), **digest}


def _portray(record: Mapping[str, Json], listing: Listing) -> Portrait:  # noqa: ARG001  -- one signature for all kinds
    adopt = {"name": record["name"], "as": "NAME-DIGEST"}
    how = f"with a file of the same rows in this repository; {AS_PLANNED}"
    known = said(record, "displayName", "exampleCount", "createTime")
    return Portrait(known, how, {"source": "FILE.jsonl", "adopt": adopt})


DATASET = Kind(
    name="Dataset",
    collection="datasets",
    schema="gatewayDataset",
    spec=DatasetSpec,
    creation=Creation("datasetId", "body", wrapper="dataset"),
    desire=_desire,
    health=health_of,
    find=_find,
    outputs=_outputs,
    check=_check,
    reads=("datasets",),
    elsewhere=elsewhere(
        name="Dataset",
        collection="datasets",
        schema="gatewayDataset",
        spec=ExternalDataset,
        health=health_of,
        outputs=("dataset",),
        portray=_portray,
    ),
    content_field="source",
    name_limit=ID_LIMIT - 1 - DIGEST_LENGTH,
    retained="a job may still name it, and it costs nothing",
    fields=(
        server("name", "built from the id"),
        server("createTime", "set once"),
        server("updateTime", "set on every change"),
        server("createdBy", "the owner of the key that created it"),
        server("state", "read as health"),
        server("status", "read as health"),
        server("estimatedTokenCount", "an estimate"),
        server("averageTurnCount", "an estimate"),
        server("sourceJobName", "written by jobs that make datasets"),
        Field("displayName", Behaviour.INPUT_ONLY, "only for show; the mark of its first stack"),
        Field(
            "exampleCount",
            Behaviour.IMMUTABLE,
            "the rows of the file, whose digest is the id",
            Origin.DERIVED,
        ),
        Field("userUploaded", Behaviour.IMMUTABLE, "says that we bring the bytes", Origin.DERIVED),
        Field(
            "format",
            Behaviour.INPUT_ONLY,
            "has no value for preference data, and the server may drop what is sent",
            Origin.DERIVED,
        ),
        withheld("externalUrl", "data outside the repository has no digest to be named by"),
        withheld("evaluationResult", "another origin: made by evaluation jobs"),
        withheld("transformed", "another origin: made by the server from a dataset"),
        withheld("splitted", "another origin: made by the server from a dataset"),
        withheld("evalProtocol", "another origin: made by the eval protocol"),
    ),
)
