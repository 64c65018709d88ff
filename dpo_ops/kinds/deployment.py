"""A deployment: GPUs that serve one model.

Its id is `<name>-<digest>`, where the digest covers what can't be changed in place: the model,
the placement, and which stack owns it. So a new model is a new deployment, made and proven
before the earlier one goes.

Source: `gatewayDeployment` in the Gateway OpenAPI v4.259.0; facts about PATCH from the
platform's own SDK, which sends an update mask that the OpenAPI does not name.
"""

from __future__ import annotations

import re
from calendar import timegm
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator
from pydantic import Field as Value

from dpo_ops.errors import Finding
from dpo_ops.kinds.applied import applied, stamp
from dpo_ops.kinds.external import External, elsewhere, full_name, named, said
from dpo_ops.kinds.facts import (
    DIGEST_LENGTH,
    DISPLAY_LIMIT,
    ID_LIMIT,
    KEPT,
    Answer,
    Behaviour,
    Creation,
    Document,
    Fate,
    Field,
    Kept,
    Kind,
    Listing,
    Origin,
    Portrait,
    Problem,
    Question,
    Reference,
    Spec,
    Traffic,
    Verdict,
    given,
    here,
    server,
    withheld,
)
from dpo_ops.kinds.pricing import Cost, Per, Prices, Unpriced, serving
from dpo_ops.kinds.values import (
    Duration,
    SecretRef,
    look_up,
    same_duration,
    same_entries,
    same_versioned,
    seconds,
    wire_duration,
)
from dpo_ops.resource import (
    Final,
    Health,
    Json,
    Observed,
    Resource,
    canonical,
    digest,
    last_segment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Count = Annotated[int, Value(ge=0)]

OWNER = "custom/dpo-ops-stack"
NAME = "custom/dpo-ops-name"
PROVEN = "custom/dpo-ops-proven"
ADOPTED = "custom/dpo-ops-adopted"
REMADE = "custom/dpo-ops-remade"
PROTECTED = "custom/dpo-ops-protected"
RETAINED = "custom/dpo-ops-retained"
"""The annotations that mark what is ours and what has answered. Only keys under `custom/` are
accepted. PATCH can't change them, but `:setTags` can."""


class ModelReference(Spec):
    """The model that a DPOJob of these specs makes."""

    dpoJob: str
    """The name of the DPOJob."""


class ScalingSchedule(Spec):
    """A window of time with more replicas at the least."""

    minReplicaCount: Count
    """Replicas at the least while it is active."""
    schedule: str
    """When it starts: cron, five fields."""
    duration: Duration
    """How long it lasts: 5m to 7 days."""
    timezone: str
    """An IANA time zone."""
    description: str | None = None
    """What it is for."""
    disabled: bool | None = None
    """Switched off for now."""


class AutoscalingPolicy(Spec):
    """When replicas come and go."""

    scaleUpWindow: Duration | None = None
    """How long load must be high; at most 1h; 30s by default."""
    scaleDownWindow: Duration | None = None
    """How long load must be low; at most 1h; 10m by default."""
    scaleToZeroWindow: Duration | None = None
    """How long without a request until no replica is left; at least 5m; 1h by default."""
    loadTargets: dict[str, float] | None = None
    """Load at which to scale, by metric: default, requests_per_second, …"""
    scalingSchedules: dict[str, ScalingSchedule] | None = None
    """Windows of time with more replicas, by name."""


class Placement(Spec):
    """Where it runs; can't be changed afterwards."""

    region: str | None = None
    """One region."""
    multiRegion: Literal["GLOBAL", "US", "EUROPE", "APAC"] | None = None
    """A part of the world."""
    regions: list[str] | None = None
    """Any of these regions."""


class AutoTune(Spec):
    """A performance profile."""

    longPrompt: bool | None = None
    """Tuned for long prompts."""


class Probe(Spec):
    """The question that a new deployment must answer before it counts as done."""

    prompt: Annotated[str, Value(min_length=1)]
    """What it is asked."""


def _full(text: str) -> str:
    return full_name(text, "deployments")


def _adoptable(text: str) -> str:
    return full_name(text if "/" in text else here("deployments", text), "deployments")


class ExternalDeployment(External):
    """A deployment that somebody else keeps."""

    id: Annotated[str, AfterValidator(_full)]
    """Its full name: accounts/…/deployments/…."""


class DeploymentSpec(Kept):
    """GPUs that serve one model."""

    model: str | ModelReference
    """What it serves: {dpoJob: name}, or a model's full name."""
    adopt: Annotated[str, AfterValidator(_adoptable)] | None = None
    """A deployment to take over, by its id, where none is there yet; it must serve this model."""
    probe: Probe | None = None
    """The question that a new deployment must answer before it counts as done."""
    displayName: Annotated[str, Value(max_length=DISPLAY_LIMIT)] | None = None
    """A name for people."""
    description: str | None = None
    """What it is for."""
    annotations: dict[str, str] | None = None
    """Tags; each key begins with custom/."""
    minReplicaCount: Count | None = None
    """Replicas at the least; 0 lets it scale to zero, and after 7 idle days it is deleted."""
    maxReplicaCount: Count | None = None
    """Replicas at the most."""
    maxWithRevocableReplicaCount: Count | None = None
    """Replicas at the most, counting revocable ones."""
    autoscalingPolicy: AutoscalingPolicy | None = None
    """When replicas come and go."""
    deploymentShape: str | None = None
    """A tested set of hardware and settings; the plan pins one where none is given."""
    acceleratorType: str | None = None
    """The GPU, such as NVIDIA_H100_80GB."""
    acceleratorCount: Annotated[int, Value(ge=1)] | None = None
    """GPUs a replica."""
    precision: str | None = None
    """The number format that it serves with; adapters need BF16."""
    enableAddons: bool | None = None
    """Whether adapters can be loaded beside the model."""
    numPeftDeviceCached: Count | None = None
    """Adapters kept on the GPU."""
    draftModel: str | None = None
    """The draft model for speculative decoding."""
    draftTokenCount: Count | None = None
    """Draft tokens a step."""
    ngramSpeculationLength: Count | None = None
    """The n-gram length for speculation."""
    enableSessionAffinity: bool | None = None
    """Sticky routing by the request's user field."""
    directRouteType: (
        Literal["INTERNET", "GCP_PRIVATE_SERVICE_CONNECT", "AWS_PRIVATELINK"] | None
    ) = None
    """A route past the gateway."""
    directRouteApiKeys: list[SecretRef] | None = None
    """Keys of that route, each as a reference."""
    autoTune: AutoTune | None = None
    """A performance profile."""
    placement: Placement | None = None
    """Where it runs."""
    maxContextLength: Count | None = None
    """The longest context, in tokens; 0 is the model's own."""
    deploymentTemplate: str | None = None
    """A template; enterprise accounts."""
    enableHotLoad: bool | None = None
    """Whether weights can be loaded while it runs."""
    hotLoadBucketType: Literal["MINIO", "S3", "NEBIUS", "FW_HOSTED"] | None = None
    """Where hot-loaded weights lie."""
    hotLoadBucketUrl: str | None = None
    """Where hot-loaded weights lie."""
    hotLoadTrainerJob: str | None = None
    """The trainer whose weights are hot-loaded."""
    enableHotReloadLatestAddon: bool | None = None
    """One adapter at a time, merged into the model."""
    disableDeploymentSizeValidation: bool | None = None
    """Skip the platform's size check."""
    pricingPlanId: str | None = None
    """A pricing plan."""


_OURS = ("model", "adopt", "probe", *KEPT)
_WINDOWS = {"scaleUpWindow": (0, 3600), "scaleDownWindow": (0, 3600), "scaleToZeroWindow": (300, 0)}


def _check(spec: DeploymentSpec) -> Iterator[Problem]:
    if isinstance(spec.model, str) and "/" not in spec.model:
        fix = f"write model: {{dpoJob: {spec.model}}}, or a full name accounts/…/models/…"
        yield Problem("model", f"{spec.model!r} is no full model name", fix=fix)
    for key in spec.annotations or {}:
        if not key.startswith("custom/"):
            why = "the platform takes only keys under custom/"
            yield Problem(f"annotations.{key}", "is outside custom/", why, f"name it custom/{key}")
    if spec.maxReplicaCount is not None and (spec.minReplicaCount or 0) > spec.maxReplicaCount:
        what = f"is {spec.maxReplicaCount}, below minReplicaCount {spec.minReplicaCount}"
        yield Problem("maxReplicaCount", what, fix="raise it, or lower minReplicaCount")
    policy = spec.autoscalingPolicy
    for name, (least, most) in _WINDOWS.items() if policy else ():
        value = getattr(policy, name)
        if value is not None and (seconds(value) < least or (most and seconds(value) > most)):
            why = f"the platform takes {'at least 5m' if least else 'at most 1h'}"
            yield Problem(f"autoscalingPolicy.{name}", f"is {value}", why)


def _desire(document: Document, links: Mapping[str, Resource], stack: str) -> Resource:
    spec: DeploymentSpec = document.spec
    name = document.address.name
    job = links.get("model.dpoJob")
    model = named("models", job) if job else str(spec.model)
    body = {key: value for key, value in given(spec).items() if key not in _OURS}
    body |= {
        "baseModel": model,
        "annotations": {**(spec.annotations or {}), OWNER: stack, NAME: name, **_keeping(spec)},
    }
    if policy := body.get("autoscalingPolicy"):
        body["autoscalingPolicy"] = _wire_policy(policy)
    fixed = {"stack": stack, "model": model, "placement": body.get("placement")}
    unpinned = spec.deploymentShape is None and spec.acceleratorType is None
    addons = bool(job and job.options["addons"]) or bool(spec.enableAddons)
    return Resource(
        address=document.address,
        id=f"{name}-{digest(fixed)[:DIGEST_LENGTH]}",
        body=body,
        needs=(job.address,) if job else (),
        place=document.place,
        places=document.places,
        stack=stack,
        options={
            "base": job.options["base"] if job else model,
            "addons": addons,
            "unpinned": unpinned,
            "said": digest(_meant(body))[:DIGEST_LENGTH],
            "prompt": spec.probe.prompt if spec.probe else "Answer with one short sentence.",
        },
        keeping=spec.keeping(),
        adopts=spec.adopt or "",
    )


def _keeping(spec: DeploymentSpec) -> dict[str, str]:
    """Return the annotations that outlive the spec: a deployment says itself that it is kept."""
    protected = {PROTECTED: "true"} if spec.protect else {}
    return {**protected, **({RETAINED: "true"} if spec.deletionPolicy == "retain" else {})}


def _meant(body: Mapping[str, Json]) -> dict[str, Json]:
    """Return a body without what says the same as leaving it out."""
    return {key: value for key, value in body.items() if value not in (None, 0, "", [], {})}


def _stamp(deployment: Resource) -> dict[str, str]:
    # That it is not kept is a wish too: who keeps it by hand has changed something.
    kept = {**dict.fromkeys((PROTECTED, RETAINED)), **deployment.body["annotations"]}
    body = {**deployment.body, "annotations": kept}
    return stamp(str(deployment.options["said"]), body, DEPLOYMENT.fields)


def _applied(
    deployment: Resource, record: Mapping[str, Json], path: str, wish: Json
) -> bool | None:
    return applied(str(deployment.options["said"]), record, path, wish)


def _runs(record: Mapping[str, Json]) -> bool:
    """Say whether it has replicas and has answered once, so that a day without is telling."""
    replicas = record.get("replicaCount") or record.get("minReplicaCount") or 0
    return _proven(record) and health_of(record)[0] is Health.CURRENT and replicas > 0


def _unused(answer: Mapping[str, Json]) -> bool:
    """Say whether what counts requests is there, and all of it is 0.

    The names of the metrics are not published; what does not look like them says nothing.
    """
    metrics = answer.get("metrics")
    named = metrics.items() if isinstance(metrics, dict) else ()
    counts = [value for name, value in named if "request" in str(name).lower()]
    return bool(counts) and all(type(value) in (int, float) and value == 0 for value in counts)


_UNUSED_DAYS = 7


def _ran_out(record: Mapping[str, Json]) -> str:
    """Say that it may have been taken away for want of use. The record does not say by whom."""
    made, deleted = (_day(str(record.get(key) or "")) for key in ("createTime", "deleteTime"))
    if record.get("minReplicaCount") or not made or deleted - made < _UNUSED_DAYS:
        return ""
    return (
        f"deleted {deleted - made} days after it was made; what may scale to zero is taken away"
        f" after {_UNUSED_DAYS} days without traffic"
    )


def _day(instant: str) -> int:
    """Return the number of the day of an RFC 3339 instant; 0 if it is none."""
    match = _DAY.match(instant)
    return timegm((*map(int, match.groups()), 0, 0, 0)) // 86400 if match else 0


_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)T")


