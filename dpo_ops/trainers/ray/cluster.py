"""A Ray cluster as its dashboard port shows it: jobs, their logs, files in its log folders."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from dpo_ops.trainers.contract import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from dpo_ops.trainers.ray.settings import Settings

_OVER: Final = {"SUCCEEDED", "FAILED", "STOPPED"}
_NOT_FOUND: Final = 404
_OK: Final = 200
_PATIENCE: Final = (10.0, 60.0)
"""Seconds to connect and to hear the next byte. Ray's client would wait for ever."""

_STREAM: Final = 3600
"""Seconds that the cluster may take over one file; its own choice would be 30."""

FIX: Final = "check that RAY_ADDRESS is the dashboard of a running cluster, as http://HOST:8265"


class Unreachable(Exception):
    """The cluster can't be reached or can't answer now: nothing is known about its jobs."""


class Gone(Exception):
    """A file, or the node that it lay on, is no longer there."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the cluster knows it; `state` is Ray's own word, which may be a new one.

    `node` is where it runs or ran, `order` the digest of what it trains; empty if unknown.
    """

    id: str
    state: str
    message: str
    error: str
    order: str
    node: str

    @property
    def waits(self) -> bool:
        """Whether it has not begun, for want of a node or of its environment."""
        return self.state == "PENDING"

    @property
    def over(self) -> bool:
        """Whether it will not go on."""
        return self.state in _OVER

    @property
    def done(self) -> bool:
        """Whether it ended well."""
        return self.state == "SUCCEEDED"


