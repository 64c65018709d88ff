"""The cache answers for files that have not changed, and is never wrong about one that has."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dpo_ops.pairs import Inspection, Limits, inspect, inspection
from dpo_ops.pairs.cache import Cache
from tests.pairs.rows import SHOWN, fine

LATER = 10_000_000_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "prefs.jsonl"
    path.write_text("\n".join([fine(1), fine(2), fine(1), '{"input": 1']))
    return path


def cached(path: Path, *, ahead: int = LATER, shown: str = SHOWN, **more: Limits) -> Inspection:
    store = Cache(path.parent / ".dpo-ops" / "cache", now=lambda: time.time_ns() + ahead)
    found = inspect(path, shown=shown, cache=store, **more)
    store.save()
    return found


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(inspection, "_inspect")


def test_an_unchanged_file_is_not_read_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cached(data)
    assert first == inspect(data, shown=SHOWN)
    forbid_reading(monkeypatch)
    assert cached(data) == first
    assert {str(f.where).split(":")[0] for f in cached(data, shown="other").findings} == {"other"}


@pytest.mark.parametrize("keep_time", [True, False])
def test_a_changed_file_is_read_again(data: Path, keep_time: bool) -> None:
    first, status = cached(data), data.stat()
    text = data.read_text().replace("Dunno", "Donno")
    data.write_text(text)
    if keep_time:
        os.utime(data, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cached(data).digest != first.digest


def test_a_file_put_in_place_of_another_is_read_again(data: Path) -> None:
    first, status = cached(data), data.stat()
    other = data.with_name("other")
    other.write_text(data.read_text().replace("Dunno", "Donno"))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(data)
    assert cached(data).digest != first.digest


def test_a_file_written_just_now_is_not_trusted(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(data, ahead=0)
    assert not (data.parent / ".dpo-ops").exists()
    cached(data)
    forbid_reading(monkeypatch)
    with pytest.raises(NameError):
        cached(data, ahead=0)


def test_another_question_is_another_answer(data: Path) -> None:
    cached(data)
    found = cached(data, limits=Limits(epochs=10**6))
    assert "too-many-examples" in {f.rule for f in found.findings}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 1}', '{"version": 1, "files": []}', "\0", "[" * 100_000],
)
def test_a_corrupt_cache_is_no_cache(data: Path, text: str) -> None:
    first = cached(data)
    store = data.parent / ".dpo-ops" / "cache"
    store.write_text(text)
    assert cached(data) == first
    assert '"digest"' in store.read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"digest":"', '"digest":"x'),
        ('"digest":"', '"digest":1,"a":"'),
        ('"rows":4', '"rows":"x"'),
        ('"json-syntax"', '"nonsense"'),
        ('"findings":[', '"findings":[7,'),
        ('"file":[', '"file":[0,'),
    ],
)
def test_a_corrupt_entry_is_no_entry(data: Path, old: str, new: str) -> None:
    first = cached(data)
    store = data.parent / ".dpo-ops" / "cache"
    text = store.read_text()
    assert old in text
    store.write_text(text.replace(old, new))
    assert cached(data) == first


def test_a_cache_that_can_not_be_written_is_no_failure(data: Path) -> None:
    (data.parent / ".dpo-ops").write_text("a file is in the way")
    assert cached(data) == inspect(data, shown=SHOWN)


def test_an_unreadable_file_is_not_remembered(tmp_path: Path) -> None:
    assert cached(tmp_path / "missing").digest == ""
    assert not (tmp_path / ".dpo-ops").exists()


def test_nothing_is_left_beside_the_cache(data: Path) -> None:
    cached(data)
    assert os.listdir(Path(data.parent / ".dpo-ops")) == ["cache"]  # noqa: PTH208
