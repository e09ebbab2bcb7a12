# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client puts on the wire, and where it refuses to put anything."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from scripted_backend import Backend, Drop, Reply, reply_json
from sums_support import TOKEN, VIN, assert_is_sentence, client_of, is_unknown, run_module

from ansible_collections.hatci.automation.plugins.module_utils._sums import client as client_module
from ansible_collections.hatci.automation.plugins.module_utils._sums import errors
from ansible_collections.hatci.automation.plugins.module_utils._sums.client import SumsClient
from ansible_collections.hatci.automation.plugins.module_utils._sums.options import Connection

HOSTILE_IDS = [
    "a/b",
    "a/../../admin",
    "..%2f..%2fadmin",
    "%2e%2e",
    "x?admin=1",
    "x#fragment",
    "x;y=1",
    "x\r\nX-Evil: 1",
    "x\ty",
    "http://evil.example/",
    "//evil.example",
    "\\evil",
    " ev 1 ",
    "ev\x00",
    "Größe",
    "../",
    "...",
]


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
def test_an_id_stays_in_its_path_segment(backend: Backend, hostile: str) -> None:
    with client_of(backend.url) as client:
        client.get("events", hostile)

    (seen,) = backend.seen
    segments = seen.path.split("/")
    assert segments[:4] == ["", "api", "v1", "events"]
    assert [unquote(one) for one in segments[4:]] == [hostile]
    assert "x-evil" not in seen.headers


@pytest.mark.parametrize("impossible", ["", " ", ".", "..", "\t\n", "x" * 257, "\ud800"])
def test_what_is_no_id_is_never_sent(backend: Backend, impossible: str) -> None:
    result = run_module("hatci_fix_event", backend.url, event_id=impossible)

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert backend.seen == []


def test_every_request_carries_token_and_says_it_wants_json(backend: Backend) -> None:
    backend.answers({"event_id": "ev-1"})
    with client_of(backend.url) as client:
        client.get("health")
        client.post("events", body={"a": "ü\ud800"})
        client.patch("test_events", "te-1", body={"status": "PASS"})

    assert backend.calls == ["GET /api/v1/health", "POST /api/v1/events", "PATCH /api/v1/test_events/te-1"]
    for seen in backend.seen:
        assert seen.headers["authorization"] == f"Bearer {TOKEN}"
        assert seen.headers["accept"] == "application/json"
        assert seen.headers["user-agent"] == "hatci.automation"
    assert backend.seen[1].headers["content-type"] == "application/json"
    assert backend.seen[1].json == {"a": "ü\ud800"}
    assert ["idempotency-key" in seen.headers for seen in backend.seen] == [False, True, False]


def test_base_path_and_trailing_slashes(backend: Backend) -> None:
    result = run_module("hatci_health", backend.url + "/a/b///")

    assert not result.get("failed")
    assert backend.calls == ["GET /a/b/api/v1/health"]


