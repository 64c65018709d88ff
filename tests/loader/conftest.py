"""A folder to write specs in, which is also the current one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from dpo_ops.errors import Finding, SpecError
from dpo_ops.loader import load

Write = Callable[..., Path]
Find = Callable[..., tuple[Finding, ...]]

ROW = (
    '{"input": {"messages": [{"role": "user", "content": "What is %d?"}]},'
    ' "preferred_output": [{"role": "assistant", "content": "It is %d."}],'
    ' "non_preferred_output": [{"role": "assistant", "content": "No idea."}]}\n'
)
PAIRS = "".join(ROW % (n, n) for n in range(4))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write files into an empty repository and return its folder; text is dedented."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "pairs.jsonl").write_text(PAIRS)

    def write(files: Mapping[str, str | bytes] | None = None, **named: str | bytes) -> Path:
        for name, content in {**(files or {}), **_with_endings(named)}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content if isinstance(content, bytes) else dedent(content).lstrip("\n").encode()
            path.write_bytes(data)
        return tmp_path

    return write


def _with_endings(named: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    return {f"{name}.yaml": content for name, content in named.items()}


@pytest.fixture
def find(write: Write) -> Find:
    """Write files, load their folder, and return the findings of the failure."""

    def find(files: Mapping[str, str | bytes], **arguments: Any) -> tuple[Finding, ...]:
        folder = write(files)
        with pytest.raises(SpecError) as caught:
            load([folder], **arguments)
        return caught.value.findings

    return find
