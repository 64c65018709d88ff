"""What good specs become: the state, its links and places, defaults, values, warnings."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dpo_ops.errors import Severity, SpecError
from dpo_ops.loader import load
from dpo_ops.pairs.cache import Cache
from dpo_ops.resource import Address, Content
from tests.loader.conftest import PAIRS, Find, Write
from tests.loader.test_broken import DATASET, DEPLOYMENT, JOB

ALL = f"{DEPLOYMENT}---\n{JOB}---\n{DATASET}"
STACK = """
    apiVersion: dpo-ops/v1
    kind: Stack
    metadata: {name: prod}
    spec:
      account: pyroworks
      defaults:
        DPOJob:
          trainingConfig: {epochs: 2, learningRate: 1e-5, loraRank: 8}
          wandbConfig: {project: p}
"""
JOB_AT, DATASET_AT = Address("DPOJob", "tune"), Address("Dataset", "zebra")


def test_documents_become_resources_whatever_their_order(write: Write) -> None:
    loaded = load([write(specs=ALL)])
    assert [str(address) for address in loaded.state] == [
        "DPOJob/tune",
        "Dataset/zebra",
        "Deployment/app",
    ]
    job, dataset = loaded.state[JOB_AT], loaded.state[DATASET_AT]
    assert job.needs == (DATASET_AT,)
    assert job.body["dataset"] == f"accounts/-/datasets/{dataset.id}"
    assert loaded.stack == loaded.state.stack == "default"
    assert loaded.account is None
    assert loaded.files == ("specs.yaml",)


def test_content_is_named_digested_and_counted(write: Write) -> None:
    content = load([write(specs=DATASET)]).state[DATASET_AT].content
    assert content is not None
    assert content.path == "pairs.jsonl"
    assert content.digest == hashlib.sha256(PAIRS.encode()).hexdigest()
    assert (content.size, content.rows) == (len(PAIRS), 4)


def test_every_field_knows_its_place(write: Write) -> None:
    job = load([write(specs=ALL)]).state[JOB_AT]
    assert str(job.place) == "specs.yaml:8:1"
    assert {path: str(place) for path, place in job.places.items()} == {
        "dataset": "specs.yaml:13:12",
        "trainingConfig": "specs.yaml:14:3",
        "trainingConfig.baseModel": "specs.yaml:15:16",
    }


def test_the_stack_gives_name_account_and_defaults(write: Write) -> None:
    job = JOB + "    epochs: 3\n    learningRate: null\n  wandbConfig: null\n"
    loaded = load([write(specs=f"{DATASET}---\n{job}", stack=STACK)])
    assert (loaded.stack, loaded.account) == ("prod", "pyroworks")
    resource = loaded.state[JOB_AT]
    assert resource.stack == "prod"
    training = resource.body["trainingConfig"]
    assert training["epochs"] == 3
    assert training["loraRank"] == 8
    assert training.get("learningRate") is None
    assert resource.body.get("wandbConfig") is None
    assert resource.places["trainingConfig.loraRank"].file == "stack.yaml"
    assert resource.places["trainingConfig.epochs"].file == "specs.yaml"


def test_a_stack_alone_is_no_desired_state(find: Find) -> None:
    (finding,) = find({"stack.yaml": STACK})
    assert "no spec of a resource" in finding.what


@pytest.mark.parametrize("files", [{}, {"empty.yaml": "---\n# nothing\n"}, {"a.txt": "x"}])
def test_no_spec_is_an_error_that_says_where_it_looked(files: dict[str, str], write: Write) -> None:
    folder = write(files) / "specs"
    folder.mkdir()
    for paths in ([folder], []):
        with pytest.raises(SpecError) as caught:
            load(paths)
        (finding,) = caught.value.findings
        assert finding.where == ("specs" if paths else "no path at all")
        assert "empty desired state" in finding.why


def test_values_are_merged_in_order_and_keep_their_types(write: Write) -> None:
    deployment = DEPLOYMENT + (
        '  minReplicaCount: "{{ values.replicas.min }}"\n'
        '  maxReplicaCount: "{{ values.replicas.max }}"\n'
        '  description: "by {{ values.who }} from {{ git.short }}"\n'
    )
    folder = write(
        {
            "specs.yaml": f"{DATASET}---\n{JOB}---\n{deployment}",
            "values.yaml": "who: us\nreplicas: {min: 0, max: 1}\n",
            "more/values-prod.yaml": "replicas: {max: 4}\n",
        }
    )
    values = [folder / "values.yaml", folder / "more/values-prod.yaml"]
    body = (
        load([folder], values=values, git={"short": "abc"}).state[Address("Deployment", "app")].body
    )
    assert (body["minReplicaCount"], body["maxReplicaCount"]) == (0, 4)
    assert body["description"] == "by us from abc"


def test_values_files_of_other_runs_may_lie_beside_specs(write: Write) -> None:
    folder = write({"a.yaml": DATASET, "values-prod.yaml": "a: 1\n", "values/x.yml": "- x\n"})
    assert load([folder]).files == ("a.yaml",)


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ("- a\n", "v.yaml:1:1: a values file is one mapping"),
        ("a: 1\n---\nb: 2\n", "v.yaml:3:1: a values file is one mapping"),
        ("a: [\n", "v.yaml:2:1: is not YAML"),
        ("a: !x 1\n", "v.yaml:1:4: the tag"),
        ("n: 1\nn: 2\n", "v.yaml:2:1: the key 'n'"),
    ],
)
def test_a_broken_values_file_is_one_finding(values: str, finding: str, write: Write) -> None:
    spec = DATASET + '  displayName: "{{ values.a }}{{ values.b }}"\n'
    folder = write({"a.yaml": spec, "v.yaml": values})
    with pytest.raises(SpecError) as caught:
        load([folder], values=[folder / "v.yaml"])
    assert len(caught.value.findings) == 1
    assert finding in str(caught.value)


def test_a_values_file_that_is_missing(write: Write) -> None:
    folder = write({"a.yaml": DATASET})
    with pytest.raises(SpecError, match=r"gone.yaml: can't be read: no such file"):
        load([folder], values=[folder / "gone.yaml"])


def test_an_inserted_value_can_not_become_structure(write: Write) -> None:
    folder = write({"a.yaml": DATASET + '  displayName: "{{ values.x }}"\n'})
    for text in ("a\nsource: b", "x: y", "- a", "{{ values.x }}", "---\nkind: Stack", "!!int 5"):
        (folder / "v.yaml").write_text(f"x: {text!r}\n".replace("'", '"'))
        resource = load([folder / "a.yaml"], values=[folder / "v.yaml"]).state[DATASET_AT]
        assert resource.body["displayName"].startswith(text)


def test_full_names_are_no_references(write: Write) -> None:
    job = JOB.replace("dataset: zebra", "dataset: accounts/a/datasets/d")
    assert load([write(specs=job)]).state[JOB_AT].needs == ()


def test_jobs_may_stand_on_jobs(write: Write) -> None:
    later = JOB.replace("name: tune", "name: again").replace(
        "baseModel: accounts/fireworks/models/m", "warmStartFrom: {dpoJob: tune}"
    )
    state = load([write(specs=f"{later}---\n{JOB}---\n{DATASET}")]).state
    assert state[Address("DPOJob", "again")].needs == (DATASET_AT, JOB_AT)


def test_warnings_do_not_stop(write: Write) -> None:
    folder = write(specs=DATASET)
    (folder / "below").mkdir()
    (folder / "below" / "up").symlink_to(folder)
    loaded = load([folder])
    (warning,) = loaded.warnings
    assert warning.severity is Severity.WARNING
    assert "symlink to a folder above it" in warning.what


def test_a_thousand_documents_load_in_a_second(write: Write) -> None:
    rows = PAIRS
    files: dict[str, str | bytes] = {}
    for n in range(250):
        files[f"d{n}.jsonl"] = rows.replace("It is", f"It was {n},")
        documents = [
            DATASET.replace("zebra", f"z{n}").replace("pairs", f"d{n}"),
            JOB.replace("tune", f"t{n}").replace("zebra", f"z{n}"),
            JOB.replace("tune", f"u{n}").replace("zebra", f"z{n}") + "    epochs: 2\n",
            DEPLOYMENT.replace("app", f"app{n}").replace("tune", f"t{n}"),
        ]
        files[f"s{n}.yaml"] = "---\n".join(documents)
    folder = write(files)
    load([folder / "s0.yaml"])
    start = time.process_time()
    assert len(load([folder]).state) == 1000
    # 0.3 s on an idle machine.
    assert time.process_time() - start < 1


def test_paths_may_be_files_folders_and_the_same_thing_twice(write: Write) -> None:
    folder = write({"a/x.yaml": DATASET.replace("pairs", "../pairs"), "b.yaml": JOB})
    paths = [folder / "b.yaml", Path("a"), folder, Path("b.yaml")]
    assert load(paths).files == ("a/x.yaml", "b.yaml")


def test_files_of_pairs_that_have_not_changed_are_not_read_again(
    write: Write, tmp_path: Path
) -> None:
    specs, store = write(specs=DATASET), tmp_path / "cache/pairs.json"

    def content() -> Content:
        # A clock an hour ahead: the file is old enough to be trusted.
        cache = Cache(store, now=lambda: time.time_ns() + 3_600_000_000_000)
        found = load([specs], count_tokens=True, cache=cache).state[DATASET_AT].content
        assert found
        assert found.tokens
        return found

    true = content()
    other = hashlib.sha256(b"other").hexdigest()
    store.write_text(store.read_text().replace(true.digest, other))
    assert content().digest == other  # from the cache: the file was not read
    data = Path(true.path)
    data.write_bytes(data.read_bytes())
    assert content() == true


OPENS = """
import sys, time
from pathlib import Path

