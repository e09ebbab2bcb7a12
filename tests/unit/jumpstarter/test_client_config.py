# SPDX-License-Identifier: GPL-3.0-or-later
"""Which controller a task means, and whether its token still holds."""

from __future__ import annotations

import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import InputError
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.jmp.client_config import (
    choose_mode,
    config_arguments,
    refuse_without_drivers,
)


def token(**claims: Any) -> str:
    """Return a JWT whose signature nobody checks here."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


def write_config(path: Path, **changed: Any) -> Path:
    """Write a client config."""
    path.parent.mkdir(parents=True, exist_ok=True)
    config = {"kind": "ClientConfig", "endpoint": "lab:8082", "token": token(exp=time.time() + 3600), **changed}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a home that names no controller."""
    for name in ("JMP_ENDPOINT", "JMP_TOKEN", "JMP_CLIENT_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / ".config/jumpstarter"


def make_current(home: Path, name: str = "alice") -> Path:
    """Make a client the one that jmp takes by itself."""
    path = write_config(home / f"clients/{name}.yaml")
    (home / "config.yaml").write_text(yaml.safe_dump({"config": {"current-client": name}}), encoding="utf-8")
    return path


def test_auto_means_local_where_nothing_names_a_controller() -> None:
    assert choose_mode("auto", None, None) == "local"


@pytest.mark.parametrize("mode", ["local", "controller"])
def test_a_mode_that_is_given_is_taken(mode: str, home: Path) -> None:
    make_current(home)
    assert choose_mode(mode, None, None) == mode


def test_auto_means_the_controller_that_anything_names(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_mode("auto", "/lab/client.yaml", None) == "controller"
    assert choose_mode("auto", None, "alice") == "controller"
    monkeypatch.setenv("JMP_ENDPOINT", "lab:8082")
    assert choose_mode("auto", None, None) == "local"
    monkeypatch.setenv("JMP_TOKEN", token())
    assert choose_mode("auto", None, None) == "controller"
    monkeypatch.delenv("JMP_TOKEN")
    make_current(home)
    assert choose_mode("auto", None, None) == "controller"


@pytest.mark.parametrize("text", ["", "kind: UserConfig", "config:", "config: {}", "config: {current-client: null}"])
def test_a_home_without_a_current_client_names_no_controller(home: Path, text: str) -> None:
    home.mkdir(parents=True)
    (home / "config.yaml").write_text(text, encoding="utf-8")
    assert choose_mode("auto", None, None) == "local"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "unusable (no config of jmp), so it is not known which controller"),
        ("config: 7", "unusable (no config of jmp)"),
        ("config: {current-client: [alice]}", "unusable (no config of jmp)"),
        ("config: {", "unusable (not valid YAML in line 1"),
        ("config: {current-client: ../x}", "current-client is '../x'"),
    ],
)
def test_a_home_that_cannot_be_understood_is_not_taken_for_one_without_a_controller(
    home: Path, text: str, words: str
) -> None:
    home.mkdir(parents=True)
    (home / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(words)):
        choose_mode("auto", None, None)
    assert choose_mode("local", None, None) == "local"


def test_a_config_is_given_to_jmp_by_path_and_a_client_by_name(home: Path, tmp_path: Path) -> None:
    path = write_config(tmp_path / "client.yaml")
    write_config(home / "clients/bob.yaml")

    assert config_arguments(str(path), None) == ["--client-config", str(path)]
    assert config_arguments(None, "bob") == ["--client", "bob"]
    assert config_arguments("~/client.yaml", None) == ["--client-config", str(path)]


