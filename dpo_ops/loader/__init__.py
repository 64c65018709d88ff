"""YAML files to the desired state. All findings at once, each with file, line and column.

Reads files and nothing else: no network, no environment, and no spec text is ever executed.
"""

from __future__ import annotations

from dpo_ops.loader.files import repository_root
from dpo_ops.loader.git import git_facts
from dpo_ops.loader.load import Loaded, load
from dpo_ops.loader.schema import spec_schema

__all__ = [
    "Loaded",
    "git_facts",
    "load",
    "repository_root",
    "spec_schema",
]
