"""Where the weights of a base model are: a folder, a GGUF file, a Hugging Face id, or ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TINY: Final = "dpo-ops/tiny"
"""The name of the model that comes along: small enough to train on two cores in a minute."""

TINY_FOLDER: Final = Path(__file__).parent / "tiny"


@dataclass(frozen=True, slots=True)
class Weights:
    """What `from_pretrained` takes: a folder or an id, a GGUF file in it, a revision of it."""

    source: str
    gguf: str | None = None
    revision: str | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """The keyword arguments that go with `source`."""
        said = {"gguf_file": self.gguf, "revision": self.revision}
        return {key: value for key, value in said.items() if value}


def locate(weights: str) -> Weights:
    """Return where `weights` are. Nothing is read or downloaded here.

    A Hugging Face id may end in `@` and a branch, a tag or a commit.
    """
    if weights == TINY:
        return Weights(str(TINY_FOLDER))
    if weights.endswith(".gguf"):
        path = Path(weights)
        return Weights(str(path.parent), path.name)
    name, _, revision = weights.rpartition("@")
    if name and "/" not in revision and not Path(weights).exists():
        return Weights(name, revision=revision)
    return Weights(weights)