opened = []
def note(event, arguments):
    if event == "open" and str(arguments[0]).endswith("pairs.jsonl"):
        opened.append(arguments[0])
sys.addaudithook(note)

from dpo_ops.loader import load
from dpo_ops.pairs.cache import Cache
cache = Cache(Path("cache.json"), now=lambda: time.time_ns() + 3_600_000_000_000)
load([Path(sys.argv[1])], count_tokens=True, cache=cache)
print(len(opened))
"""


def test_check_digest_and_tokens_take_one_read_and_then_none(write: Write, tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENS, str(write(specs=DATASET))]

    def opens() -> int:
        return int(subprocess.run(command, capture_output=True, check=True, cwd=tmp_path).stdout)

    assert [opens(), opens(), opens()] == [1, 0, 0]


def test_it_tells_of_each_secret_whatever_else_is_wrong(write: Write):
    job = """
        kind: DPOJob
        apiVersion: {version}
        metadata: {{name: tune}}
        spec:
          nonsense: 1
          wandbConfig: [{{apiKey: {{secretRef: {{env: "{name}"}}}}}}]
        """
    write(
        {
            "specs/a.yaml": job.format(version="dpo-ops/v1", name="ONE_{{ values.key }}"),
            "specs/b.yaml": job.format(version="dpo-ops/v9", name="TWO"),
            "specs/c.yaml": "[secretRef: {env: THREE}, secretRef: {env: 3}",
            "v.yaml": "key: KEY",
        }
    )
    told: list[str] = []
    with pytest.raises(SpecError):
        load([Path("specs")], values=[Path("v.yaml")], on_secret=told.append)
    assert told == ["ONE_KEY", "TWO"]
