from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from dpo_ops.errors import ServerFault, SettingsError

if TYPE_CHECKING:
    from tests.client.conftest import Talker


def page(names: str, token: str = "", **more: Any):
    models = [{"name": f"accounts/acme/models/{n}"} for n in names]
    return httpx.Response(200, json={"models": models, "nextPageToken": token, **more})


def names(records: list[dict[str, Any]]):
    return [r["name"].rpartition("/")[2] for r in records]


def test_a_list_is_read_to_its_last_page(talk: Talker):
    said = talk(page("ab", "2"), page("cd", "3"), page("e"))
    assert names(said.client.list("models", params={"filter": "x=1"})) == list("abcde")
    assert said.script.asked == [
        "GET /v1/accounts/acme/models?filter=x%3D1&pageSize=200",
        "GET /v1/accounts/acme/models?filter=x%3D1&pageSize=200&pageToken=2",
        "GET /v1/accounts/acme/models?filter=x%3D1&pageSize=200&pageToken=3",
    ]


def test_a_list_of_another_account(talk: Talker):
    said = talk(page(""))
    assert said.client.list("models", account="fireworks") == []
    assert said.script.asked == ["GET /v1/accounts/fireworks/models?pageSize=200"]


def test_an_empty_page_in_the_middle_ends_nothing(talk: Talker):
    assert names(talk(page("", "2"), page("a")).client.list("models")) == ["a"]


def test_a_record_that_moved_to_the_next_page_counts_once(talk: Talker):
    assert names(talk(page("ab", "2"), page("bc")).client.list("models")) == list("abc")


def test_records_without_a_name_all_count(talk: Talker):
    body = {"models": [{"x": 1}, {"x": 1}, {"name": ""}, {"name": ["odd"]}]}
    assert len(talk(httpx.Response(200, json=body)).client.list("models")) == 4


@pytest.mark.parametrize("body", [{}, {"nextPageToken": "", "totalSize": 0}, {"models": None}])
def test_an_empty_list_may_be_left_out(talk: Talker, body: object):
    assert talk(httpx.Response(200, json=body)).client.list("models") == []


@pytest.mark.parametrize(
    "body", [{"datasets": []}, {"models": {}}, {"models": "x"}, {"models": [1]}, {"status": "up"}]
)
def test_what_is_no_list_never_passes_for_an_empty_one(talk: Talker, body: object):
    with pytest.raises(ServerFault, match="it holds no list of models"):
        talk(httpx.Response(200, json=body)).client.list("models")


def test_a_page_that_fails_fails_the_list(talk: Talker):
    with pytest.raises(ServerFault):
        talk(page("ab", "2"), *[httpx.Response(500)] * 5).client.list("models")


def test_a_page_is_tried_again_alone(talk: Talker):
    said = talk(page("ab", "2"), httpx.Response(500), page("c"))
    assert names(said.client.list("models")) == list("abc")


@pytest.mark.parametrize("second", ["2", 7])
def test_paging_that_goes_in_circles_ends(talk: Talker, second: object):
    with pytest.raises(ServerFault, match="go round in a circle"):
        talk(page("a", "2"), page("b", second)).client.list("models")


def accounts(*ids: Any, following: str = ""):
    listed = [{"name": f"accounts/{i}"} for i in ids]
    return httpx.Response(200, json={"accounts": listed, "nextPageToken": following})


def test_the_account_is_asked_once(talk: Talker):
    said = talk(accounts("found"), page("a"), page("b"), account=None)
    assert said.client.account == "found"
    said.client.list("models")
    said.client.list("models")
    assert said.script.asked[0] == "GET /v1/accounts?pageSize=2"
    assert said.script.asked[1:] == ["GET /v1/accounts/found/models?pageSize=200"] * 2


def test_the_account_is_asked_once_by_many_threads(talk: Talker):
    said = talk(accounts("found"), account=None)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: said.client.account, range(50))) == {"found"}
    assert len(said.script.requests) == 1


def test_an_account_that_is_set_is_not_asked(talk: Talker):
    said = talk()
    assert said.client.account == "acme"
    assert said.script.requests == []


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (accounts(), "sees no account"),
        (httpx.Response(200, json={"accounts": [{"x": 1}, 5]}), "sees no account"),
        (accounts("one", "two"), "several: one, two"),
        (accounts("one", "two", following="t"), "several: one, two and more"),
    ],
)
def test_no_account_or_a_choice_of_accounts_is_said(talk: Talker, reply: httpx.Response, why: str):
    with pytest.raises(SettingsError, match=why) as caught:
        str(talk(reply, account=None).client.account)
    assert "FIREWORKS_ACCOUNT_ID" in caught.value.fix
