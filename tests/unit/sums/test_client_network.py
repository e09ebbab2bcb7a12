# SPDX-License-Identifier: GPL-3.0-or-later
"""What no answer at all becomes: every failure of network, TLS and proxy, made to order by `responses`."""

from __future__ import annotations

import ssl
import typing as t
from collections.abc import Iterator

import pytest
import responses
from requests import exceptions
from sums_support import EVENT, TOKEN, assert_is_sentence, run_module
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError, SSLError

URL = "https://sums.example.com/base"
POOL = t.cast("t.Any", None)


def tls(text: str) -> exceptions.SSLError:
    """Return a failure of TLS as requests raises it."""
    return exceptions.SSLError(MaxRetryError(POOL, "/", SSLError(ssl.SSLError(1, text))))


def connecting(reason: Exception) -> exceptions.ConnectionError:
    """Return a failure to connect as requests raises it."""
    return exceptions.ConnectionError(MaxRetryError(POOL, "/", reason))


def unverified(message: str) -> exceptions.SSLError:
    """Return a certificate that the TLS library rejects."""
    reason = ssl.SSLCertVerificationError(1, "certificate verify failed")
    reason.verify_message = message
    return exceptions.SSLError(MaxRetryError(POOL, "/", SSLError(reason)))


FAILURES: list[tuple[Exception, str]] = [
    (tls("[SSL] certificate has expired (_ssl.c:1)"), "its certificate has expired: have it renewed"),
    (tls("certificate is not yet valid"), "its certificate is not valid yet: check both clocks"),
    (tls("Hostname mismatch"), "its certificate is for another host name: check hatci_base_url"),
    (tls("IP address mismatch"), "its certificate is for another host: check hatci_base_url"),
    (tls("self-signed certificate"), "give the authority's PEM file in ca_path"),
    (unverified("unable to get local issuer certificate"), "give its PEM file in ca_path"),
    (tls("[SSL: WRONG_VERSION_NUMBER] wrong"), "it does not speak TLS there: check scheme and port"),
    (tls("record layer failure"), "it does not speak TLS there: check scheme and port"),
    (tls("alert certificate required"), "it wants a client certificate: give client_cert and client_key"),
    (tls("NO_CERTIFICATE_OR_CRL_FOUND"), "ca_path holds no certificate"),
    (tls("PEM lib"), "a PEM file cannot be read"),
    (tls("KEY_VALUES_MISMATCH"), "the key is of another certificate"),
    (tls("tlsv1 alert access denied"), "it refused the client certificate"),
    (tls("[SSL: NEWS] something new (_ssl.c:1007)"), "something new: check ca_path, client_cert and the address"),
    (exceptions.ProxyError("Tunnel connection failed: 407 Proxy Authentication"), "407 Proxy Authentication"),
    (exceptions.ConnectTimeout("timed out"), "cannot be reached (timed out)"),
    (connecting(ConnectTimeoutError("timed out")), "cannot be reached (timed out)"),
    (connecting(NewConnectionError(POOL, "[Errno 111] Connection refused")), "cannot be reached (connection refused)"),
    (connecting(NewConnectionError(POOL, "[Errno -2] Name or service not known")), "its name is not known"),
    (connecting(NewConnectionError(POOL, "Temporary failure in name resolution")), "its name is not known"),
    (connecting(NewConnectionError(POOL, "[Errno 113] No route to host")), "no route to host"),
    (connecting(NewConnectionError(POOL, "[Errno 101] Network is unreachable")), "network is unreachable"),
    (exceptions.InvalidProxyURL("no host"), "the proxy of the environment is not a valid address"),
]
LOST: list[tuple[Exception, str]] = [
    (exceptions.ReadTimeout("Read timed out."), "(timed out)"),
    (exceptions.ConnectionError(ProtocolError("Connection aborted.", OSError(104, "Connection reset"))), "reset"),
    (exceptions.ConnectionError(ProtocolError("Remote end closed connection")), "(connection closed)"),
    (exceptions.SSLError(MaxRetryError(POOL, "/", SSLError(ssl.SSLEOFError(8, "EOF occurred")))), "closed"),
    (exceptions.ChunkedEncodingError("something odd"), "(ChunkedEncodingError)"),
]


@pytest.fixture
def network() -> Iterator[responses.RequestsMock]:
    """Return a network of which every answer is made to order."""
    with responses.RequestsMock() as mock:
        yield mock


@pytest.mark.parametrize(("failure", "words"), FAILURES, ids=lambda value: str(value)[:40])
def test_a_write_that_did_not_reach_sums_is_said_to_have_failed(
    network: responses.RequestsMock, failure: Exception, words: str
) -> None:
    network.post(f"{URL}/api/v1/events", body=failure)

    result = run_module("hatci_create_event", f"{URL}/", EVENT)

    assert_is_sentence(result["msg"])
    assert words in result["msg"]
    assert "unknown" not in result["msg"] and "verify_tls" not in result["msg"]
    assert len(network.calls) == 1


@pytest.mark.parametrize(("failure", "words"), LOST, ids=lambda value: str(value)[:40])
def test_a_write_that_may_have_reached_sums_is_said_to_be_unknown_and_not_sent_again(
    network: responses.RequestsMock, failure: Exception, words: str
) -> None:
    network.post(f"{URL}/api/v1/events", body=failure)

    result = run_module("hatci_create_event", URL, EVENT, retry_timeout=30)

    assert words in result["msg"] and "It is unknown whether SUMS now has the UROM event" in result["msg"]
    assert len(network.calls) == 1


def test_a_request_carries_what_the_wire_wants(network: responses.RequestsMock) -> None:
    network.post(
        f"{URL}/api/v1/events",
        json={"id": 7},
        match=[
            responses.matchers.header_matcher(
                {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json", "Content-Type": "application/json"}
            ),
            responses.matchers.json_params_matcher(EVENT),
        ],
    )

    assert run_module("hatci_create_event", URL, EVENT)["event_id"] == "7"
    key = network.calls[0].request.headers["Idempotency-Key"]
    assert len(key) == 36 and "hatci" in network.calls[0].request.headers["User-Agent"]


def test_a_redirect_is_not_followed(network: responses.RequestsMock) -> None:
    network.get(f"{URL}/api/v1/health", status=302, headers={"Location": "https://login.example.com/"})

    assert "a redirect to https://login.example.com" in run_module("hatci_health", URL)["msg"]
    assert [call.request.url for call in network.calls] == [f"{URL}/api/v1/health"]
