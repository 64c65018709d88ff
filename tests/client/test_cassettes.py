"""No cassette tells a secret, or whose machine it was recorded on."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml

CASSETTES = sorted(Path(__file__).parent.glob("cassettes/**/*.yaml"))
SECRETS = re.compile(
    r"bearer|authorization|x-api-key|cookie|fw_\w+|x-goog-(?:signature|credential)|token=",
    re.IGNORECASE,
)
MACHINE = re.compile(r"127\.0\.0\.1|localhost|/tmp/|/home/|/root/|/Users/|_storage")


def test_there_are_cassettes():
    assert len(CASSETTES) > 10


@pytest.mark.parametrize("cassette", CASSETTES, ids=lambda c: c.stem)
def test_a_cassette_tells_nothing(cassette: Path):
    text = cassette.read_text(encoding="utf-8")
    assert not SECRETS.search(text)
    assert not MACHINE.search(text)
    key = os.environ.get("FIREWORKS_API_KEY")
    assert not key or key not in text


@pytest.mark.parametrize("cassette", CASSETTES, ids=lambda c: c.stem)
def test_a_cassette_names_only_placeholders(cassette: Path):
    for exchange in yaml.safe_load(cassette.read_text(encoding="utf-8"))["interactions"]:
        request = exchange["request"]
        assert re.match(r"https://(api\.fireworks\.ai|storage\.googleapis\.com)/", request["uri"])
        accounts = re.findall(r"accounts/([\w-]+)", str(exchange))
        assert set(accounts) <= {"acme", "fireworks"}
