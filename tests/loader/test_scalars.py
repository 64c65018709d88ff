"""YAML 1.2: what is a number, what is a word, and what only looks like one in YAML 1.1."""

from __future__ import annotations

import math

import pytest

from dpo_ops.loader.scalars import resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-3", -3),
        ("+5", 5),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e-5", 1e-5),
        ("1.0e-5", 1e-5),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", -math.inf),
    ],
)
def test_the_core_schema(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "tRUE",
        "10:30",
        "1_000",
        "0b11",
        "2024-01-01",
        "1e",
        "e5",
        "-",
        "+",
        ".",
        "..",
        "0x",
        "-0x1",
        "1.2.3",
        "nan",
        "None",
        "=",
        "<<",
    ],
)
def test_nothing_else_is_magic(text: str) -> None:
    assert resolve(text) == text


def test_nan_is_a_number() -> None:
    value = resolve(".nan")
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize("text", ["1" * 65, "0x" + "f" * 70, "0." + "1" * 100])
def test_a_number_of_any_length_is_not_computed(text: str) -> None:
    with pytest.raises(ValueError, match="too long"):
        resolve(text)


def test_long_text_stays_text() -> None:
    assert resolve("1" * 70 + "x") == "1" * 70 + "x"
