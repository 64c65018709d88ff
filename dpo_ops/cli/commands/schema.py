"""`dpo-ops schema`: the JSON Schema of the specs and of everything that is printed as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from dpo_ops.cli.endings import DONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dpo_ops.cli.screen import Screen

NAMES = {
    "spec": "a spec document, for editors",
    "plan": "plan --format json",
    "report": "apply, reconcile and destroy --format json",
    "round": "each line of reconcile --every --format json",
    "status": "status --format json",
    "drift": "drift --format json",
    "metrics": "metrics --format json",
    "outputs": "outputs --format json",
    "history": "history --format json",
    "lineage": "lineage --format json",
    "card": "card --format json",
    "import": "import --format json",
    "fmt": "fmt --format json",
    "findings": "validate --format json",
    "pairs-explain": "pairs explain --format json",
    "pairs-import": "pairs import --format json",
    "pairs-split": "pairs split --format json",
    "pairs-check": "pairs check --format json",
    "pairs-stats": "pairs stats --format json",
    "pairs-diff": "pairs diff --format json",
    "pairs-cost": "pairs cost --format json",
    "error": "any command that fails with --format json",
}


@click.command("schema")
@click.argument("name", required=False, type=click.Choice(list(NAMES)), metavar="[NAME]")
@click.pass_obj
def command(screen: Screen, name: str | None) -> int:
    """Print the JSON Schema NAME, or the names there are."""
    if name is None:
        screen.data("".join(f"{known:<15}{what}\n" for known, what in NAMES.items()))
    else:
        screen.data(json.dumps(_schema(name), indent=2) + "\n")
    return DONE


def _schema(name: str) -> Mapping[str, Any]:
    if name == "spec":
        from dpo_ops.loader import spec_schema

        return spec_schema()
    from dpo_ops.reporters.schemas import SCHEMAS

    return SCHEMAS[name]
