"""Generated worlds: sets of specs as a user would write them, and the files they name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import strategies as st

from dpo_ops.loader import load

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from dpo_ops.resource import State

BASES = [
    f"accounts/fireworks/models/{name}"
    for name in ("llama-v3p1-8b-instruct", "qwen3-14b", "qwen3-4b-instruct-2507")
]
Doc = dict[str, Any]


@dataclass(frozen=True)
class World:
    """Spec documents in some order, and the rows of each data file by its name."""

    docs: tuple[Doc, ...]
    data: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def write(self, folder: Path, random: Random | None = None) -> Path:
        """Write it down, one file or, given `random`, in shuffled documents over many files."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".git").mkdir(exist_ok=True)
        for name, rows in self.data.items():
            (folder / name).write_text("".join(row(n) for n in rows))
        docs, files = list(self.docs), 1
        if random:
            random.shuffle(docs)
            files = random.randint(1, len(docs))
        for number in range(files):
            part = docs[number::files]
            (folder / f"{number}.yaml").write_text(yaml.safe_dump_all(part, sort_keys=False))
        return folder

    def load(self, folder: Path, random: Random | None = None) -> State:
        return load([self.write(folder, random)]).state


def row(number: int) -> str:
    said = {
        "input": {"messages": [{"role": "user", "content": f"Question {number}?"}]},
        "preferred_output": [{"role": "assistant", "content": f"Right, {number}."}],
        "non_preferred_output": [{"role": "assistant", "content": f"Wrong, {number}."}],
    }
    return json.dumps(said) + "\n"


def doc(kind: str, name: str, spec: Doc) -> Doc:
    return {
        "apiVersion": "dpo-ops/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


rows = st.lists(st.integers(0, 30), min_size=3, max_size=8, unique=True).map(tuple)
durations = st.sampled_from(["5m", "10m", "1h", "300s", "1h0m"])
settings = st.fixed_dictionaries(
    {"baseModel": st.sampled_from(BASES)},
    optional={
        "epochs": st.integers(1, 3),
        "learningRate": st.sampled_from([1e-5, 5e-6, 2e-5, 0.00001]),
        "loraRank": st.sampled_from([4, 8, 16, 32]),
        "batchSizeSamples": st.sampled_from([2, 4, 8]),
        "loraDropout": st.sampled_from([0, 0.05, 0.1]),
        "maxContextLength": st.sampled_from([2048, 4096]),
    },
)
losses = st.one_of(
    st.none(),
    st.just({"method": "DPO"}),
    st.sampled_from([0.05, 0.1, 0.3]).map(lambda b: {"method": "DPO", "dpo": {"beta": b}}),
    st.sampled_from([0.5, 1, 1.0]).map(lambda v: {"method": "ORPO", "orpo": {"lambda": v}}),
)
serving = st.fixed_dictionaries(
    {},
    optional={
        "minReplicaCount": st.integers(0, 1),
        "maxReplicaCount": st.integers(1, 3),
        "description": st.one_of(st.none(), st.sampled_from(["", "for tests", "für alle: {x}"])),
        "displayName": st.sampled_from(["Help", "A name"]),
        "autoscalingPolicy": st.fixed_dictionaries(
            {},
            optional={
                "scaleDownWindow": durations,
                "scaleToZeroWindow": durations,
                "loadTargets": st.just({"default": 0.5}),
            },
        ),
        "placement": st.sampled_from([{"multiRegion": "US"}, {"multiRegion": "GLOBAL"}]),
        "annotations": st.just({"custom/team": "evals"}),
    },
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw one to three datasets, and jobs and deployments that refer to them."""
    # Dependents sort before what they need, so that a missing edge shows.
    data = {f"data-{n}": draw(rows) for n in range(draw(st.integers(1, 3)))}
    docs = [doc("Dataset", f"z-{name}", {"source": f"{name}.jsonl"}) for name in data]
    jobs = draw(st.integers(0, 3))
    for n in range(jobs):
        spec: Doc = {
            "dataset": f"z-{draw(st.sampled_from(sorted(data)))}",
            "trainingConfig": draw(settings),
        }
        if loss := draw(losses):
            spec["lossConfig"] = loss
        if draw(st.integers(0, 2)) == 0:
            spec |= {"trainer": "trl", "weights": "dpo-ops/tiny"}
        docs.append(doc("DPOJob", f"m-job-{n}", spec))
    for n in range(draw(st.integers(0, 2)) if jobs else 0):
        model = {"dpoJob": f"m-job-{draw(st.integers(0, jobs - 1))}"}
        docs.append(doc("Deployment", f"a-serve-{n}", {"model": model, **draw(serving)}))
    return World(tuple(docs), {f"{name}.jsonl": numbers for name, numbers in data.items()})


@st.composite
def edits(draw: st.DrawFn, world: World) -> World:
    """Draw the world after one commit: other data, another setting, or other serving."""
    name = draw(st.sampled_from(sorted(world.data)))
    data = {**world.data, name: draw(rows)}
    docs = tuple(_edited(draw, document) for document in world.docs)
    return replace(world, docs=docs, data=data)


def _edited(draw: st.DrawFn, document: Doc) -> Doc:
    if draw(st.booleans()):
        return document
    spec = document["spec"]
    if document["kind"] == "DPOJob":
        return {**document, "spec": {**spec, "trainingConfig": draw(settings)}}
    if document["kind"] == "Deployment":
        return {**document, "spec": {"model": spec["model"], **draw(serving)}}
    return document
