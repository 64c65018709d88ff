"""Resource names as URL paths, and as route templates that carry no id."""

from __future__ import annotations

from urllib.parse import quote

from dpo_ops.errors import DpoOpsError

ASKS_ONLY = {
    "deploymentShapeVersions:match": "answers which shapes would fit; it changes nothing",
}
"""POST routes that a read-only client may send, by last segment, each with its reason."""


def absolute(path: str) -> str:
    """Return the URL path of `accounts/a/models/m:verb`, every segment percent-encoded.

    Errors: DpoOpsError when a segment is empty or made of dots, which would name another path.
    """
    segments = path.split("/")
    if any(not s.strip(".") for s in segments):
        raise DpoOpsError(
            f"{path!r} is not a resource name",
            why="a part of it is empty or made of dots",
            fix="write it like accounts/<account>/<collection>/<id>",
        )
    return "/v1/" + "/".join(quote(s, safe=":") for s in segments)


def template(method: str, path: str) -> str:
    """Return the route of a URL path: `GET accounts/{}/models/{}:verb`."""
    if not path.startswith("/v1/"):
        return f"{method} {path.lstrip('/')}"
    segments = path.removeprefix("/v1/").split("/")
    return f"{method} " + "/".join(_blank(s) if i % 2 else s for i, s in enumerate(segments))


def only_asks(method: str, path: str) -> bool:
    """Say whether this request is sure to change nothing."""
    return method == "GET" or (method == "POST" and path.rpartition("/")[2] in ASKS_ONLY)


def _blank(segment: str) -> str:
    _, colon, verb = segment.rpartition(":")
    return "{}" + (colon + verb if colon else "")
