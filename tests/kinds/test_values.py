from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.kinds.values import (
    differing,
    leaves,
    same,
    same_duration,
    same_versioned,
    seconds,
    wire_duration,
)
from dpo_ops.resource import canonical, digest, localise, qualify


@pytest.mark.parametrize(
    ("text", "wanted"), [("10m", 600), ("1h30m", 5400), ("90s", 90), ("0.5s", 0.5), ("250ms", 0.25)]
)
def test_durations_are_read_in_seconds(text: str, wanted: float) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "-5m", "1d", "10m!"])
def test_what_is_no_duration_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        seconds(text)


@given(st.integers(0, 10**6))
def test_a_duration_keeps_its_length_on_the_wire(number: int) -> None:
    assert seconds(wire_duration(f"{number}s")) == number


@pytest.mark.parametrize(
    ("wanted", "observed"),
    [
        (None, ""),
        (None, 0),
        (None, []),
        (0, "0"),
        (False, None),
        (3, "3"),
        (1, 1.0),
        (1e-5, 9.999999747378752e-06),
        ("FORMAT_UNSPECIFIED", None),
        ({"a": 1}, {"a": 1, "b": 2}),
        ([1, 2], [1.0, "2"]),
    ],
)
def test_what_means_the_same_is_the_same(wanted: Any, observed: Any) -> None:
    assert same(wanted, observed)


@pytest.mark.parametrize(
    ("wanted", "observed"),
    [(1, 2), ("a", "b"), (None, 1), (1, None), ([1], [1, 2]), ({"a": 1}, {"a": 2}), (True, False)],
)
def test_what_differs_differs(wanted: Any, observed: Any) -> None:
    assert not same(wanted, observed)


def test_durations_and_versions_are_compared_by_what_they_name() -> None:
    assert same_duration("1h", "3600s")
    assert not same_duration("1h", "60s")
    assert same_versioned("shapes/x", "shapes/x/versions/v1")
    assert not same_versioned("shapes/x", "shapes/xy/versions/v1")


def test_an_empty_mapping_says_nothing() -> None:
    assert list(leaves({"a": {}, "b": {"c": 1}})) == [("b.c", 1)]
    assert differing({"a": {}}, {}) == []


def test_the_digest_does_not_depend_on_spelling() -> None:
    assert canonical({"b": 1.0, "a": 1e-5}) == canonical({"a": 0.00001, "b": 1})
    assert digest({"x": 1}) != digest({"x": 2})


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json)
def test_qualify_and_localise_undo_each_other(value: Any) -> None:
    assert localise(qualify(value, "acme"), "acme") == localise(value, "acme")


def test_only_names_of_the_account_change() -> None:
    assert qualify("accounts/-/models/m", "acme") == "accounts/acme/models/m"
    assert localise("accounts/acme/models/m", "acme") == "accounts/-/models/m"
    assert localise("accounts/acme2/models/m", "acme") == "accounts/acme2/models/m"
