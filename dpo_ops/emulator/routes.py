"""Which responder answers which route.

A route is written as its path with `*` for each id; that is also how a request's path is
looked up, so finding a route costs one look into a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from . import (
    accounts,
    datasets,
    deployed_models,
    deployments,
    inference,
    jobs,
    models,
    quotas,
    shapes,
    storage,
)
from .world import Responder

_ACCOUNT: Final = "/v1/accounts/*"
_ID_FROM: Final = 2  # /v1/accounts/<id>/<collection>/<id>/...


@dataclass(frozen=True)
class Route:
    """One route: its responder, how its body is taken, and what it asks of the caller.

    `retired` routes are gone since the managed service ended, `public` ones may be called
    on the public account too, `open` ones need no key.
    """

    respond: Responder
    body: Literal["json", "multipart", "file", "none"] = "json"
    retired: Literal["", "dataset", "job"] = ""
    public: bool = False
    open: bool = False


def split(path: str) -> tuple[str, tuple[str, ...]]:
    """Return the route that a path belongs to, and the ids in it."""
    if path.startswith(storage.PREFIX):
        token, _, _ = path.removeprefix(storage.PREFIX).partition("/")
        return storage.PREFIX, (token,)
    if not path.startswith("/v1/accounts/"):
        return path, ()
    parts = path.strip("/").split("/")
    last, colon, verb = parts[-1].partition(":")
    parts[-1] = last
    ids = tuple(parts[_ID_FROM::2])
    shape = [p if n < _ID_FROM or n % 2 else "*" for n, p in enumerate(parts)]
    return "/" + "/".join(shape) + colon + verb, ids


def _of(collection: str, verbs: Mapping[str, Route]) -> dict[tuple[str, str], Route]:
    """The routes of one collection; a verb is `METHOD` and what follows the collection."""
    made = {}
    for verb, route in verbs.items():
        method, _, rest = verb.partition(" ")
        made[method, f"{_ACCOUNT}/{collection}{rest}"] = route
    return made


ROUTES: Final[Mapping[tuple[str, str], Route]] = {
    ("GET", "/v1/accounts"): Route(accounts.list_all),
    ("GET", _ACCOUNT): Route(accounts.get, public=True),
    **_of(
        "datasets",
        {
            "GET": Route(datasets.list_all),
            "POST": Route(datasets.create, retired="dataset"),
            "GET /*": Route(datasets.get),
            "PATCH /*": Route(datasets.patch, retired="dataset"),
            "DELETE /*": Route(datasets.delete),
            "POST /*:upload": Route(datasets.upload, "multipart", retired="dataset"),
            "POST /*:getUploadEndpoint": Route(datasets.upload_endpoint, retired="dataset"),
            "POST /*:validateUpload": Route(datasets.validate_upload, retired="dataset"),
            "POST /*:splitDataset": Route(datasets.split, retired="dataset"),
            "GET /*:getDownloadEndpoint": Route(
                datasets.download_endpoint, "none", retired="dataset"
            ),
        },
    ),
    **_of(
        "dpoJobs",
        {
            "GET": Route(jobs.list_all),
            "POST": Route(jobs.create, retired="job"),
            "GET /*": Route(jobs.get),
            "DELETE /*": Route(jobs.delete),
            "POST /*:cancel": Route(jobs.cancel),
            "POST /*:resume": Route(jobs.resume),
            "GET /*:getMetricsFileEndpoint": Route(jobs.metrics_endpoint),
            "GET /*/checkpoints": Route(jobs.checkpoints),
        },
    ),
    **_of(
        "models",
        {
            "GET": Route(models.list_all, public=True),
            "POST": Route(models.create),
            "GET /*": Route(models.get, public=True),
            "PATCH /*": Route(models.patch),
            "DELETE /*": Route(models.delete),
            "POST /*:getUploadEndpoint": Route(models.upload_endpoint),
            "GET /*:validateUpload": Route(models.validate_upload),
            "GET /*:getDownloadEndpoint": Route(models.download_endpoint),
            "POST /*:prepare": Route(models.prepare),
        },
    ),
    **_of(
        "deployments",
        {
            "GET": Route(deployments.list_all),
            "POST": Route(deployments.create),
            "GET /*": Route(deployments.get),
            "PATCH /*": Route(deployments.patch),
            "DELETE /*": Route(deployments.delete),
            "GET /*:metrics": Route(deployments.metrics),
            "PATCH /*:scale": Route(deployments.scale),
            "POST /*:undelete": Route(deployments.undelete),
            "POST /*:setTags": Route(deployments.set_tags),
            "POST /*:deleteTags": Route(deployments.delete_tags),
        },
    ),
    **_of(
        "deployedModels",
        {
            "GET": Route(deployed_models.list_all),
            "POST": Route(deployed_models.create),
            "GET /*": Route(deployed_models.get),
            "PATCH /*": Route(deployed_models.patch),
            "DELETE /*": Route(deployed_models.delete),
        },
    ),
    **_of(
        "deploymentShapes",
        {
            "GET": Route(shapes.list_all, public=True),
            "GET /*": Route(shapes.get, public=True),
            "GET /*/versions": Route(shapes.list_versions, public=True),
            "GET /*/versions/*": Route(shapes.get_version, public=True),
        },
    ),
    **_of("deploymentShapeVersions", {"POST :match": Route(shapes.match, public=True)}),
    **_of(
        "quotas",
        {
            "GET": Route(quotas.list_all),
            "GET /*": Route(quotas.get),
            "PATCH /*": Route(quotas.patch),
        },
    ),
    ("POST", "/inference/v1/chat/completions"): Route(inference.chat),
    ("POST", "/v1/chat/completions"): Route(inference.chat),
    ("POST", "/inference/v1/completions"): Route(inference.text),
    ("POST", "/v1/completions"): Route(inference.text),
    ("GET", "/inference/v1/models"): Route(inference.list_models),
    ("PUT", storage.PREFIX): Route(storage.put, "file", open=True),
    ("GET", storage.PREFIX): Route(storage.get, "none", open=True),
}
PATHS: Final = frozenset(path for _, path in ROUTES)
