from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest

from dpo_ops.client import Settings, settings
from dpo_ops.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


KEY = "fw_abcdefgh12345678"


def store(home: Path, text: str, *folders: Any):
    file = home.joinpath(".fireworks", *folders, "auth.ini")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def test_the_environment_is_enough(tmp_path: Path):
    told = settings({"FIREWORKS_API_KEY": f" {KEY}\n", "FIREWORKS_ACCOUNT_ID": "acme"}, tmp_path)
    assert (told.api_key, told.account, told.key_from) == (KEY, "acme", "FIREWORKS_API_KEY")
    assert told.base_url == "https://api.fireworks.ai"


@pytest.mark.parametrize(
    "text",
    [
        "account_id = acme\napi_key = {key}\n",
        "[default]\naccount_id=acme\napi_key={key}\n",
        "[DEFAULT]\naccount_id=acme\napi_key={key}\n",
        "[fireworks]\naccount_id: acme\napi_key: '{key}'\n",
        '\ufeff# by firectl\n[fireworks]\naccount_id = "acme"\nAPI_KEY = "{key}"\nodd line\n',
        "account_id=old\napi_key=old\naccount_id=acme\napi_key={key}\n",
    ],
)
def test_the_file_of_firectl_is_read_in_every_shape(tmp_path: Path, text: str):
    store(tmp_path, text.format(key=KEY))
    told = settings({}, tmp_path)
    assert (told.api_key, told.account) == (KEY, "acme")
    assert told.key_from.startswith("~/.fireworks/auth.ini [")


def test_a_percent_sign_in_a_key_is_a_percent_sign(tmp_path: Path):
    store(tmp_path, "api_key = fw_%(x)s%\n")
    assert settings({}, tmp_path).api_key == "fw_%(x)s%"


def test_a_profile_is_a_folder(tmp_path: Path):
    store(tmp_path, "api_key = other\n")
    store(tmp_path, f"api_key = {KEY}\naccount_id = acme\n", "profiles", "work")
    told = settings({"FIREWORKS_PROFILE": "work"}, tmp_path)
    assert (told.api_key, told.account) == (KEY, "acme")
    assert told.key_from == "~/.fireworks/profiles/work/auth.ini [default]"


def test_a_profile_is_a_section(tmp_path: Path):
    store(tmp_path, f"[default]\napi_key = other\n[Work]\napi_key = {KEY}\n")
    assert settings({"FIREWORKS_PROFILE": "Work"}, tmp_path).api_key == KEY


def test_a_profile_that_is_not_there_is_not_replaced_by_another(tmp_path: Path):
    store(tmp_path, f"api_key = {KEY}\n")
    with pytest.raises(SettingsError, match="under default: set FIREWORKS_PROFILE"):
        settings({"FIREWORKS_PROFILE": "work"}, tmp_path)


@pytest.mark.parametrize("profile", ["../../etc", "a/b", ".hidden"])
def test_a_profile_can_not_leave_the_folder(tmp_path: Path, profile: str):
    with pytest.raises(SettingsError, match="not a profile's name"):
        settings({"FIREWORKS_PROFILE": profile}, tmp_path)


def test_a_key_from_the_environment_never_takes_the_account_of_the_file(tmp_path: Path):
    store(tmp_path, "api_key = other\naccount_id = someone\n")
    assert settings({"FIREWORKS_API_KEY": KEY}, tmp_path).account is None


@pytest.mark.parametrize("environ", [{}, {"FIREWORKS_API_KEY": ""}, {"FIREWORKS_API_KEY": "  "}])
def test_no_key_says_where_it_looked_and_what_to_do(tmp_path: Path, environ: dict[str, str]):
    with pytest.raises(SettingsError) as caught:
        settings(environ, tmp_path)
    text = str(caught.value)
    assert "FIREWORKS_API_KEY is not set" in text
    assert "~/.fireworks/auth.ini" in text
    assert "firectl set-api-key" in text
    assert str(tmp_path) not in text


def test_a_browser_sign_in_alone_is_explained(tmp_path: Path):
    store(tmp_path, "account_id = acme\nid_token = t\nrefresh_token = r\n")
    with pytest.raises(SettingsError, match="sign-in alone is not enough"):
        settings({}, tmp_path)