class Cluster:
    """Asks one cluster. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        # Asks the cluster for its version, so that a wrong address is found at once.
        sdk = import_module("ray.job_submission").JobSubmissionClient
        # It tells of each upload on stderr, and sets its own level when it is imported.
        logging.getLogger("ray.dashboard.modules.dashboard_sdk").setLevel(logging.WARNING)
        self._errors = (OSError, RuntimeError, import_module("ray.exceptions").RayError)
        bounded = type("Bounded", (sdk,), {"_do_request": _bounded(sdk)})
        try:
            self._client = bounded(settings.address, headers=dict(settings.headers))
        except Exception as error:  # to look an address up, Ray may use anything it has
            _refuse(error)
            raise Unreachable(_brief(error)) from error

    @property
    def address(self) -> str:
        """Where its dashboard is."""
        return str(self._client.get_address())

    def job(self, name: str) -> Job | None:
        """Return a job, or None where the cluster says that it has none of that name."""
        reply = self._get(f"/api/jobs/{name}")
        if reply.status_code == _NOT_FOUND and name in reply.text:
            return None
        said = self._json(reply)
        return Job(
            id=name,
            state=str(said.get("status") or ""),
            message=str(said.get("message") or ""),
            error=str(said.get("error_type") or ""),
            order=str((said.get("metadata") or {}).get("dpo-ops-order") or ""),
            node=str(said.get("driver_node_id") or ""),
        )

    def log(self, job: Job) -> str:
        """Return all that a job has printed, as long as its node is there."""
        if not job.node:
            raise Unreachable(f"no node has begun {job.id}")
        # Not /api/jobs/NAME/logs: for that the head needs a second port of the job's node.
        which = {"node_id": job.node, "submission_id": job.id}
        try:
            return b"".join(self._stream(which)).decode("utf-8", "replace")
        except Gone as error:
            raise Unreachable(str(error)) from error

    def head(self) -> str:
        """Return the id of the head node, which lives as long as the cluster."""
        for node in self._nodes():
            if node.get("is_head_node"):
                return str(node["node_id"])
        raise Unreachable("its head node is not up")

    def has_gpu(self) -> bool:
        """Whether a node that is there now has a GPU."""
        return any((n.get("resources_total") or {}).get("GPU", 0) >= 1 for n in self._nodes())

    def submit(self, name: str, parcel: Path, request: Mapping[str, Any]) -> None:
        """Submit a job with `parcel`, a zip, as its working directory.

        Raises:
            Unreachable: no answer, or an error; it may have been taken all the same.
            TrainingFailed: Ray can't read the runtime environment.
        """
        request = dict(request)
        env = {**request.pop("runtime_env", {}), "working_dir": str(parcel)}
        try:
            self._client.submit_job(submission_id=name, runtime_env=env, **request)
        except self._errors as error:
            _refuse(error)
            raise Unreachable(_brief(error)) from error
        except (TypeError, ValueError):
            # What Ray says may hold a value of env_vars, so it is not repeated.
            raise TrainingFailed(
                f"Ray job {name} can't be submitted",
                "Ray can't read its runtime environment",
                "correct DPO_OPS_RAY_RUNTIME_ENV",
            ) from None

    def file(self, node: str, path: str) -> Iterator[bytes]:
        """Yield the bytes of a file in a node's log folder.

        Raises:
            Gone: the file or the node is not there any more.
        """
        if not any(there["node_id"] == node for there in self._nodes()):
            raise Gone(f"node {node} has left the cluster")
        yield from self._stream({"node_id": node, "filename": path})

    def _stream(self, which: dict[str, str]) -> Iterator[bytes]:
        query = {**which, "lines": "-1", "timeout": str(_STREAM)}
        with self._get("/api/v0/logs/file", params=query, stream=True) as reply:
            if reply.status_code != _OK:
                said = _status(reply)
                raise Gone(said) if "not found at" in said else Unreachable(said)
            try:
                yield from reply.iter_content(1 << 20)
            except OSError as error:
                raise Unreachable(_brief(error)) from error

    def _nodes(self) -> list[dict[str, Any]]:
        query = {"detail": "1", "limit": "10000", "filter_keys": "state"}
        query |= {"filter_predicates": "=", "filter_values": "ALIVE"}
        said = self._json(self._get("/api/v0/nodes", params=query))
        found: list[dict[str, Any]] = said["data"]["result"]["result"]
        return found

    def _get(self, path: str, **options: Any) -> Any:
        try:
            return self._client._do_request("GET", path, **options)  # noqa: SLF001
        except self._errors as error:
            _refuse(error)
            raise Unreachable(_brief(error)) from error

    def _json(self, reply: Any) -> dict[str, Any]:
        if reply.status_code != _OK:
            raise Unreachable(_status(reply))
        try:
            said: dict[str, Any] = reply.json()
        except ValueError as error:
            raise Unreachable("the answer is no JSON: is this Ray's dashboard?") from error
        return said


def _bounded(sdk: Any) -> Any:
    """Return the request method of Ray's client, with a limit on how long it waits."""

    def request(self: Any, method: str, endpoint: str, **options: Any) -> Any:
        return sdk._do_request(self, method, endpoint, **{"timeout": _PATIENCE, **options})  # noqa: SLF001

    return request


def _refuse(error: Exception) -> None:
    """Raise where asking again can't help: Ray wants another token, or another version."""
    name = type(error).__name__
    if name == "AuthenticationError":
        raise TrainingFailed(
            "the Ray cluster refuses the token",
            "what trains there goes on",
            "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to the cluster's own",
        ) from error
    if "Jobs API is not supported" in str(error) or "is not compatible" in str(error):
        raise TrainingFailed("the Ray cluster is too old", _brief(error), "upgrade it") from error


def _status(reply: Any) -> str:
    return f"it answers {reply.status_code}: {_last(reply.text)}"


def _brief(error: Exception) -> str:
    return _last(str(error)) or type(error).__name__


def _last(text: str) -> str:
    """Return the last line, which is where a traceback of the cluster has its reason."""
    lines = [line.strip() for line in text.strip().split("\n") if line.strip()]
    return re.sub(r"\s+", " ", lines[-1])[:500] if lines else ""
