from __future__ import annotations

import html
import json
import time
from base64 import b64encode, urlsafe_b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.cli.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Callable

NASTY = 'k€y "with" spaces/and?odd&chars+%'
LONG = "-----BEGIN KEY-----\n" + "\n".join(["abcDEF+/123" * 6] * 20) + "\n-----END-----\n"


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
        quote(quote(NASTY)),
        quote(NASTY, safe=" '()*!"),
        html.escape(NASTY),
        html.escape(NASTY, quote=False),
        html.escape(html.escape(NASTY)),
        html.escape(json.dumps(NASTY)),
        json.dumps(html.escape(NASTY)),
        json.dumps(json.dumps(NASTY)),
        NASTY.replace('"', "&#34;").replace("€", "&euro;"),
        NASTY.replace("/", r"\/").replace("&", r"\u0026"),
        NASTY.replace("+", r"\+").replace("&", r"\&"),
        NASTY.replace(" ", "\n      "),
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


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_a_secret_is_hidden_in_base64_wherever_it_begins(
    encode: Callable[[bytes], bytes], before: int
):
    masks = Masks()
    masks.add(NASTY)
    shown = masks(encode(b"a" * before + NASTY.encode() + b"zz").decode())
    assert "***" in shown
    # What is left shares its bits with what stands beside the secret.
    assert len(shown) <= len("***") + 2 + 4 * (before + 4) / 3


def test_what_is_no_secret_in_base64_is_left():
    masks = Masks()
    masks.add(NASTY)
    text = b64encode(b"an ordinary text, as long as that").decode()
    assert masks(text) == text


@pytest.mark.parametrize("secret", [NASTY, LONG, "wandb-key/with+signs&more"])
@pytest.mark.parametrize("left", [5, 6, 9, 20, 59, 61, 300])
@pytest.mark.parametrize("mark", ["…", "...", " …", r"\u2026"])
def test_what_a_cut_left_of_a_secret_is_hidden(secret: str, left: int, mark: str):
    flat = " ".join(secret.split())
    if left >= len(flat):
        return
    masks = Masks()
    masks.add(secret)
    assert masks(f"said {flat[:left].rstrip()}{mark}") == "said ***"
    assert masks(f"{mark} {flat[-left:].lstrip()} said").strip() == "*** said"


@pytest.mark.parametrize(
    "secret",
    ["a\\\\b'c<d>\"ee", "\U0001f600\U0001f600x\U0001f600\U0001f600", "key\udcff\udcfe-bytes"],
)
def test_backslashes_emoji_and_bytes_that_are_no_text(secret: str):
    masks = Masks()
    masks.add(secret)
    for form in (secret, json.dumps(secret), quote(secret, errors="surrogateescape")):
        assert masks(f"x {form} x").replace('"', "") == "x *** x", form


def test_what_shows_nothing_may_be_missing():
    masks = Masks()
    masks.add("key\u200bwith\x07hidden")
    assert masks("keywithhidden") == "***"


def test_it_says_which_secret_a_text_holds():
    masks = Masks()
    masks.add("one-secret", "$ONE")
    masks.add("another-secret", "$OTHER")
    assert masks.found("of another%2Dsecret") == "$OTHER"
    assert masks.found("one another") == ""
    assert "one-secret" not in repr(masks)


@pytest.mark.parametrize("text", ["\\", " ", ".", "…", '"', "%25", "&amp;", "\\n", '\\" ', "k€"])
def test_no_text_keeps_the_search_busy(text: str):
    masks = Masks()
    for secret in (NASTY, LONG, "a\\b c\"d'''eee"):
        masks.add(secret)
    began = time.process_time()
    masks(text * (200_000 // len(text)))
    assert time.process_time() - began < 5