def test_a_broken_file_does_not_show_its_lines(tmp_path: Path):
    store(tmp_path, f"[default]\n[\n= {KEY}\n")
    with pytest.raises(SettingsError, match="not an INI file") as caught:
        settings({}, tmp_path)
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("kind", ["folder", "bytes"])
def test_a_file_that_can_not_be_read_is_named(tmp_path: Path, kind: str):
    file = tmp_path / ".fireworks" / "auth.ini"
    file.parent.mkdir()
    if kind == "folder":
        file.mkdir()
    else:
        file.write_bytes(b"api_key = \xff\xfe\n")
    with pytest.raises(SettingsError, match=r"~/\.fireworks/auth\.ini: the file can't be read"):
        settings({}, tmp_path)


def test_two_accounts_are_one_too_many(tmp_path: Path):
    environ = {"FIREWORKS_API_KEY": KEY, "FIREWORKS_ACCOUNT_ID": "acme"}
    assert settings(environ, tmp_path, account="accounts/acme").account == "acme"
    with pytest.raises(SettingsError, match="the specs say other, FIREWORKS_ACCOUNT_ID says acme"):
        settings(environ, tmp_path, account="other")


def test_the_account_of_the_file_can_be_overruled_only_on_purpose(tmp_path: Path):
    store(tmp_path, f"api_key = {KEY}\naccount_id = acme\n")
    with pytest.raises(SettingsError, match="two accounts are named: other and acme"):
        settings({}, tmp_path, account="other")
    assert settings({"FIREWORKS_ACCOUNT_ID": "other"}, tmp_path, account="other").account == "other"


def test_the_account_of_the_specs_fills_in_for_none(tmp_path: Path):
    assert settings({"FIREWORKS_API_KEY": KEY}, tmp_path, account="acme").account == "acme"


@pytest.mark.parametrize("account", ["a/b", "..", "a b", "", "a\n"])
def test_an_account_is_an_id(account: str):
    with pytest.raises(SettingsError, match="is not an account id"):
        Settings(api_key=KEY, account=account)


@pytest.mark.parametrize("key", ["", "two words", "fw_\r\nX-Evil: 1", "ключ", "fw_\x00"])
def test_a_key_that_can_not_stand_in_a_header_is_refused_unseen(key: str):
    with pytest.raises(SettingsError, match="the API key can't be used") as caught:
        Settings(api_key=key, key_from="the vault")
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://us.api.fireworks.ai/", "https://us.api.fireworks.ai"),
        ("https://api.fireworks.ai/inference/v1", "https://api.fireworks.ai"),
        ("https://api.fireworks.ai/v1/", "https://api.fireworks.ai"),
        ("https://gateway.example/fireworks", "https://gateway.example/fireworks"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("http://[::1]:8765", "http://[::1]:8765"),
        ("http://localhost:8765", "http://localhost:8765"),
        ("", "https://api.fireworks.ai"),
    ],
)
def test_base_urls(tmp_path: Path, given: str, used: str):
    environ = {"FIREWORKS_API_KEY": KEY, "FIREWORKS_BASE_URL": given}
    assert settings(environ, tmp_path).base_url == used


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.fireworks.ai", "would send the key unencrypted"),
        ("http://127.0.0.1.evil.example", "would send the key unencrypted"),
        ("ftp://api.fireworks.ai", "would send the key unencrypted"),
        ("https://user:hunter2@api.fireworks.ai", "can't be used"),
        ("https://api.fireworks.ai?x=hunter2", "can't be used"),
        ("api.fireworks.ai", "can't be used"),
        ("https://host:port", "can't be used"),
    ],
)
def test_a_base_url_that_is_unsafe_is_refused(url: str, why: str):
    with pytest.raises(SettingsError, match=why) as caught:
        Settings(api_key=KEY, base_url=url)
    assert "hunter2" not in str(caught.value)


def test_the_key_is_in_no_repr():
    assert KEY not in repr(Settings(api_key=KEY, account="acme"))
