"""The trainers of one's own compute, as far as they are installed, and where they work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dpo_ops.cli.places import OURS, TRAINING, keep_out_of_git
from dpo_ops.executor import Workshop
from dpo_ops.trainers.ray import Ray
from dpo_ops.trainers.trl import Trl

if TYPE_CHECKING:
    from dpo_ops.client import Client


def workshop(client: Client) -> Workshop:
    """Return where specs with `trainer: trl` or `ray` are trained."""
    return Workshop(
        folder=TRAINING,
        trainers={"trl": Trl(), "ray": Ray()},
        fetch=client.download_model,
        prepare=_prepare,
    )


def _prepare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    keep_out_of_git(Path(OURS))
