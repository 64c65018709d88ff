from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.cli.masks import Masks

NASTY = 'k€y "with" spaces/and?odd&chars+%'


@pytest.mark.parametrize(
    "form",
    [
        NASTY,
        quote(NASTY),
        quote(NASTY, safe=""),
        quote_plus(NASTY),
        json.dumps(NASTY),
        json.dumps(NASTY, ensure_ascii=False),
        quote(NASTY).lower(),
    ],
)
def test_a_secret_is_hidden_in_every_form(form: str):
    masks = Masks()
    masks.add(NASTY)
    shown = masks(f"before {form} after")
    assert "***" in shown
    assert "spaces" not in shown


@given(st.text(min_size=6).filter(lambda text: len(text.strip()) >= 6), st.text(max_size=40))
def test_no_secret_survives(secret: str, around: str):
    masks = Masks()
    masks.add(secret)
    shown = masks(around + secret + around)
    assert secret not in shown or secret in "***" * 3


def test_a_longer_secret_goes_before_one_that_it_begins_with():
    masks = Masks()
    masks.add("secret")
    masks.add("secret-and-more")
    assert masks("secret-and-more secret") == "*** ***"


def test_what_is_too_short_to_be_a_secret_is_left():
    masks = Masks()
    for short in ("", "  ", "ab", None):
        masks.add(short)
    assert masks("ab cd") == "ab cd"
    assert repr(masks) == "Masks(0 secrets)"
