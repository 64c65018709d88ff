"""Broken specs, each with where it is wrong and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from tests.loader.conftest import Find

DATASET = """apiVersion: dpo-ops/v1
kind: Dataset
metadata:
  name: zebra
spec:
  source: pairs.jsonl
"""
STACK = "apiVersion: dpo-ops/v1\nkind: Stack\n"
JOB = """apiVersion: dpo-ops/v1
kind: DPOJob
metadata:
  name: tune
spec:
  dataset: zebra
  trainingConfig:
    baseModel: accounts/fireworks/models/m
"""
DEPLOYMENT = """apiVersion: dpo-ops/v1
kind: Deployment
metadata:
  name: app
spec:
  model: {dpoJob: tune}
"""


class Case(NamedTuple):
    text: str
    findings: list[str]


def dataset(**lines: str) -> str:
    return DATASET + "".join(f"  {key}: {value}\n" for key, value in lines.items())


def job(*lines: str) -> str:
    return f"{DATASET}---\n{JOB}" + "".join(f"  {line}\n" for line in lines)


def training(*lines: str) -> str:
    return job(*(f"  {line}" for line in lines))


def deployment(*lines: str) -> str:
    return f"{DATASET}---\n{JOB}---\n{DEPLOYMENT}" + "".join(f"  {line}\n" for line in lines)


CASES = {
    # the envelope
    "no mapping": Case("- a\n", ["1:1: this document is no spec"]),
    "only text": Case("hello\n", ["1:1: this document is no spec"]),
    "no apiVersion": Case("kind: Dataset\n", ["1:1: this document has no apiVersion"]),
    "another apiVersion": Case(
        "apiVersion: apps/v1\nkind: Pod\n", ["1:13: apiVersion is 'apps/v1', not dpo-ops/v1"]
    ),
    "a newer apiVersion": Case(
        "apiVersion: dpo-ops/v2\nfoo: 1\n",
        ["1:13: apiVersion is 'dpo-ops/v2', not dpo-ops/v1 · it is written for a newer dpo-ops"],
    ),
    "no kind": Case(
        "apiVersion: dpo-ops/v1\nmetadata: {name: a}\n", ["1:1: this document has no kind"]
    ),
    "a misspelt kind": Case(
        DATASET.replace("Dataset", "DataSets"),
        ["2:7: there is no kind 'DataSets' · did you mean Dataset?"],
    ),
    "a kind of no text": Case(DATASET.replace("Dataset", "5"), ["2:7: there is no kind 5"]),
    "an unknown key": Case(
        DATASET + "sepc: {}\n", ["7:1: a spec document has no 'sepc' · did you mean spec?"]
    ),
    "no metadata": Case(
        DATASET.replace("metadata:\n  name: zebra\n", ""),
        ["1:1: this document has no metadata.name"],
    ),
    "no name": Case(
        DATASET.replace("  name: zebra\n", "  {}\n"), ["3:1: this document has no metadata.name"]
    ),
    "labels": Case(
        DATASET.replace("zebra\n", "zebra\n  labels: {}\n"), ["5:3: metadata has no 'labels'"]
    ),
    "a name that is no id": Case(
        DATASET.replace("zebra", "Zebra_1"), ["4:9: metadata.name 'Zebra_1' can't be part of an id"]
    ),
    "a name with a line break": Case(
        DATASET.replace("zebra", '"a\\n"'), ["4:9: metadata.name 'a\\n' can't be part of an id"]
    ),
    "a name that is a number": Case(
        DATASET.replace("zebra", "12"), ["4:9: metadata.name 12 can't be part of an id"]
    ),
    "a name without room": Case(
        DATASET.replace("zebra", "z" * 53),
        ["4:9: metadata.name has 53 characters; a Dataset takes 52 · its id has 63"],
    ),
    "a name without room for attempts": Case(
        job().replace("name: tune", "name: " + "t" * 48),
        ["11:9: metadata.name has 48 characters; a DPOJob takes 47"],
    ),
    "no spec": Case(DATASET.partition("spec:")[0], ["1:1: this Dataset has no spec · write spec:"]),
    "an empty spec": Case(
        DATASET.replace("  source: pairs.jsonl\n", ""), ["5:6: this Dataset has no spec"]
    ),
    "a spec that is a list": Case(
        DATASET.replace("\n  source: pairs.jsonl", " [a]"), ["5:1: spec must be a mapping"]
    ),
    "the same name twice": Case(
        f"{DATASET}---\n{DATASET}",
        ["11:9: Dataset/zebra is described twice; first at specs.yaml:4:9"],
    ),
    # fields
    "a missing field": Case(
        DATASET.replace("source: pairs.jsonl", "displayName: z"),
        ["5:1: source is missing · the JSONL file, relative to the spec file"],
    ),
    "a misspelt field": Case(
        DATASET.replace("source", "sorce"),
        ["6:3: spec has no field 'sorce' · did you mean source?"],
    ),
    "another style of name": Case(
        training("learning_rate: 1e-5"),
        ["16:5: trainingConfig has no field 'learning_rate' · did you mean learningRate?"],
    ),
    "a field of another level": Case(
        job("learningRate: 1e-5"),
        ["16:3: spec has no field 'learningRate' · learningRate belongs under trainingConfig"],
    ),
    "a misspelt field of another level": Case(
        job("bataSize: 1"), ["16:3: spec has no field 'bataSize'"]
    ),
    "the name in the spec": Case(
        dataset(name="x"), ["7:3: spec has no field 'name' · name belongs in metadata"]
    ),
    "a field like no other": Case(
        job("xyzzy: 1"), ["16:3: spec has no field 'xyzzy' · use one of: adopt, dataset"]
    ),
    "the server's field": Case(
        job("state: DONE"), ["16:3: state is the server's to say · read as health"]
    ),
    "a withheld field": Case(
        training("batchSize: 3"),
        ["16:5: trainingConfig.batchSize is not for specs to set · the V2 trainer rejects it"],
    ),
    "a derived field": Case(
        training("outputModel: m"), ["16:5: trainingConfig.outputModel is set by dpo_ops itself"]
    ),
    "text for a number": Case(
        training('epochs: "3"'),
        [
            (
                "16:13: trainingConfig.epochs must be a whole number, not text"
                " · passes over the data · remove the quotes"
            )
        ],
    ),
    "a fraction for a number": Case(
        training("epochs: 1.5"),
        ["16:13: trainingConfig.epochs must be a whole number, not the number 1.5"],
    ),
    "a truth for a number": Case(
        training("epochs: true"), ["16:13: trainingConfig.epochs must be a whole number, not true"]
    ),
    "a number for text": Case(
        dataset(displayName="12"),
        ["7:16: displayName must be text, not the number 12", "put it in quotes"],
    ),
    "a mapping for a number": Case(
        training("epochs: {a: 1}"),
        ["16:5: trainingConfig.epochs must be a whole number, not a map"],
    ),
    "text for a list": Case(
        training("loraTargetModules: q_proj"),
        ["16:24: trainingConfig.loraTargetModules must be a list, not text", "[ … ]"],
    ),
    "a wrong item": Case(
        training("loraTargetModules:", "  - q_proj", "  - 3"),
        ["18:9: trainingConfig.loraTargetModules.1 must be text, not the number 3"],
    ),
    "text for a mapping": Case(
        job("lossConfig: DPO"),
        ["16:15: lossConfig must be a mapping with method, dpo, orpo, not text"],
    ),
    "yes for true": Case(
        deployment("enableAddons: yes"), ["23:17: enableAddons must be true or false, not text"]
    ),
    "an empty field": Case(
        DATASET.replace("pairs.jsonl", ""), ["6:10: source must be text, not empty"]
    ),
    "too much": Case(
        training("loraRank: 65"), ["16:15: trainingConfig.loraRank is 65; it must be 64 or less"]
    ),
    "too little": Case(
        training("learningRate: 0"), ["16:19: trainingConfig.learningRate is 0; it must be above 0"]
    ),
    "not finite": Case(
        training("learningRate: .nan"), ["16:19: trainingConfig.learningRate is nan"]
    ),
    "no multiple": Case(
        training("maxContextLength: 100"),
        ["16:23: trainingConfig.maxContextLength is 100; it must"],
    ),
    "no choice": Case(
        job("lossConfig: {method: DOP}"),
        ["16:24: lossConfig.method is 'DOP'; it must be DPO, ORPO", "did you mean DPO?"],
    ),
    "an alias of pydantic": Case(
        job("lossConfig: {method: ORPO, orpo: {lambda: 0, lambda_: 1}}"),
        ["16:45: lossConfig.orpo.lambda is 0", "16:48: lossConfig.orpo has no field 'lambda_'"],
    ),
    "no duration": Case(
        deployment("autoscalingPolicy: {scaleUpWindow: soon}"),
        ["23:38: autoscalingPolicy.scaleUpWindow: 'soon' is not a duration; write it like 90s"],
    ),
    "neither of two": Case(
        deployment().replace("model: {dpoJob: tune}", "model: 5"),
        ["22:10: model must be text or a mapping with dpoJob, not the number 5"],
    ),
    "one of two, misspelt": Case(
        deployment().replace("dpoJob: tune", "dpojob: tune"),
        ["22:11: model has no field 'dpojob' · did you mean dpoJob?"],
    ),
    "one of two, empty": Case(
        deployment().replace("{dpoJob: tune}", "{}"), ["22:3: model.dpoJob is missing"]
    ),
    "what types can't say": Case(
        deployment("minReplicaCount: 3", "maxReplicaCount: 1"),
        ["24:20: maxReplicaCount is 1, below minReplicaCount 3"],
    ),
    "what types can't say of a mapping": Case(
        training("warmStartFrom: accounts/a/models/m"),
        ["14:3: trainingConfig has both of baseModel and warmStartFrom"],
    ),
    "what types can't say of a key with a dot": Case(
        deployment("annotations: {a.b: c}"), ["23:22: annotations.a.b"]
    ),
    # secrets
    "a literal secret": Case(
        job("wandbConfig: {apiKey: hunter2}"),
        [
            "16:25: wandbConfig.apiKey must say where a secret is, and never hold it",
            "{secretRef: {env: NAME}}",
        ],
    ),
    "a secret for the variable": Case(
        job("wandbConfig: {apiKey: {secretRef: {env: hunter-2}}}"),
        ["16:17: wandbConfig.apiKey must say where a secret is"],
    ),
    "a secret as a key": Case(
        job("wandbConfig: {apiKey: {hunter2: x}}"), ["16:17: wandbConfig.apiKey must say where"]
    ),
    "a list of secrets": Case(
        deployment("directRouteApiKeys: [hunter2]"),
        ["23:24: directRouteApiKeys.0 must say where a secret is"],
    ),
    "a secret for a list": Case(
        deployment("directRouteApiKeys: hunter2"), ["23:23: directRouteApiKeys must be a list"]
    ),
    # references
    "an unknown reference": Case(
        job().replace("dataset: zebra", "dataset: zebar"),
        [
            "13:12: dataset: there is no Dataset 'zebar' · the specs have zebra",
            "did you mean zebra?",
        ],
    ),
    "a reference to another kind": Case(
        deployment().replace("dpoJob: tune", "dpoJob: zebra"),
        ["22:19: model.dpoJob: there is no DPOJob 'zebra' · Dataset/zebra is another kind"],
    ),
    "a reference to nothing": Case(
        JOB, ["6:12: dataset: there is no Dataset 'zebra' · the specs have no Dataset"]
    ),
    "a full name where only a spec's name can stand": Case(
        deployment().replace("dpoJob: tune", "dpoJob: accounts/acme/dpoJobs/y"),
        [
            "22:19: model.dpoJob: 'accounts/acme/dpoJobs/y' is no name of a spec",
            "write model: accounts/…/models/…",
        ],
    ),
    "a full name to go on from": Case(
        job().replace(
            "baseModel: accounts/fireworks/models/m",
            "warmStartFrom: {dpoJob: accounts/acme/dpoJobs/y}",
        ),
        [
            "15:29: trainingConfig.warmStartFrom.dpoJob: 'accounts/acme/dpoJobs/y' is no name",
            "write warmStartFrom: accounts/…/models/…",
        ],
    ),
    "a reference to a job that is none": Case(
        deployment().replace("dpoJob: tune", "dpoJob: other"),
        ["22:19: model.dpoJob: there is no DPOJob 'other'", "or write model: accounts/…/models/…"],
    ),
    "a reference whose nearest name is invalid": Case(
        job().replace("name: zebra", "name: Zebra"),
        ["4:9: metadata.name 'Zebra'", "13:12: dataset: there is no", "add a Dataset of this"],
    ),
    "a circle of one": Case(
        job().replace("baseModel: accounts/fireworks/models/m", "warmStartFrom: {dpoJob: tune}"),
        ["15:29: trainingConfig.warmStartFrom.dpoJob: DPOJob/tune → DPOJob/tune is a circle"],
    ),
    "a circle of two": Case(
        DATASET
        + "".join(
            "---\n"
            + JOB.replace("tune", name).replace(
                "baseModel: accounts/fireworks/models/m", f"warmStartFrom: {{dpoJob: {other}}}"
            )
            for name, other in (("b", "a"), ("a", "b"))
        ),
        ["24:29: trainingConfig.warmStartFrom.dpoJob: DPOJob/a → DPOJob/b → DPOJob/a is a circle"],
    ),
    # templates
    "an unknown value": Case(
        dataset(displayName='"{{ values.x }}"'),
        ["7:16: there is no values.x · there are no values at all"],
    ),
    "a template without quotes": Case(
        dataset(displayName="{{ values.x }}"), ["7:16: a template without quotes"]
    ),
    "a template that makes the wrong type": Case(
        dataset(displayName='"{{ 1 + 1 }}"'), ["7:16: displayName must be text, not the number 2"]
    ),
    # the stack
    "two stacks": Case(
        f"{DATASET}---\n{STACK}---\n{STACK}",
        ["11:1: this is a second Stack; the first is at specs.yaml:8:1"],
    ),
    "a long stack name": Case(
        f"{DATASET}---\n{STACK}metadata: {{name: {'s' * 25}}}\n",
        ["10:18: metadata.name has 25 characters; a Stack takes 24"],
    ),
    "defaults for no kind": Case(
        f"{DATASET}---\n{STACK}spec: {{defaults: {{DPOjob: {{}}}}}}\n",
        ["10:19: defaults are by kind, and there is no kind 'DPOjob' · did you mean DPOJob?"],
    ),
    "an unknown field of a stack": Case(
        f"{DATASET}---\n{STACK}spec: {{acount: x}}\n",
        ["10:8: spec has no field 'acount' · did you mean account?"],
    ),
    "a wrong default": Case(
        f"{DATASET}---\n{STACK}spec: {{defaults: {{Dataset: {{displayName: 5}}}}}}\n",
        ["10:42: displayName must be text, not the number 5"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_finding_is_at_its_place_in_plain_words(name: str, find: Find) -> None:
    case = CASES[name]
    found = [str(finding) for finding in find({"specs.yaml": case.text})]
    for expected in case.findings:
        at = f"specs.yaml:{expected}" if expected[0].isdigit() else expected
        assert any(at in finding for finding in found), found
    assert len(found) == sum(expected[0].isdigit() for expected in case.findings), found
    said = " ".join(found)
    assert "hunter" not in said
    assert not any(word in said for word in ("pydantic", "https://", "Input should", "_type"))


def test_all_findings_of_all_files_come_at_once_in_order(find: Find) -> None:
    found = find(
        {
            "b.yaml": DATASET.replace("source", "sorce"),
            "a.yaml": JOB.replace("baseModel", "baseModl") + "  trainer: magic\n",
            "c.yaml": "a: [\n",
        }
    )
    heads = [str(finding).split(": ")[0] for finding in found]
    assert heads == ["a.yaml:8:5", "a.yaml:9:12", "b.yaml:6:3", "c.yaml:2:1"]


def test_a_reference_to_a_broken_document_is_not_unknown(find: Find) -> None:
    broken = [
        DATASET.replace("source", "sorce"),
        DATASET.replace("Dataset", "Datset"),
        DATASET.replace("spec:", "spec: ["),
        DATASET.replace("dpo-ops/v1", "dpo-ops/v9"),
        DATASET.replace("zebra", "{{ x }}"),
        DATASET.replace("source: pairs.jsonl", "[]"),
    ]
    for text in broken:
        found = find({"a.yaml": JOB, "b.yaml": text})
        assert all(str(finding).startswith("b.yaml") for finding in found), found


def test_a_lost_document_excuses_only_its_own_name(find: Find) -> None:
    found = find({"a.yaml": JOB, "b.yaml": DATASET.replace("zebra", "z2").replace("c:", "c: [")})
    assert [str(finding).split(": ")[0] for finding in found] == ["a.yaml:6:12", "b.yaml:7:1"]


def test_without_its_stack_a_missing_field_may_be_a_default(find: Find) -> None:
    stack = "apiVersion: dpo-ops/v1\nkind: Stack\nspec: {defaults: {Dataset: {source: [}}}\n"
    found = find({"a.yaml": DATASET.replace("source: pairs.jsonl", "{}"), "s.yaml": stack})
    assert [str(finding).split(":")[0] for finding in found] == ["s.yaml"]


def test_a_value_that_was_not_rendered_is_not_also_of_a_wrong_type(find: Find) -> None:
    text = deployment('minReplicaCount: "{{ values.n }}"', "maxReplicaCount: {{ values.n }}")
    found = [str(finding) for finding in find({"specs.yaml": text})]
    assert [finding.split(": ")[0] for finding in found] == ["specs.yaml:23:20", "specs.yaml:24:20"]
