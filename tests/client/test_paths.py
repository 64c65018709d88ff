from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpo_ops.client.paths import absolute, template
from dpo_ops.errors import DpoOpsError

if TYPE_CHECKING:
    from tests.client.conftest import Talker


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("accounts/a/models/m", "/v1/accounts/a/models/m"),
        ("accounts/a/datasets/d:getUploadEndpoint", "/v1/accounts/a/datasets/d:getUploadEndpoint"),
        ("accounts/a/models/m?x=1#y", "/v1/accounts/a/models/m%3Fx%3D1%23y"),
        ("accounts/a/models/ä b", "/v1/accounts/a/models/%C3%A4%20b"),
        ("accounts/a/models/50%25", "/v1/accounts/a/models/50%2525"),
    ],
)
def test_every_segment_is_quoted_and_the_verb_stays(path: str, url: str):
    assert absolute(path) == url


@pytest.mark.parametrize("path", ["", "/v1/accounts", "accounts//m", "accounts/../x", "a/./b"])
def test_a_path_names_exactly_one_thing(path: str):
    with pytest.raises(DpoOpsError, match="is not a resource name"):
        absolute(path)


def test_the_url_that_is_sent_is_the_quoted_one(talk: Talker):
    said = talk(httpx.Response(200, json={}))
    said.client.get("accounts/a/models/m?pageSize=1#f", {"readMask": "a b"})
    assert said.script.asked == ["GET /v1/accounts/a/models/m%3FpageSize%3D1%23f?readMask=a+b"]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/accounts", "GET accounts"),
        ("/v1/accounts/a/models/m", "GET accounts/{}/models/{}"),
        ("/v1/accounts/a/dpoJobs/j:cancel", "GET accounts/{}/dpoJobs/{}:cancel"),
        (
            "/v1/accounts/a/deploymentShapeVersions:match",
            "GET accounts/{}/deploymentShapeVersions:match",
        ),
        ("/inference/v1/chat/completions", "GET inference/v1/chat/completions"),
    ],
)
def test_a_route_names_no_resource(path: str, route: str):
    assert template("GET", path) == route


@given(st.lists(st.text(min_size=1).filter(lambda s: s.strip(".") and "/" not in s), min_size=1))
def test_no_name_can_add_a_segment_or_a_query(parts: list[str]):
    parts = [p.encode("utf-8", "ignore").decode() or "x" for p in parts]
    try:
        url = absolute("/".join(parts))
    except DpoOpsError:
        return
    assert url.count("/") == len(parts) + 1
    assert not set(url) & set("?# \r\n")