def test_netrc_does_not_replace_the_token(backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login eve password evil\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    run_module("hatci_health", backend.url)

    assert backend.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("module", ["hatci_health", "hatci_create_event", "hatci_test_event_update"])
def test_a_redirect_is_not_followed(backend: Backend, another_backend: Backend, status: int, module: str) -> None:
    location = another_backend.url + f"/login?token={TOKEN}"
    backend.replies(Reply(status, b"", {"Location": location}))

    result = run_module(module, backend.url)

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert "a redirect to http://127.0.0.1" in result["msg"]
    assert TOKEN not in json.dumps(result)
    assert another_backend.seen == []
    assert len(backend.seen) == 1


def test_a_redirect_without_location_is_refused(backend: Backend) -> None:
    backend.replies(Reply(302, b""))

    assert "302" in run_module("hatci_health", backend.url)["msg"]


@pytest.mark.parametrize("location", ["http://[", "\x7f", "//", "http://[::1"])
def test_a_redirect_to_nonsense_is_a_sentence(backend: Backend, location: str) -> None:
    backend.replies(Reply(302, b"", {"Location": location}))

    result = run_module("hatci_health", backend.url)

    assert_is_sentence(result["msg"])
    assert "302 (a redirect" in result["msg"]
    assert len(backend.seen) == 1


def test_a_redirect_with_an_endless_body_ends(backend: Backend) -> None:
    backend.replies(Reply(302, b" " * 1000, {"Location": "/login"}, trickle=0.1))

    result = run_module("hatci_health", backend.url, timeout=0.3, retry_timeout=0.0)

    assert_is_sentence(result["msg"])


@pytest.mark.parametrize("module", ["hatci_health", "hatci_create_event"])
def test_the_token_file_is_read_again_once_on_401(backend: Backend, tmp_path: Path, module: str) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("old\n")
    refused = reply_json({"error": "expired"}, 401)
    backend.replies(refused, reply_json({"event_id": "ev-1"}))

    def renewed(*_arguments: object) -> str:
        token_file.write_text("new\n")
        return "new"

    with SumsClient(Connection(backend.url, "old", token_file=str(token_file))) as client:
        renewed()
        if module == "hatci_health":
            client.get("health")
        else:
            client.post("events", body={})

    assert [seen.headers["authorization"] for seen in backend.seen] == ["Bearer old", "Bearer new"]
    keys = {seen.headers.get("idempotency-key") for seen in backend.seen}
    assert len(keys) == 1


def test_a_token_file_that_did_not_change_is_not_tried_twice(backend: Backend, tmp_path: Path) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("old")
    backend.answers({"error": "expired"}, 401)

    with SumsClient(Connection(backend.url, "old", token_file=str(token_file))) as client:
        with pytest.raises(errors.TokenRefused):
            client.get("health")
        assert len(backend.seen) == 1
        token_file.write_text("new")
        with pytest.raises(errors.TokenRefused):
            client.get("health")
        assert len(backend.seen) == 3
        token_file.unlink()
        with pytest.raises(errors.TokenRefused):
            client.get("health")
        assert len(backend.seen) == 4


def test_without_a_token_file_401_is_final(backend: Backend) -> None:
    backend.answers({"error": "no"}, 401)

    result = run_module("hatci_health", backend.url)

    assert result["status"] == 401
    assert "hatci_token" in result["msg"]
    assert len(backend.seen) == 1


def test_a_compressed_answer_is_read(backend: Backend) -> None:
    body = gzip.compress(json.dumps({"event_id": "ev-000001", "fixed": True}).encode())
    backend.replies(Reply(200, body, {"Content-Encoding": "gzip"}))

    assert run_module("hatci_fix_event", backend.url)["fixed"]
    assert backend.seen[0].headers["accept-encoding"] == "identity"


def test_what_claims_to_be_compressed_and_is_not(backend: Backend) -> None:
    backend.replies(Reply(200, b"{}", {"Content-Encoding": "gzip"}))

    result = run_module("hatci_health", backend.url, retry_timeout=0.0)

    assert result["failed"]
    assert_is_sentence(result["msg"])


def test_a_chunked_answer_is_read_and_a_broken_one_is_not(backend: Backend) -> None:
    chunked = {"Transfer-Encoding": "chunked"}
    backend.replies(
        Reply(200, b'5\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n', chunked), Reply(200, b'5\r\n{"a":\r\n3\r\n', chunked)
    )

    with client_of(backend.url, retry_timeout=0.0) as client:
        assert client.get("health").value == {"a": 1}
        with pytest.raises(errors.ReplyLost):
            client.get("health")


def test_an_endless_answer_ends(backend: Backend) -> None:
    backend.replies(Reply(200, b" " * 10 * 1024 * 1024))

    with client_of(backend.url) as client, pytest.raises(errors.UnreadableAnswer, match="more than 4 MiB"):
        client.get("health")


def test_a_compressed_bomb_ends(backend: Backend) -> None:
    backend.replies(Reply(200, gzip.compress(b" " * 50 * 1024 * 1024), {"Content-Encoding": "gzip"}))

    with client_of(backend.url) as client, pytest.raises(errors.UnreadableAnswer, match="more than 4 MiB"):
        client.get("health")


def test_a_trickling_answer_ends(backend: Backend) -> None:
    """Each byte comes well before the read timeout; all of them would take 100 seconds."""
    backend.replies(Reply(200, b" " * 1000, trickle=0.1))

    with client_of(backend.url, timeout=0.3) as client, pytest.raises(errors.UnreadableAnswer, match="no end of it"):
        client.get("health")


def test_a_limit_for_one_attempt_holds_for_a_trickling_answer(backend: Backend) -> None:
    backend.replies(Reply(200, b" " * 1000, trickle=0.1))

    with client_of(backend.url, timeout=300) as client, pytest.raises(errors.UnreadableAnswer, match="no end"):
        client.get("health", within=0.3)


def test_a_long_limit_for_one_attempt_lets_no_answer_trickle_longer_than_any_call(backend: Backend) -> None:
    """The limit is what is left of a wait, an hour at its begin."""
    backend.replies(Reply(200, b" " * 1000, trickle=0.1))

    with client_of(backend.url, timeout=0.3) as client, pytest.raises(errors.UnreadableAnswer, match="no end"):
        client.get("health", within=60)


def test_a_limit_for_one_attempt_forbids_repeats(backend: Backend) -> None:
    backend.replies(Drop())

    with client_of(backend.url) as client, pytest.raises(errors.ReplyLost):
        client.get("health", within=3)
    assert len(backend.seen) == 1


def test_a_silent_backend_is_given_up(backend: Backend) -> None:
    backend.replies(Reply(delay=60))

    result = run_module("hatci_health", backend.url, timeout=0.2, retry_timeout=0.0)

    assert "timed out" in result["msg"]


def test_plain_http_is_warned_of_unless_on_loopback(backend: Backend) -> None:
    assert run_module("hatci_health", backend.url).get("warnings") is None
    for url, warned in (
        ("http://sums.example.com", True),
        ("http://10.0.0.1:80", True),
        ("http://[2001:db8::1]", True),
        ("http://[::1]", False),
        ("http://localhost:1", False),
        ("http://LOCALHOST", False),
        ("http://127.9.9.9", False),
        ("https://sums.example.com", False),
        ("http://localhost.evil.example", True),
    ):
        assert bool(client_of(url).warnings) is warned, url


def test_a_missing_library_is_named(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "HAS_REQUESTS", False)

    assert "requests is missing" in run_module("hatci_health", backend.url)["msg"]


@pytest.mark.parametrize(
    "url", ["http://" + "a" * 64 + ".invalid", "http://a..b", "http://.", "http://-", "http://%zz", "http://[v1.x]"]
)
@pytest.mark.parametrize("module", ["hatci_health", "hatci_create_event"])
def test_an_impossible_host_is_bad_input_and_nothing_is_unknown(url: str, module: str) -> None:
    result = run_module(module, url, retry_timeout=0.0)

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert not is_unknown(result)
    assert "hatci_base_url" in result["msg"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_metadata_that_is_no_json_is_bad_input(backend: Backend, check_mode: bool) -> None:
    """YAML's .nan arrives here as a float that JSON cannot carry."""
    for module in ("hatci_test_event", "hatci_test_event_update"):
        result = run_module(module, backend.url, check_mode=check_mode, metadata={"voltage": float("nan")})

        assert result["failed"]
        assert_is_sentence(result["msg"])
        assert not is_unknown(result)
        assert backend.seen == []


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    result = run_module("hatci_create_event", "http://sums.example.com", retry_timeout=0.0)

    assert "proxy" in result["msg"] and "HTTP_PROXY" in result["msg"]
    assert not is_unknown(result)


def test_an_unknown_name_is_named() -> None:
    result = run_module("hatci_create_event", "http://sums.invalid", retry_timeout=0.0)

    assert "sums.invalid" in result["msg"] and "hatci_base_url" in result["msg"]
    assert not is_unknown(result)


def test_one_post_has_one_key_and_two_have_two(backend: Backend) -> None:
    backend.answers({"event_id": "ev-1", "vin": VIN})
    run_module("hatci_create_event", backend.url)
    run_module("hatci_create_event", backend.url)

    assert len({seen.headers["idempotency-key"] for seen in backend.seen}) == 2
