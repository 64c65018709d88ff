"""Other shapes become this one, whole files or none, and nothing is lost in silence."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.errors import DpoOpsError, Finding, SettingsError
from dpo_ops.pairs import inspect
from dpo_ops.pairs.convert import Unconvertible, convert
from dpo_ops.pairs.imports import import_files
from tests.pairs.edits import as_row

if TYPE_CHECKING:
    from pathlib import Path


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


USER, GOOD, BAD = turn("user", "q"), turn("assistant", "good"), turn("assistant", "bad")
SYSTEM = turn("system", "s")
PAIR = as_row("q", "good", "bad")
SHAPES: dict[str, dict[str, Any]] = {
    "trl, plain": {"prompt": "q", "chosen": "good", "rejected": "bad"},
    "trl, conversational": {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]},
    "trl, implicit prompt": {"chosen": [USER, GOOD], "rejected": [USER, BAD]},
    "trl, prompt repeated": {"prompt": "q", "chosen": [USER, GOOD], "rejected": [USER, BAD]},
    "messages inside": {
        "chosen": {"messages": [USER, GOOD]},
        "rejected": {"messages": [USER, BAD]},
    },
    "one message": {"prompt": [USER], "chosen": GOOD, "rejected": BAD},
    "hh transcripts": {
        "chosen": "\n\nHuman: q\n\nAssistant: good",
        "rejected": "\n\nHuman: q\n\nAssistant: bad",
    },
    "hh with a prompt": {
        "prompt": "\n\nHuman: q\n\nAssistant:",
        "chosen": "\n\nHuman: q\n\nAssistant: good",
        "rejected": "\n\nHuman: q\n\nAssistant: bad",
    },
    "sharegpt": {
        "chosen": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "good"}],
        "rejected": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "bad"}],
    },
    "orca": {"question": "q", "chosen": "good", "rejected": "bad", "score": 3},
    "ours already": {**PAIR, "id": 7},
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_becomes_a_pair(name: str) -> None:
    assert convert(SHAPES[name]) == PAIR


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": [SYSTEM, USER, GOOD], "rejected": [SYSTEM, USER, BAD]},
        {"prompt": "q", "chosen": [SYSTEM, USER, GOOD], "rejected": [SYSTEM, USER, BAD]},
        {"system": "s", "prompt": "q", "chosen": "good", "rejected": "bad"},
    ],
)
def test_a_system_message_is_kept(row: dict[str, Any]) -> None:
    assert convert(row)["input"]["messages"] == [SYSTEM, USER]


def test_tools_are_kept() -> None:
    row = {**SHAPES["trl, plain"], "tools": [{"name": "search"}]}
    assert convert(row)["input"]["tools"] == [{"name": "search"}]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ([], "not an object"),
        ({"text": "x"}, "but text"),
        ({"chosen": "good", "rejected": "bad"}, "no prompt"),
        ({"chosen": [USER, GOOD], "rejected": [turn("user", "p"), BAD]}, "the same prompt"),
        ({"prompt": "q", "chosen": 1, "rejected": "bad"}, "neither text nor"),
        ({"prompt": "q", "chosen": [turn("judge", "x")], "rejected": "bad"}, "the role 'judge'"),
        ({"prompt": "q", "chosen": [], "rejected": "bad"}, "neither text nor"),
        (
            {"chosen": [USER, GOOD, USER, GOOD], "rejected": [USER, BAD, USER, BAD]},
            "3 messages follow",
        ),
        ({"prompt": "q", "chosen": [USER], "rejected": [BAD]}, "0 messages|of the role user"),
        ({"prompt": [USER], "chosen": [{"role": "assistant"}], "rejected": [BAD]}, "not text"),
    ],
)
def test_what_is_no_pair_says_why(row: Any, why: str) -> None:
    with pytest.raises(Unconvertible, match=why):
        convert(row)


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(r if isinstance(r, str) else json.dumps(r) + "\n" for r in rows))
    return path


def test_a_file_is_converted_and_passes_the_checks(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", *SHAPES.values())
    done = import_files([source], tmp_path / "out.jsonl", refuse=pytest.fail)
    assert done == (len(SHAPES), 0)
    found = inspect(tmp_path / "out.jsonl", shown="out.jsonl")
    assert found.rows == len(SHAPES)
    assert {json.dumps(PAIR)} == set((tmp_path / "out.jsonl").read_text().splitlines())


BAD_ROWS = (SHAPES["orca"], "{\n", {"chosen": [USER, GOOD, USER, GOOD], "rejected": [
    USER, GOOD, USER, BAD]}, "\n", {"prompt": "q", "chosen": "", "rejected": "bad"},
    '{"prompt": "q", "chosen": "\\ud800", "rejected": "bad"}\n')  # fmt: skip


def test_each_row_that_cannot_be_converted_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", *BAD_ROWS)
    refused: list[Finding] = []
    with pytest.raises(DpoOpsError, match="4 of 5 rows"):
        import_files([source], tmp_path / "out.jsonl", refuse=refused.append)
    assert [f.where.line for f in refused if not isinstance(f.where, str)] == [2, 3, 5, 6]
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]
    done = import_files([source], tmp_path / "out.jsonl", refuse=refused.append, skip=True)
    assert done == (1, 4)


def test_what_exists_stays_unless_it_may_go(tmp_path: Path) -> None:
    source, target = write(tmp_path / "in.jsonl", SHAPES["orca"]), tmp_path / "out.jsonl"
    target.write_text("mine")
    with pytest.raises(DpoOpsError, match="exists"):
        import_files([source], target, refuse=pytest.fail)
    assert target.read_text() == "mine"
    # The source may be its own target: it is read to the end before it is replaced.
    import_files([source], source, refuse=pytest.fail, force=True)
    assert json.loads(source.read_text()) == PAIR


def test_a_target_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", SHAPES["orca"])
    with pytest.raises(DpoOpsError, match="can't be written"):
        import_files([source], tmp_path / "no" / "out.jsonl", refuse=pytest.fail)


def test_parquet_is_read_in_batches(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = [{"prompt": f"q{n}", "chosen": "good", "rejected": "bad"} for n in range(2500)]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "in.parquet")
    done = import_files([tmp_path / "in.parquet"], tmp_path / "out.jsonl", refuse=pytest.fail)
    assert done.rows == 2500
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert json.loads(lines[-1]) == as_row("q2499", "good", "bad")
    nested = [{"chosen": [USER, GOOD], "rejected": [USER, BAD]}]
    parquet.write_table(arrow.Table.from_pylist(nested), tmp_path / "nested.parquet")
    import_files([tmp_path / "nested.parquet"], tmp_path / "n.jsonl", refuse=pytest.fail)
    assert json.loads((tmp_path / "n.jsonl").read_text()) == PAIR


def test_broken_parquet_and_a_missing_library_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    source = tmp_path / "in.parquet"
    source.write_bytes(b"PAR1 and no more")
    with pytest.raises(DpoOpsError, match="can't be read as Parquet"):
        import_files([source], tmp_path / "out.jsonl", refuse=pytest.fail)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(SettingsError) as failure:
        import_files([source], tmp_path / "out.jsonl", refuse=pytest.fail)
    assert "dpo-ops[parquet]" in failure.value.fix