def test_a_relative_config_can_be_found_from_everywhere(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keeper of a lease works in another directory."""
    monkeypatch.chdir(tmp_path)
    config = write_config(tmp_path / "client.yaml")
    assert config_arguments("client.yaml", None) == ["--client-config", str(config)]


def test_the_current_client_and_the_environment_need_no_arguments(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMP_TOKEN", token(exp=time.time() + 60))
    assert config_arguments(None, None) == []
    make_current(home)
    assert config_arguments(None, None) == []


def test_clients_are_looked_for_where_jmp_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMP_CLIENT_CONFIG_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(InputError, match=r"elsewhere/clients/bob\.yaml, which cannot be read: No such file"):
        config_arguments(None, "bob")


def test_an_expired_token_is_refused_before_jmp_would_wait_for_a_browser(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = token(exp=1700000000)
    path = write_config(tmp_path / "client.yaml", token=old)
    message = r"The Jumpstarter token in .* expired at 2023-11-14 22:13:20 UTC; get a new one \(jmp login\)\."

    with pytest.raises(InputError, match=message):
        config_arguments(str(path), None)
    monkeypatch.setenv("JMP_TOKEN", old)
    with pytest.raises(InputError, match=r"the environment's JMP_TOKEN expired"):
        config_arguments(None, None)


@pytest.mark.parametrize(
    "value", ["no-jwt", "a.b.c", "a.!!!.c", "..", token(), token(exp="soon"), "e30.W10.x", "é.é.é"]
)
def test_a_token_that_cannot_be_judged_is_left_to_the_controller(tmp_path: Path, value: str) -> None:
    path = write_config(tmp_path / "client.yaml", token=value)
    assert config_arguments(str(path), None) == ["--client-config", str(path)]


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"kind: ExporterConfig\nendpoint: x\n", b"kind: ClientConfig\n"],
    ids=["empty", "list", "another kind", "no endpoint"],
)
def test_a_file_that_is_no_client_config_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "client.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"client_config names .*, which is not a Jumpstarter client config \(kind"):
        config_arguments(str(path), None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("kind: [\n", r"not valid YAML in line 2 \(expected the node content, but found '<stream end>'\)"),
        ("a: 1\nb: 2026-13-01\n", r"not valid YAML in line 2 \(this is not a valid timestamp\)"),
        ("a: " + "9" * 5000, r"not valid YAML in line 1 \(this is not a valid int\)"),
        ("[" * 5000, r"not valid YAML \(nested too deeply\)"),
        ('"\\UFFFFFFFF"', r"not valid YAML \(a text has an escape that is not a character\)"),
        ("token: *canary", r"not valid YAML in line 1 \(found undefined alias '\.\.\.'\)"),
    ],
)
def test_a_config_that_is_no_yaml_is_refused_without_quoting_it(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "client.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=f"client_config names .*, which is {words}; give a Jumpstarter client config"):
        config_arguments(str(path), None)


@pytest.mark.parametrize("path", ["\0", "\ud800", "~nobody-of-that-name/client.yaml", " "])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(InputError, match=r"client_config (is|holds) .*; (give|correct)"):
        config_arguments(path, None)


def test_a_token_that_expired_before_all_calendars_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JMP_TOKEN", token(exp=-(10**30)))
    with pytest.raises(InputError, match=r"JMP_TOKEN expired at \?; get a new one"):
        config_arguments(None, None)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "client.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read: it is not text; give a Jumpstarter client config"):
        config_arguments(str(path), None)
    with pytest.raises(InputError, match="cannot be read: Is a directory; give"):
        config_arguments(str(tmp_path), None)


def test_two_ways_at_once_and_none_are_refused() -> None:
    with pytest.raises(InputError, match="client_config and client are both given; give one"):
        config_arguments("a", "b")
    with pytest.raises(InputError, match="No Jumpstarter controller is named; set jumpstarter_client_config"):
        config_arguments(None, None)
    with pytest.raises(InputError, match=r"client is '\.\./x'; use letters"):
        config_arguments(None, "../x")


def test_a_user_without_a_home_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with a random uid: nobody has set JMP_CLIENT_CONFIG_HOME, so it is not named."""
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(InputError, match=r"^HOME is not set and this user has no home directory, .*; set HOME\.$"):
        choose_mode("auto", None, None)


@pytest.mark.parametrize("drivers", [None, {}, {"allow": []}, {"allow": [], "unsafe": False}])
@pytest.mark.parametrize("named", ["path", "client", "current"])
def test_a_config_that_allows_no_driver_is_refused(drivers: Any, named: str, tmp_path: Path, home: Path) -> None:
    make_current(home)
    path = write_config(home / "clients/alice.yaml" if named != "path" else tmp_path / "own.yaml", drivers=drivers)
    with pytest.raises(InputError, match=rf"The client config {re.escape(str(path))} allows no driver"):
        refuse_without_drivers(str(path) if named == "path" else None, "alice" if named == "client" else None)


@pytest.mark.parametrize("drivers", [{"allow": ["jumpstarter_driver_*"]}, {"unsafe": True}, {"allow": "UNSAFE"}, "odd"])
def test_a_config_that_may_allow_a_driver_is_taken(drivers: Any, tmp_path: Path) -> None:
    refuse_without_drivers(str(write_config(tmp_path / "own.yaml", drivers=drivers)), None)


def test_what_the_environment_or_jmp_itself_decides_is_left_to_jmp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_without_drivers(None, None)
    refuse_without_drivers(str(tmp_path / "none.yaml"), None)
    monkeypatch.setenv("JMP_DRIVERS_ALLOW", "UNSAFE")
    refuse_without_drivers(str(write_config(tmp_path / "own.yaml")), None)
