"""Files made to exhaust time or memory end in a finding, soon, and in little memory."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SECONDS = 3.0
"""It takes less than 1 s on an idle machine; the margin is for a busy one."""
MEBIBYTES = 200

CHILD = """
import sys, time
from pathlib import Path
from dpo_ops.errors import SpecError
from dpo_ops.loader import load
start = time.process_time()
try:
    load([Path(sys.argv[1])])
    print("loaded")
except SpecError as error:
    print(sorted({str(finding)[:300] for finding in error.findings}))
print(time.process_time() - start)
# The high-water mark that getrusage knows is inherited from the process that started this one.
status = Path("/proc/self/status")
peak = status.read_text().partition("VmHWM:")[2].split()[0] if status.exists() else 0
print(int(peak) / 1024)
"""


def nested(levels: int) -> str:
    return "".join(" " * level + "a:\n" for level in range(levels))


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 10)
)
LONG = "x" * 1_000_000

HOSTILE = {
    "billion laughs": (LAUGHS, "holds more than 100,000 values"),
    "merged laughs": (MERGES, "holds more than 100,000 values"),
    "long text by alias": (
        f"a: &a {LONG}\nb: [{', '.join(['*a'] * 1000)}]",
        "holds more than 100,000 values",
    ),
    "flow nesting": ("[" * 10_000, "nested more than 64 levels"),
    "flow mappings": ("{a: " * 10_000, "nested more than 64 levels"),
    "mappings as keys": ("{" * 10_000, "a template without quotes"),
    "block nesting": (nested(2_000), "nested more than 64 levels"),
    "block lists": ("- " * 10_000, "nested more than 64 levels"),
    "nesting by alias": (
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100)),
        "nested more than 64 levels",
    ),
    "one huge value": ("a: " + "x" * 100_000_000, "larger than 4 MiB"),
    "a large value": ("a: " + "x" * 4_000_000, "no apiVersion"),
    "many values": ("[" + "1," * 2_000_000 + "1]", "holds more than 100,000 values"),
    "many documents": ("---\na\n" * 600_000, "is no spec"),
    "many broken documents": ("---\n]\n" * 600_000, "is not YAML"),
    "many anchors": ("&a a: 1\n" * 400_000, "stands in one mapping twice"),
    "many directives": (
        "".join(f"%TAG !a{n}! tag:a\n" for n in range(100_000)),
        "declares tags",
    ),
    "a long number": ("9" * 4_000_000, "4000000 characters is too long"),
    "many templates": (
        "a: [" + ", ".join(f'"{{{{ {n} }}}}"' for n in range(50_000)) + "]",
        "more than 100 findings in this file",
    ),
    "much text by templates": (
        "a: [" + ", ".join(f'"x{{{{ 1 }}}} {n}"' for n in range(50_000)) + "]",
        "more than 100 findings in this file",
    ),
    "many unknown fields": (
        "apiVersion: dpo-ops/v1\nkind: DPOJob\nmetadata: {name: a}\nspec:\n"
        + "".join(f"  lorank{n}: 1\n" for n in range(30_000)),
        "spec has no field",
    ),
    "blank lines": ("\n" * 4_000_000, "no spec of a resource"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_a_finding(name: str, tmp_path: Path) -> None:
    text, expected = HOSTILE[name]
    (tmp_path / "a.yaml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    finding, seconds, mebibytes = done.stdout.splitlines()
    assert expected in finding, done.stdout
    assert len(finding) < 40_000
    assert float(seconds) < SECONDS
    assert float(mebibytes) < MEBIBYTES