def _fate(record: Mapping[str, Json]) -> Fate:
    if look_up(record, ["annotations", PROTECTED]) == "true":
        return Fate.PROTECTED
    retained = look_up(record, ["annotations", RETAINED]) == "true"
    return Fate.RETAINED if retained else Fate.DELETED


def _tags(body: Mapping[str, Json], record: Mapping[str, Json]) -> dict[str, str | None]:
    """Return the annotations to set, and those of ours to take away (None).

    What else is on the record may be somebody else's, and stays.
    """
    wanted, there = dict(body["annotations"]), record.get("annotations") or {}
    id_ = last_segment(str(record.get("name") or ""))
    if id_ and not _is_generation(id_, wanted[NAME]):
        wanted[ADOPTED] = id_
    new: dict[str, str | None] = {k: v for k, v in wanted.items() if there.get(k) != v}
    gone = [key for key in (PROTECTED, RETAINED) if key in there and key not in wanted]
    return new | dict.fromkeys(gone)


def _wire_policy(policy: Mapping[str, Json]) -> dict[str, Json]:
    wire = dict(policy)
    for key in _WINDOWS:
        if wire.get(key):
            wire[key] = wire_duration(wire[key])
    if wire.get("scalingSchedules"):
        wire["scalingSchedules"] = {
            key: {**plan, "duration": wire_duration(plan["duration"])}
            for key, plan in wire["scalingSchedules"].items()
        }
    return wire


