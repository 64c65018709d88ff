"""The files of `examples/server` name options that there are, and pages that are served."""

from __future__ import annotations

import shlex
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from dpo_ops.cli.commands.reconcile import command

SERVER = Path(__file__).parents[1] / "examples/server"


class Multi(dict[str, Any]):
    """A section in which a name may stand more than once, as systemd has it."""

    def __setitem__(self, key: str, value: Any) -> None:
        if isinstance(value, list) and key in self:
            value = [*self[key], *value]
        super().__setitem__(key, value)


@pytest.fixture
def unit() -> RawConfigParser:
    parser = RawConfigParser(dict_type=Multi, strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string((SERVER / "dpo-ops.service").read_text())
    return parser


@pytest.fixture
def pod() -> dict[str, Any]:
    (deployment,) = yaml.safe_load_all((SERVER / "kubernetes/deployment.yaml").read_text())
    assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    labels = deployment["spec"]["selector"]["matchLabels"]
    assert labels.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def container(pod: dict[str, Any], name: str) -> dict[str, Any]:
    return next(c for c in pod["containers"] if c["name"] == name)


def parsed(arguments: list[str]) -> dict[str, Any]:
    """Return what the command makes of its words; options that there are not are refused."""
    with click.Context(command) as context:
        command.parse_args(context, list(arguments))
        return context.params


def test_the_unit_starts_a_loop_that_there_is(unit: RawConfigParser) -> None:
    program, name, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "dpo-ops"
    assert name == "reconcile"
    said = parsed(arguments)
    assert said["every"] == 300
    assert said["listen"] == ("127.0.0.1", 9464)
    assert [p.is_absolute() for p in said["paths"]] == [True]


def test_the_unit_gives_away_little(unit: RawConfigParser) -> None:
    service = unit["Service"]
    assert service["Type"] == "exec"
    assert service["Restart"] == "on-failure"
    assert service["ProtectSystem"] == "strict"
    yes = ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "ProtectHome", "RestrictNamespaces")
    assert {service[name] for name in yes} == {"yes"}
    assert "FIREWORKS_API_KEY" not in "".join(value for _, value in service.items())


def test_the_pod_starts_a_loop_that_there_is(pod: dict[str, Any]) -> None:
    tool = container(pod, "dpo-ops")
    name, *arguments = tool["args"]
    assert name == "reconcile"
    said = parsed(arguments)
    assert said["every"] == 300
    port = {p["name"]: p["containerPort"] for p in tool["ports"]}["metrics"]
    assert said["listen"] == ("0.0.0.0", port)  # noqa: S104  -- probes come from outside the pod
    probed = [tool[probe]["httpGet"] for probe in ("livenessProbe", "readinessProbe")]
    assert probed == [
        {"path": "/healthz", "port": "metrics"},
        {"path": "/readyz", "port": "metrics"},
    ]


def test_the_pods_specs_lie_where_git_sync_puts_them(pod: dict[str, Any]) -> None:
    tool, sync = container(pod, "dpo-ops"), container(pod, "git-sync")
    options = dict(word.removeprefix("--").split("=", 1) for word in sync["args"])
    (path,) = parsed(tool["args"][1:])["paths"]
    assert path.is_relative_to(Path(options["root"]) / options["link"])
    mounts = {m["name"]: m for m in tool["volumeMounts"]}
    assert mounts["repository"]["mountPath"] == options["root"]
    assert mounts["repository"]["readOnly"] is True
    # .dpo-ops is made in the working directory, which is the only place that can be written.
    assert mounts["work"]["mountPath"] == tool["workingDir"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert volumes == {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}


def test_the_pod_gives_away_little(pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for one in pod["containers"]:
        assert one["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert one["resources"]["limits"]["memory"]
    secrets = {e["name"]: e["valueFrom"] for e in container(pod, "dpo-ops")["env"][1:]}
    assert "secretKeyRef" in secrets["FIREWORKS_API_KEY"]


def test_the_readme_names_every_page_and_figure() -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    from dpo_ops.cli.vitals import Gauges  # noqa: PLC0415  -- after the check for the extra

    said = (SERVER / "README.md").read_text()
    families = parser.text_string_to_metric_families(Gauges().page().decode())
    names = {family.name for family in families if not family.name.endswith("_created")}
    assert len(names) > 5
    assert not [name for name in names if f"`{name}" not in said]
