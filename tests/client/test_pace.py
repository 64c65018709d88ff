from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.client import Pace, Retry

NOW = 1_790_000_000.0


class Still:
    def now(self):
        return NOW

    def sleep(self, seconds: float):
        raise AssertionError(seconds)


def pace(seed: int = 0, **retry: Any):
    return Pace(Retry(**retry), Still(), Random(seed))  # noqa: S311 - jitter, not a secret


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "86400"}, 60.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        # 1_790_000_000 is Mon, 21 Sep 2026 14:13:20 GMT.
        ({"retry-after": "Mon, 21 Sep 2026 14:13:32 GMT"}, 12.0),
        ({"retry-after": "Mon, 21 Sep 2026 14:13:32 -0000"}, 12.0),
        ({"retry-after": "Mon, 21 Sep 2026 14:10:00 GMT"}, 0.0),
        ({"retry-after": "Tue, 22 Sep 2026 14:10:00 GMT"}, 60.0),
    ],
)
def test_the_word_of_the_server_counts(headers: dict[str, str], seconds: float):
    assert pace().delay_s(1, headers) == seconds


def test_a_date_is_measured_by_the_clock_of_the_server():
    headers = {
        "date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "retry-after": "Thu, 01 Jan 2026 00:00:05 GMT",
    }
    assert pace().delay_s(1, headers) == 5.0


@pytest.mark.parametrize("text", ["", "-3", "nan", "inf", "1e999", "soon", "Mon, 99 Sep 2026"])
def test_nonsense_from_the_server_means_backoff(text: str):
    assert 0 <= pace().delay_s(1, {"retry-after": text}) <= 0.5


@given(attempt=st.integers(1, 5000), seed=st.integers())
def test_backoff_doubles_from_half_a_second_to_eight_and_is_random_below(attempt: int, seed: int):
    ceiling = min(8.0, 0.5 * 2.0 ** min(attempt - 1, 30))
    assert 0 <= pace(seed).delay_s(attempt, {}) <= ceiling


def test_jitter_is_full():
    delays = [pace(seed).delay_s(5, {}) for seed in range(200)]
    assert min(delays) < 0.5
    assert max(delays) > 7.5


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "date"]), st.text()))
def test_no_header_can_crash_or_stall_us(headers: dict[str, str]):
    assert 0 <= pace().delay_s(1, headers) <= 60