def _find(deployment: Resource, listing: Listing) -> Observed:
    name, stack = deployment.address.name, deployment.stack
    record = listing.get("deployments", deployment.id)
    ours = listing.claimed("deployments", _held, (stack, name))
    foreign = ""
    if record is None or not _stands(record):
        # What was taken over keeps its id, and is ours by its mark.
        taken = next((r for r in ours if _is_same(deployment, r)), None)
        if taken is None and not ours and not record and deployment.adopts:
            return _adopting(deployment, listing)
        record = taken or record
    elif owner(record) != (stack, name):
        foreign = "it does not carry the mark of this stack"
    earlier = tuple(r for r in ours if r is not record)
    if record is None:
        return Observed(deployment.id, Health.NOT_FOUND, next_id=deployment.id, earlier=earlier)
    return _seen(deployment, record, earlier, foreign)


def _seen(
    deployment: Resource,
    record: Mapping[str, Json],
    earlier: tuple[Mapping[str, Json], ...] = (),
    conflict: str = "",
) -> Observed:
    health, message = health_of(record)
    id_ = last_segment(str(record["name"]))
    return Observed(
        id=id_,
        health=health,
        message=message,
        record=record,
        next_id=deployment.id,
        earlier=earlier,
        conflict=conflict,
        final=_final(deployment, record) if health is Health.FAILED else None,
        names=() if health is Health.NOT_FOUND else (f"deployments/{id_}",),
    )


