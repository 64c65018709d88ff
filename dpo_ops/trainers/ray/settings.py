"""Which cluster, and what a job may use there: from the environment, as Ray's own tools do."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from dpo_ops.trainers.contract import TrainingFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

STORAGE: Final = "~/.dpo-ops/training"


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set for all trainings on a cluster.

    `address` is as Ray takes it (`http://HOST:8265`), None where Ray is to look for a cluster
    on this machine; Ray itself prefers one that the environment names. `gpus` and `cpus` are
    reserved for a job; `gpus` None means one where the cluster has any. `runtime_env` is Ray's,
    less `working_dir`. `storage` is the folder on the nodes that keeps trainings. `headers` go
    with each request.
    """

    address: str | None = None
    gpus: float | None = None
    cpus: float | None = None
    runtime_env: Mapping[str, Any] = field(default_factory=dict, repr=False)
    storage: str = STORAGE
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return what the environment says.

        Raises:
            TrainingFailed: a setting can't be read; its value is not repeated, it may be secret.
        """
        env = _mapping(environ, "DPO_OPS_RAY_RUNTIME_ENV")
        if "working_dir" in env:
            raise TrainingFailed(
                "DPO_OPS_RAY_RUNTIME_ENV can't be used",
                "it sets working_dir, which carries the pairs",
                "put files that a job needs into its image, or into py_modules",
            )
        return cls(
            address=environ.get("RAY_API_SERVER_ADDRESS") or environ.get("RAY_ADDRESS") or None,
            gpus=_amount(environ, "DPO_OPS_RAY_GPUS"),
            cpus=_amount(environ, "DPO_OPS_RAY_CPUS"),
            runtime_env=env,
            storage=environ.get("DPO_OPS_RAY_STORAGE") or STORAGE,
            headers=_mapping(environ, "RAY_JOB_HEADERS"),
        )


def _amount(environ: Mapping[str, str], name: str) -> float | None:
    text = environ.get(name, "")
    if not text:
        return None
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise TrainingFailed(
            f"{name} can't be used", f"{text!r} is no amount", f"set it to a number: {name}=1"
        )
    return amount


def _mapping(environ: Mapping[str, str], name: str) -> dict[str, Any]:
    text = environ.get(name, "")
    try:
        said = json.loads(text) if text else {}
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise TrainingFailed(
            f"{name} can't be used",
            "it is no JSON object",
            f"set it to an object: {name}='{{\"KEY\": ...}}'",
        )
    return said
