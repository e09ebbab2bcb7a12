# SPDX-License-Identifier: GPL-3.0-or-later
"""What the connection options accept, and the sentence for what they do not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from scripted_backend import Backend
from sums_support import assert_is_sentence, run_module, validated

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors, options


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://sums.example.com", "https://sums.example.com"),
        ("https://sums.example.com///", "https://sums.example.com"),
        ("  http://h:8080/a/b/ ", "http://h:8080/a/b"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("HTTPS://SUMS.example.com", "HTTPS://SUMS.example.com"),
    ],
)
def test_base_urls(given: str, used: str) -> None:
    assert options.check_base_url(given) == used


@pytest.mark.parametrize("given", ["https://h?token=S3cret", "https://h/sums#S3cret", "https://h/?token=S3cret&x=1"])
def test_a_query_is_not_shown_since_it_may_hold_a_token(given: str) -> None:
    with pytest.raises(errors.InputError, match="hatci_base_url carries a query or a fragment") as caught:
        options.check_base_url(given)
    assert "S3cret" not in caught.value.message


@pytest.mark.parametrize(
    "given",
    [
        "",
        "sums.example.com",
        "ftp://sums.example.com",
        "https://",
        "https:///path",
        "file:///etc/passwd",
        "https://h:0",
        "https://h:99999",
        "https://h:port",
        "https://[::1",
        "https://h?x=1",
        "https://h#x",
        "https://h/a b",
        "https://h/\n",
        "https://h/a\nb",
        "https://h/\x00",
        "https://h/api/v1",
        "https://h/api/v1/",
        "{{ sums_url }}",
    ],
)
def test_what_is_no_address_of_a_server(backend: Backend, given: str) -> None:
    if given.strip().rstrip("/") == "https://h":
        assert options.check_base_url(given) == "https://h"
        return
    result = run_module("hatci_health", given)

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert "hatci_base_url" in result["msg"]


def test_a_password_in_the_address_is_not_shown() -> None:
    for url in ("https://user:canary@h", "https://canary@h", "https://:canary@h"):
        result = run_module("hatci_health", url)

        assert_is_sentence(result["msg"])
        assert "canary" not in result["msg"]


@pytest.mark.parametrize(
    "token", ["", "  ", "canary\nX-Evil: 1", "canary x", "canaryé", "canary\x00", "canary\x7f", "\r"]
)
def test_a_token_that_cannot_be_one_is_not_shown_and_not_sent(backend: Backend, token: str) -> None:
    result = run_module("hatci_health", backend.url, hatci_token=token)

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert "hatci_token" in result["msg"] and "canary" not in str(result)
    assert backend.seen == []


def test_white_space_around_a_token_is_dropped(backend: Backend) -> None:
    run_module("hatci_health", backend.url, hatci_token=" token\n")

    assert backend.seen[0].headers["authorization"] == "Bearer token"


def test_a_token_file_wins_over_a_token(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("from-file\n")

    run_module("hatci_health", backend.url, hatci_token_file=str(path))

    assert backend.seen[0].headers["authorization"] == "Bearer from-file"


@pytest.mark.parametrize("content", [b"", b"\n", b"canary \xff", b"canary two", b"canary\n\ncanary", b"canary" + b"\0"])
def test_a_token_file_without_a_token(backend: Backend, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)

    result = run_module("hatci_health", backend.url, hatci_token_file=str(path))

    assert_is_sentence(result["msg"])
    assert str(path) in result["msg"] and "canary" not in result["msg"]
    assert backend.seen == []


@pytest.mark.parametrize("path", ["missing", ".", "null\0byte", "surrogate\ud800", "x" * 5000])
def test_a_token_file_that_cannot_be_read(backend: Backend, tmp_path: Path, path: str) -> None:
    result = run_module("hatci_health", backend.url, hatci_token_file=f"{tmp_path}/{path}")

    assert result["failed"]
    assert_is_sentence(result["msg"].replace("\0", "").replace("\ud800", "")[-400:])
    assert "hatci_token_file" in result["msg"]


@pytest.mark.parametrize("name", ["timeout", "retry_timeout"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 86401.0])
def test_times_out_of_range(backend: Backend, name: str, value: float) -> None:
    result = run_module("hatci_health", backend.url, **{name: value})

    assert_is_sentence(result["msg"])
    assert name in result["msg"]


def test_a_timeout_of_zero_is_refused_and_a_retry_timeout_of_zero_tries_once(backend: Backend) -> None:
    assert run_module("hatci_health", backend.url, timeout=0.0)["failed"]
    assert not run_module("hatci_health", backend.url, retry_timeout=0.0).get("failed")


@pytest.mark.parametrize("name", ["ca_path", "client_cert", "client_key"])
@pytest.mark.parametrize("path", ["/nowhere", "/", "null\0byte"])
def test_files_that_are_not_there(backend: Backend, name: str, path: str) -> None:
    result = run_module("hatci_health", backend.url, **{name: path})

    assert result["failed"]
    assert name in result["msg"]


def test_a_key_without_its_certificate(backend: Backend, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.touch()

    result = run_module("hatci_health", backend.url, client_key=str(path))

    assert_is_sentence(result["msg"])
    assert "client_cert" in result["msg"]


def test_a_key_with_a_passphrase_is_refused_since_nobody_can_type_it(backend: Backend, tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("client")
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    both = tmp_path / "both.pem"
    both.write_bytes(locked + issued.cert_chain_pems[0].bytes())

    result = run_module("hatci_health", backend.url, client_cert=str(both))

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert "passphrase" in result["msg"] and "client_cert" in result["msg"]


def test_the_environment_fills_in(backend: Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HATCI_BASE_URL", backend.url)
    monkeypatch.setenv("HATCI_TOKEN", "from-environment")
    monkeypatch.setenv("HATCI_VERIFY_TLS", "no")

    found = validated("hatci_health", {})

    assert (found["hatci_base_url"], found["hatci_token"], found["verify_tls"]) == (
        backend.url,
        "from-environment",
        False,
    )


def test_verification_that_is_left_empty_is_not_off(backend: Backend) -> None:
    with pytest.raises(ValueError, match="verify_tls"):
        validated("hatci_health", {"hatci_base_url": backend.url, "hatci_token": "x", "verify_tls": None})


def test_a_token_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HATCI_")]:
        monkeypatch.delenv(name)

    with pytest.raises(ValueError, match="hatci_token"):
        validated("hatci_health", {"hatci_base_url": "https://h"})


def test_a_connection_does_not_show_its_token() -> None:
    assert "canary" not in repr(options.Connection("https://h", "canary"))


def test_check_token_names_where_it_came_from() -> None:
    with pytest.raises(errors.InputError, match="here and there"):
        options.check_token(None, "here and there")