_REMAKES = 2
"""How often a deployment that failed is made anew from one spec: each start-up may be charged."""


def _final(deployment: Resource, record: Mapping[str, Json]) -> Final | None:
    """Say why a failed deployment is not made anew, or nothing where it is."""
    if _remade(deployment, record) < _REMAKES:
        return None
    why = f"it was made anew {_REMAKES} times from this very spec, and failed again"
    return Final(why, "look at why it fails; then change its spec, or delete it to try once more")


def _anew(deployment: Resource, failed: Mapping[str, Json]) -> dict[str, Json]:
    """Return a body that counts along. Its id is fixed, so the attempts can't be told by that."""
    count = f"{_remade(deployment, failed) + 1}-{deployment.options['said']}"
    return {**deployment.body, "annotations": {**deployment.body["annotations"], REMADE: count}}


def _remade(deployment: Resource, record: Mapping[str, Json]) -> int:
    """Return how often it has failed and been made anew from the spec as it is now."""
    count, _, said_then = str(look_up(record, ["annotations", REMADE]) or "").partition("-")
    return int(count) if count.isdecimal() and said_then == deployment.options["said"] else 0


def _adopting(deployment: Resource, listing: Listing) -> Observed:
    """Return what is to be taken over, or why it can't be. Its tags will say that it is ours."""
    id_, record = last_segment(deployment.adopts), listing.named(deployment.adopts)
    if record is None or not _stands(record):
        why, fix = f"there is no deployment {id_}", "correct adopt, or remove it to make a new one"
        return _unfit(deployment, Final(why, fix))
    stack, name = owner(record)
    if stack and (stack, name) != (deployment.stack, deployment.address.name):
        ours = stack == deployment.stack
        give = f"call this spec {name}" if ours else "have that stack give it up"
        fix = f"{give}, or write external: true and id: …/{id_}"
        return _unfit(deployment, Final(f"it is Deployment/{name} of stack {stack}", fix))
    if not _is_same(deployment, record):
        why = " and ".join(
            f"its {key} is {canonical(said(record, key).get(key))}"
            for key in _FIXED
            if said(deployment.body, key) != said(record, key)
        )
        fix = "take it over as it is and change it afterwards, or remove adopt"
        return _unfit(deployment, Final(why, fix))
    # Until the mark is on it, it is not ours: nothing here may be destroyed.
    return replace(_seen(deployment, record), names=())


