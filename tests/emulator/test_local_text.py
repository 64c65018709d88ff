"""Whole characters, stop sequences, turns: what stands between a model and a reader."""

import random
import threading
import time
from collections.abc import Sequence

import pytest

from dpo_ops.emulator.engine import Token
from dpo_ops.emulator.local.text import Pieces, Stops
from dpo_ops.emulator.local.turns import Turns


def decode(ids: Sequence[int]) -> str:
    return bytes(ids).decode(errors="replace")


def pieces(data: bytes) -> list[str]:
    made = Pieces(decode)
    texts = [made.push(byte) for byte in data]
    return [*texts, made.rest()]


def test_a_character_comes_once_it_is_whole():
    assert pieces("a€b".encode()) == ["a", "", "", "€", "b", ""]
    assert pieces("𝄞".encode()[:3]) == ["", "", "", "\ufffd"]
    assert pieces(b"\xff\xffa") == ["", "\ufffd", "\ufffda", ""]


def test_no_byte_is_lost_whatever_comes():
    chance = random.Random(7)  # noqa: S311 - it guards nothing
    letters = [*"aé€𝄞 \ufffd".encode(), 0x80, 0xC3, 0xE2, 0xF0, 0xFF]
    for _ in range(300):
        data = bytes(chance.choices(letters, k=chance.randrange(60)))
        assert "".join(pieces(data)) == decode(data)


def run(texts: Sequence[str], stops: Sequence[str]) -> tuple[list[Token], list[int]]:
    """The tokens that come out, and how many were out after each that went in."""
    watch, out, counts = Stops(stops), [], []
    for number, text in enumerate(texts):
        finish = "length" if number == len(texts) - 1 else None
        out += watch.push(Token(text, number, finish=finish))
        counts.append(len(out))
        if watch.over:
            break
    return out, counts


@pytest.mark.parametrize(
    ("texts", "stops", "shown", "finish"),
    [
        (["a", "b"], [], "ab", "length"),
        (["a", "b"], [""], "ab", "length"),
        (["one ", "tw", "o three"], ["two"], "one ", "stop"),
        (["one tw", "o"], ["two"], "one ", "stop"),
        (["a", "b", "c", "d"], ["cd", "bc"], "a", "stop"),
        (["a", "b", "c", "d"], ["bx", "cd"], "ab", "stop"),
        (["aa", "ab"], ["aab"], "a", "stop"),
        (["stop"], ["stop"], "", "stop"),
        (["tw", "o"], ["twos"], "two", "length"),
        (["", "a", ""], ["b"], "a", "length"),
    ],
)
def test_nothing_of_a_stop_sequence_is_shown(
    texts: Sequence[str], stops: Sequence[str], shown: str, finish: str
):
    out, _ = run(texts, stops)
    assert "".join(t.text for t in out) == shown
    assert [t.finish for t in out] == [*[None] * (len(out) - 1), finish]
    assert [t.id for t in out] == list(range(len(out)))


def test_only_what_may_begin_a_stop_sequence_is_held():
    assert run(["a", "t", "w", "x", "y"], ["two"])[1] == [1, 1, 1, 4, 5]


def test_who_lets_go_queues_up_behind_all_that_wait():
    turns, order = Turns(), []

    def work(name: int) -> None:
        for _ in range(2):
            with turns:
                order.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    with turns:
        for waiting, thread in enumerate(threads, 1):
            thread.start()
            while len(turns._waiting) < waiting:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order[:3] == [0, 1, 2]
    assert sorted(order) == [0, 0, 1, 1, 2, 2]
    with turns:
        pass
