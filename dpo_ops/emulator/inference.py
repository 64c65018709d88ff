"""Chat and text completions: which model a name reaches, and the checks on the way."""

from typing import Final

from . import (
    catalogue,
    completions,
    deployed_models,
    deployment_lifecycle,
    inference_schema,
    models,
)
from .completions import Ask
from .engine import EngineError, Served
from .store import Row
from .wire import RefusalError, Response, refuse_inference, reply
from .world import Call, Later, World

NOT_FOUND: Final = "Model not found, inaccessible, and/or not deployed"
SCALING_UP: Final = (
    "Deployment is currently scaled to zero and is scaling up. "
    "Please retry your request in a few minutes."
)


def chat(call: Call) -> Later:
    """`POST …/chat/completions`."""
    return _answer(call, inference_schema.CHAT, "messages")


def text(call: Call) -> Later:
    """`POST …/completions`."""
    return _answer(call, inference_schema.TEXT, "prompt")


def list_models(_: Call) -> Response:
    """`GET /inference/v1/models`: the serverless models, in OpenAI's shape."""
    rows = (r for r in catalogue.models().values() if r.fields["supportsServerless"])
    created = catalogue.SINCE // 1_000_000_000
    data = [
        {
            "id": r.name,
            "object": "model",
            "created": created,
            "owned_by": "fireworks",
            "kind": r.fields["kind"],
            "supports_chat": True,
            "context_length": r.fields["contextLength"],
        }
        for r in rows
    ]
    return reply({"object": "list", "data": data})


def route(world: World, name: str) -> Served:
    """Return the model that a `model` string reaches.

    A deployment's name, `model#deployment`, or a serverless model of the public account;
    a model's bare name and short ids reach nothing.

    Raises:
        RefusalError: 404, or 503 from a deployment that is scaled to zero.
    """
    model, _, deployment = name.rpartition("#")
    public = catalogue.models().get(name)
    if public is not None and public.fields["supportsServerless"]:
        return Served(name, name, None)
    row = world.store.get(deployment) if "/deployments/" in deployment else None
    if row is None or row.fields["state"] not in {"READY", "UPDATING"}:
        raise _refusal(world, 404, "NOT_FOUND", NOT_FOUND)
    served = _on(world, row, model)
    deployment_lifecycle.traffic(world, row)
    if row.fields["replicaCount"] == 0:
        raise _refusal(world, 503, "DEPLOYMENT_SCALING_UP", SCALING_UP)
    return served


def _on(world: World, row: Row, model: str) -> Served:
    """The model that a deployment serves when it is asked for `model` (or just asked)."""
    own = str(row.fields["baseModel"])
    merged = deployed_models.merged(world, row.name) if not row.fields.get("enableAddons") else None
    if not model or model == own:
        return _served(world, merged or own)
    if model == merged or deployed_models.serving(world, model, row.name):
        return _served(world, model)
    raise _refusal(world, 404, "NOT_FOUND", NOT_FOUND)


def _served(world: World, name: str) -> Served:
    row = models.find(world, name)
    adapter = models.folder(world, row) if row else None
    return Served(name, models.base_of(world, name), adapter)


def _answer(call: Call, known: frozenset[str], subject: str) -> Later:
    body = call.body
    problems = inference_schema.problems(body, known, subject)
    if problems:
        raise RefusalError(reply({"detail": problems}, 422))
    world = call.world
    served = route(world, body["model"])
    ask = Ask(
        body=body,
        served=served,
        id=("chatcmpl-" if subject == "messages" else "cmpl-") + world.request_id(),
        created=int(world.now),
        chat=subject == "messages",
    )
    request_id = world.request_id()
    return Later(lambda: _run(call, ask, request_id))


def _run(call: Call, ask: Ask, request_id: str) -> Response:
    try:
        return completions.respond(call.world.config.engine, ask)
    except EngineError as error:
        refusal = refuse_inference(error.status, error.code, str(error), request_id=request_id)
        return refusal.response


def _refusal(world: World, status: int, code: str, message: str) -> RefusalError:
    return refuse_inference(status, code, message, request_id=world.request_id())