def _unfit(deployment: Resource, final: Final) -> Observed:
    id_, what = last_segment(deployment.adopts), "can't be taken over"
    return Observed(id_, Health.FAILED, what, next_id=deployment.id, final=final)


def _is_same(deployment: Resource, record: Mapping[str, Json]) -> bool:
    """Say whether a record is what the spec wants in all that can't be changed in place."""
    # Left out, a placement is another one than any that is set: as it is for the id.
    return said(deployment.body, *_FIXED) == said(record, *_FIXED)


_FIXED = ("baseModel", "placement")


def owner(record: Mapping[str, Json]) -> tuple[str, str]:
    """Return the stack and the spec name that a deployment is marked with; empty when it is not."""
    tags = (look_up(record, ["annotations", key]) for key in (OWNER, NAME))
    stack, name = (str(tag or "") for tag in tags)
    return stack, name


def _proven(record: Mapping[str, Json]) -> bool:
    return bool(look_up(record, ["annotations", PROVEN]) == "true")


def _claims(record: Mapping[str, Json]) -> tuple[str, str]:
    return owner(record) if _stands(record) else ("", "")


def _held(record: Mapping[str, Json]) -> tuple[str, str]:
    """Return whose a standing deployment is, where its id was chosen by us or taken over.

    A copy of one that somebody made by hand has its mark too, and is not ours to replace.
    """
    stack, name = _claims(record)
    id_ = last_segment(str(record.get("name") or ""))
    taken = look_up(record, ["annotations", ADOPTED]) == id_
    return (stack, name) if taken or _is_generation(id_, name) else ("", "")


def _is_generation(id_: str, name: str) -> bool:
    match = _GENERATION.fullmatch(id_)
    return bool(match and match[1] == name)


_GENERATION = re.compile(rf"(.+)-[0-9a-f]{{{DIGEST_LENGTH}}}")


def _stands(record: Mapping[str, Json]) -> bool:
    return health_of(record)[0] not in (Health.NOT_FOUND, Health.TERMINATING)


def health_of(record: Mapping[str, Json]) -> tuple[Health, str]:
    """Return how a deployment is; READY is not yet proof that the model answers."""
    state = str(record.get("state") or "STATE_UNSPECIFIED")
    said = str(look_up(record, ["status", "message"]) or "")
    if state == "READY":
        return Health.CURRENT, "ready"
    if state == "FAILED":
        return Health.FAILED, f"failed: {said}" if said else "failed"
    if state == "DELETING":
        return Health.TERMINATING, "being deleted"
    if state == "DELETED":
        return Health.NOT_FOUND, f"deleted at {record.get('deleteTime') or 'an unknown time'}"
    known = {"CREATING": "starting", "UPDATING": "rolling out a change", "STATE_UNSPECIFIED": "new"}
    if state in known:
        return Health.IN_PROGRESS, known[state]
    return Health.UNKNOWN, f"in a state that this version does not know: {state}"


def _asks(deployment: Resource, record: Mapping[str, Json] | None) -> Question | None:
    shape = str(deployment.body.get("deploymentShape") or "")
    if record is not None and same_versioned(shape, record.get("deploymentShape")):
        return None
    if _SHAPE.fullmatch(shape):
        return Question("", addons=False, shape=shape)
    if record is not None or not deployment.options["unpinned"]:
        return None
    return Question(deployment.options["base"], addons=deployment.options["addons"])


_SHAPE = re.compile(r"accounts/[^/]+/deploymentShapes/[^/]+(?:/versions/[^/]+)?")


