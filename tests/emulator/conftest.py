import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dpo_ops.emulator import Emulator, EmulatorTransport, LocalEngine
from tests.emulator import weights as small

ACCOUNT = "/v1/accounts/emulator"
QWEN = "accounts/fireworks/models/qwen3-14b"
ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")


class Wall:
    """A wall clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Api:
    """A client of an emulator, with the steps that many tests begin with."""

    http: httpx.Client
    wall: Wall
    emulator: Emulator
    account: str = ACCOUNT

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request; a path that starts with no `/v1/` or `/_` is of the account."""
        whole = path if path.startswith(("/v1/", "/_", "/inference/")) else self.account + path
        return self.http.request(method, whole, **options)

    def ok(self, method: str, path: str, **options: Any) -> Any:
        answer = self.call(method, path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fails(self, status: int, method: str, path: str, **options: Any) -> Any:
        answer = self.call(method, path, **options)
        assert answer.status_code == status, answer.text
        return answer.json()

    def wait(self, seconds: float) -> None:
        self.wall.now += seconds

    def dataset(self, name: str = "prefs", data: bytes | None = None) -> str:
        """Upload a dataset and wait until it is READY."""
        body = {"datasetId": name, "dataset": {"exampleCount": "3", "userUploaded": {}}}
        self.ok("POST", "/datasets", json=body)
        files = {"file": ("train.jsonl", rows() if data is None else data)}
        self.ok("POST", f"/datasets/{name}:upload", files=files)
        self.wait(1)
        return f"accounts/emulator/datasets/{name}"

    def job_body(self, dataset: str = "accounts/emulator/datasets/prefs", **training: Any) -> Any:
        config = {"baseModel": QWEN, "loraRank": 16, "learningRate": 1e-5, **training}
        loss = {"method": "DPO", "dpo": {"beta": 0.1}}
        return {"dataset": dataset, "trainingConfig": config, "lossConfig": loss}

    def job(self, name: str = "job", **training: Any) -> Any:
        return self.ok("POST", f"/dpoJobs?dpoJobId={name}", json=self.job_body(**training))

    def adapter(self, name: str = "tuned") -> str:
        """Run a whole job and return the name of its model."""
        self.dataset(f"{name}-data")
        dataset = f"accounts/emulator/datasets/{name}-data"
        body = self.job_body(dataset, outputModel=name)
        self.ok("POST", f"/dpoJobs?dpoJobId={name}-job", json=body)
        self.wait(315)
        return f"accounts/emulator/models/{name}"

    def upload(self, name: str, folder: Path, **details: Any) -> str:
        """Upload an adapter's files as a model and wait until it is READY."""
        config = json.loads((folder / "adapter_config.json").read_bytes())
        peft = {"baseModel": QWEN, "r": config["r"], "targetModules": config["target_modules"]}
        body = {"modelId": name, "model": {"peftDetails": {**peft, **details}}}
        self.ok("POST", "/models", json=body)
        self.put(name, folder)
        return f"accounts/emulator/models/{name}"

    def put(self, name: str, folder: Path) -> None:
        """Send an adapter's files to a model that is there."""
        files = {f: (folder / f).read_bytes() for f in ADAPTER_FILES}
        path = f"/models/{name}:getUploadEndpoint"
        sizes = {f: len(data) for f, data in files.items()}
        urls = self.ok("POST", path, json={"filenameToSize": sizes})["filenameToSignedUrls"]
        for f, data in files.items():
            signed = {"x-goog-content-length-range": f"{len(data)},{len(data)}"}
            headers = {"Content-Type": "application/octet-stream", **signed}
            assert self.http.put(urls[f], content=data, headers=headers).status_code == 200
        self.ok("GET", f"/models/{name}:validateUpload")

    def deployment(self, model: str, name: str = "dep", **fields: Any) -> str:
        """Create a deployment on the base's minimal shape and wait until it is READY."""
        shape = "accounts/fireworks/deploymentShapes/qwen3-14b-minimal"
        body = {"baseModel": model, "deploymentShape": shape, **fields}
        self.ok("POST", f"/deployments?deploymentId={name}", json=body)
        self.wait(210)
        return f"accounts/emulator/deployments/{name}"

    def chat(self, model: str, **fields: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **fields}
        return self.call("POST", "/inference/v1/chat/completions", json=body)


def row(question: str = "Why is the sky blue?") -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": question}]},
        "preferred_output": [{"role": "assistant", "content": "Light scatters."}],
        "non_preferred_output": [{"role": "assistant", "content": "It is painted."}],
    }


def rows(count: int = 3) -> bytes:
    return b"".join(json.dumps(row(f"question {n}")).encode() + b"\n" for n in range(count))


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def make(wall: Wall) -> Iterator[Callable[..., Api]]:
    """Makes clients of emulators that are set up as a test wants them."""
    made: list[Api] = []

    def build(data: Any = None, **options: Any) -> Api:
        emulator = Emulator(data, **{"wall": wall, **options})
        http = httpx.Client(
            transport=EmulatorTransport(emulator),
            base_url="https://api.fireworks.ai",
            headers={"Authorization": "Bearer any"},
        )
        made.append(Api(http, wall, emulator))
        return made[-1]

    yield build
    for api in made:
        api.http.close()
        api.emulator.close()


@pytest.fixture
def api(make: Callable[..., Api]) -> Api:
    return make()


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of a small model, the same in every run."""
    pytest.importorskip("trl")
    return small.make(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="session")
def tuned(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter on these weights."""
    return small.adapt(weights, tmp_path_factory.mktemp("tuned"))


@pytest.fixture(scope="session")
def engine_of(weights: Path) -> LocalEngine:
    """An engine that serves these weights; what trains needs one of its own."""
    return LocalEngine(str(weights))


@pytest.fixture
def local(make: Callable[..., Api], engine_of: LocalEngine) -> Api:
    return make(engine=engine_of)


@pytest.fixture
def valid_row() -> dict[str, Any]:
    return row()


@pytest.fixture
def valid_rows() -> bytes:
    return rows()