def _judge(deployment: Resource, answer: Answer, dependents: Sequence[Resource]) -> Verdict:  # noqa: ARG001  -- one signature for all kinds
    if deployment.body.get("deploymentShape"):
        return Verdict(known=_hardware(answer.shapes[0] if answer.shapes else {}))
    if found := [(name, version) for version in answer.shapes if (name := _shape_name(version))]:
        shape, version = found[0]
        return Verdict(pins={"deploymentShape": shape}, known=_hardware(version))
    where = deployment.where("model")
    base = deployment.options["base"]
    adapter = " with an adapter" if deployment.options["addons"] else ""
    why = "no validated deployment shape fits"
    fix = "choose another base model, or name a deploymentShape or acceleratorType yourself"
    return Verdict((Finding(where, f"nothing can serve {base}{adapter}", why, fix),))


_HARDWARE = ("acceleratorType", "acceleratorCount")


def _hardware(version: Mapping[str, Json]) -> dict[str, Json]:
    """Return what a version of a shape says of the GPUs; None for what it does not say."""
    return {key: look_up(version, ["snapshot", key]) for key in _HARDWARE}


def _price(deployment: Resource, needs: Sequence[Resource], prices: Prices) -> Cost | Unpriced:  # noqa: ARG001  -- one signature for all kinds
    """Return what its replicas cost an hour: the least of them, and the most."""
    body = deployment.body
    gpu, gpus = (body.get(key) or deployment.options.get(key) for key in _HARDWARE)
    gpus = gpus or 1
    least = body.get("minReplicaCount") or 0
    most = max(body.get("maxReplicaCount") or 1, least)
    if body.get("pricingPlanId"):
        why = "it has a pricing plan of its own"
        return Unpriced(why, Per.HOUR, gpus * least, gpus * most)
    if not gpu:
        why = "its deployment shape says which GPUs it takes, and was not seen"
        return Unpriced(why, Per.HOUR, gpus * least, gpus * most)
    placed = _restricted(body.get("placement") or {})
    return serving(prices, gpu, gpus, least=least, most=most, restricted=placed)


def _restricted(placement: Mapping[str, Json]) -> bool:
    part = placement.get("multiRegion") or "GLOBAL"
    return bool(placement.get("region") or placement.get("regions")) or part != "GLOBAL"


def _shape_name(version: Mapping[str, Json]) -> str:
    name = look_up(version, ["snapshot", "name"]) or version.get("name") or ""
    return str(name).partition("/versions/")[0]


def _outputs(deployment: Resource, observed: Observed) -> dict[str, Any]:
    name = here("deployments", observed.id)
    return {"deployment": name, "serves": deployment.body["baseModel"], "requestModel": name}


def _change(path: str, reason: str) -> Field:
    return Field(path, Behaviour.MUTABLE, reason)


def _filled(path: str, reason: str, *, versioned: bool = False) -> Field:
    return Field(path, Behaviour.SERVER_DEFAULT, reason, same=same_versioned if versioned else None)


def _window(name: str, default: str) -> Field:
    path = f"autoscalingPolicy.{name}"
    return Field(path, Behaviour.SERVER_DEFAULT, f"{default} when left out", same=same_duration)


def _portray(record: Mapping[str, Json], listing: Listing) -> Portrait:  # noqa: ARG001  -- one signature for all kinds
    stack, name = owner(record)
    known = said(
        record, "displayName", "baseModel", "deploymentShape", "acceleratorType", "createTime"
    )
    if stack:
        how = f"its spec is Deployment/{name} of stack {stack}, and it is changed there"
        return Portrait(known, how, {})
    instead = {
        "model": str(record.get("baseModel") or ""),
        "adopt": last_segment(str(record["name"])),
        "minReplicaCount": record.get("minReplicaCount") or 0,
        **said(record, "maxReplicaCount", "placement"),
    }
    return Portrait(known, "what is left out stays as it is", instead)


DEPLOYMENT = Kind(
    name="Deployment",
    collection="deployments",
    schema="gatewayDeployment",
    spec=DeploymentSpec,
    creation=Creation("deploymentId", "query"),
    desire=_desire,
    health=health_of,
    find=_find,
    outputs=_outputs,
    check=_check,
    asks=_asks,
    judge=_judge,
    price=_price,
    elsewhere=elsewhere(
        name="Deployment",
        collection="deployments",
        schema="gatewayDeployment",
        spec=ExternalDeployment,
        health=health_of,
        outputs=("deployment", "requestModel"),
        portray=_portray,
        list_params={"showDeleted": "true"},
    ),
    reads=("deployments",),
    # A deleted deployment keeps its id for a while; to see it is to know why a create would
    # be refused.
    list_params={"showDeleted": "true"},
    references=(Reference("model.dpoJob", "DPOJob", full="model: accounts/…/models/…"),),
    name_limit=ID_LIMIT - 1 - DIGEST_LENGTH,
    patchable=True,
    undeletable=True,
    supersedes=True,
    answers=True,
    loads="deployedModels",
    proof={PROVEN: "true"},
    proven=_proven,
    claims=_claims,
    stamp=_stamp,
    anew=_anew,
    applied=_applied,
    traffic=Traffic(":metrics", {"timeRange": "24h"}, _runs, _unused),
    ran_out=_ran_out,
    fate=_fate,
    tags=_tags,
    paid="replicas are charged by the GPU second",
    delete_params={"ignoreChecks": "true"},
    fields=(
        server("name", "built from the id"),
        server("createTime", "set once"),
        server("updateTime", "set on every change"),
        server("deleteTime", "set by a delete"),
        server("purgeTime", "set by a delete"),
        server("state", "read as health"),
        server("status", "read as health"),
        server("replicaCount", "the autoscaler's"),
        server("desiredReplicaCount", "the autoscaler's"),
        server("replicaStats", "the autoscaler's"),
        server("cluster", "where the platform put it"),
        server("region", "where the platform put it, within the placement"),
        server("directRouteHandle", "made by the platform for a direct route"),
        withheld("expireTime", "deprecated, and without effect"),
        withheld("activeModelVersion", "a roll-out pointer; a new model is a new deployment here"),
        withheld("targetModelVersion", "a roll-out pointer; a new model is a new deployment here"),
        Field("baseModel", Behaviour.IMMUTABLE, "what it serves: the spec's model", Origin.DERIVED),
        Field("placement", Behaviour.IMMUTABLE, "can't be changed after creation"),
        Field(
            "annotations",
            Behaviour.INPUT_ONLY,
            "written with the mark; PATCH can't change them, but tags can be set",
        ),
        Field("directRouteApiKeys", Behaviour.INPUT_ONLY, "secrets; may not come back"),
        _change("displayName", "only for show"),
        _change("description", "only for show"),
        _change("minReplicaCount", "0 when left out"),
        _filled("maxReplicaCount", "the larger of 1 and the minimum when left out"),
        _filled("maxWithRevocableReplicaCount", "the maximum when left out"),
        _change("enableAddons", "off when left out"),
        _change("enableSessionAffinity", "off when left out"),
        _change("enableHotLoad", "off when left out"),
        _change("enableHotReloadLatestAddon", "off when left out"),
        _change("hotLoadBucketType", "none when left out"),
        _change("hotLoadBucketUrl", "none when left out"),
        _change("hotLoadTrainerJob", "none when left out"),
        _change("disableDeploymentSizeValidation", "off when left out"),
        _change("directRouteType", "none when left out"),
        _change("deploymentTemplate", "none when left out"),
        _filled("pricingPlanId", "the account's when left out"),
        _change("autoTune", "none when left out"),
        _filled("autoscalingPolicy", "the platform's windows and targets when left out"),
        _window("scaleUpWindow", "30s"),
        _window("scaleDownWindow", "10m"),
        _window("scaleToZeroWindow", "1h"),
        _filled("autoscalingPolicy.loadTargets", "default 0.8 when left out"),
        Field(
            "autoscalingPolicy.scalingSchedules",
            Behaviour.MUTABLE,
            "none when left out",
            same=same_entries,
            whole=True,
        ),
        _filled("deploymentShape", "answered with its version behind it", versioned=True),
        _filled("acceleratorType", "from the shape"),
        _filled("acceleratorCount", "from the shape"),
        _filled("precision", "from the shape"),
        _filled("numPeftDeviceCached", "from the shape"),
        _filled("draftModel", "from the shape or the model"),
        _filled("draftTokenCount", "from the shape or the model"),
        _filled("ngramSpeculationLength", "from the shape"),
        _filled("maxContextLength", "the model's own"),
    ),
)
