# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way to HTTP: every answer has an end, and nothing of the environment replaces what was given."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import typing as t
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import trustme
from scripted_backend import RawBackend, drip, send

from ansible_collections.hatci.automation.plugins.module_utils._http.bounded import (
    AnswerTooLong,
    AnswerTooSlow,
    UnreadableEncoding,
)
from ansible_collections.hatci.automation.plugins.module_utils._http.session import EXCHANGE_ERRORS, HttpSession
from ansible_collections.hatci.automation.plugins.module_utils._times import Deadline

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MOST = 1024 * 1024


pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    """Return a server's context with a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@contextlib.contextmanager
def serving(handler: t.Any, context: ssl.SSLContext | None = None) -> Iterator[RawBackend]:
    """Serve with a handler."""
    backend = RawBackend(handler, context)
    try:
        yield backend
    finally:
        backend.close()


def body(content: bytes, **headers: str) -> bytes:
    """Return a whole answer with a body."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return OK + lines.encode() + b"Content-Length: %d\r\n\r\n" % len(content) + content


def get(url: str, *, timeout: float = 5.0, within: float = 10.0, most_bytes: int = MOST, **options: t.Any) -> bytes:
    """Return the body of an answer."""
    session = HttpSession(lambda: "canary", **options)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return session.exchange("GET", url, timeout=timeout, deadline=Deadline(within), most_bytes=most_bytes)[1]
    finally:
        session.close()


ENDLESS = {
    "status line": drip(b"", b"H"),
    "header": drip(OK + b"X-A: ", b"a"),
    "headers": drip(OK, b"X-A: a\r\n"),
    "100 Continue": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": drip(OK + b"Content-Length: 100000\r\n\r\n", b" "),
    "body without length": drip(OK + b"\r\n", b" "),
    "chunk size": drip(CHUNKED, b"0"),
    "chunk extension": drip(CHUNKED + b"2;", b"x"),
    "empty chunks of gzip": drip(
        OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"14\r\n" + gzip.compress(b"", mtime=0) + b"\r\n",
    ),
    "trailer": drip(CHUNKED + b"2\r\n{}\r\n0\r\n", b"T: x\r\n"),
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("dripping", ENDLESS)
def test_an_answer_that_drips_ends(dripping: str, scheme: str, context: ssl.SSLContext, ca_path: str) -> None:
    """Each byte comes long before the timeout, and the last one never."""
    with (
        serving(ENDLESS[dripping], context if scheme == "https" else None) as backend,
        pytest.raises((AnswerTooSlow, requests.RequestException)) as caught,
    ):
        get(backend.url, within=0.3, ca_path=ca_path)
    # http.client counts headers, and takes no more than 100 of them.
    assert dripping == "headers" or isinstance(caught.value, AnswerTooSlow)


def test_a_proxy_that_drips_its_answer_to_connect_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(drip(OK + b"X-A: ", b"a")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(AnswerTooSlow):
            get("https://sums.invalid/", within=0.3)
        assert proxy.heads[0].startswith(b"CONNECT sums.invalid:443")


def test_an_answer_through_a_proxy_that_drips_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(drip(OK + b"Content-Length: 100000\r\n\r\n", b" ")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(AnswerTooSlow):
            get("http://sums.invalid/", within=0.3)


def test_a_silent_server_is_a_timeout() -> None:
    with serving(lambda connection, _head: connection.recv(1)) as backend:
        for timeout, within in ((0.1, 10.0), (10.0, 0.1)):
            with pytest.raises(requests.exceptions.ReadTimeout):
                get(backend.url, timeout=timeout, within=within)


def test_all_addresses_of_a_name_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them answers; each would get the whole timeout."""
    clock = [0.0]
    tried: list[tuple[str, float]] = []

    class Silent(socket.socket):
        def connect(self, address: t.Any) -> None:
            tried.append((address[0], float(self.gettimeout() or 0)))
            clock[0] += tried[-1][1]
            raise TimeoutError("timed out")

    def addresses(host: str, port: int, *_all: t.Any) -> list[t.Any]:
        several = [f"192.0.2.{number}" for number in range(1, 5)] if host == "sums.invalid" else [host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in several]

    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    monkeypatch.setattr(socket, "socket", Silent)
    session = HttpSession(lambda: "canary")
    deadline = Deadline(20, lambda: clock[0])
    with pytest.raises(requests.exceptions.ConnectTimeout, match=r"sums\.invalid"):
        session.exchange("GET", "http://sums.invalid/", timeout=10, deadline=deadline, most_bytes=9)
    session.close()
    assert [address for address, _seconds in tried] == [f"192.0.2.{number}" for number in range(1, 5)]
    assert sum(seconds for _address, seconds in tried) == pytest.approx(20)


def test_an_address_that_refuses_costs_the_next_one_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def addresses(host: str, port: int, *rest: t.Any) -> list[t.Any]:
        if host != "sums.invalid":
            return resolve(host, port, *rest)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("127.0.0.9", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    with serving(send(body(b"{}"))) as backend:
        assert get(backend.url.replace("127.0.0.1", "sums.invalid")) == b"{}"
        assert b"Host: sums.invalid:" in backend.heads[0]


def test_the_time_of_one_exchange_is_not_that_of_the_next() -> None:
    with serving(send(body(b"{}", Connection="close"))) as backend:
        session = HttpSession(lambda: "canary")
        for _unused in range(2):
            deadline = Deadline(60)
            assert session.exchange("GET", backend.url, timeout=60, deadline=deadline, most_bytes=9)[1] == b"{}"
        with pytest.raises(AnswerTooLong):
            session.exchange("GET", backend.url, timeout=60, deadline=Deadline(60), most_bytes=1)
        session.close()


def bomb(layers: int) -> bytes:
    """Return 64 MiB of blanks, packed so many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    megabyte = b" " * MOST
    packed = b"".join(packer.compress(megabyte) for _unused in range(64)) + packer.flush()
    for _unused in range(layers - 1):
        packed = gzip.compress(packed, mtime=0)
    return packed


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (body(b" " * (MOST + 1)), AnswerTooLong),
        (body(bomb(1), Content_Encoding="gzip"), AnswerTooLong),
        (body(bomb(2), Content_Encoding="gzip, gzip"), UnreadableEncoding),
        (body(b"x", Content_Encoding="br"), UnreadableEncoding),
        (body(b"x", Content_Encoding="zstd"), UnreadableEncoding),
        (body(b"not gzip", Content_Encoding="gzip"), UnreadableEncoding),
        (body(gzip.compress(b"{}", mtime=0)[:-6], Content_Encoding="gzip"), UnreadableEncoding),
        (body(gzip.compress(b"{}", mtime=0) * 2, Content_Encoding="gzip"), UnreadableEncoding),
        (CHUNKED + b"-1\r\n" + b" " * 3 * MOST, AnswerTooLong),
        (CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n", EXCHANGE_ERRORS),
        (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", EXCHANGE_ERRORS),
        (OK + b"Content-Length: 10\r\n\r\n{}", EXCHANGE_ERRORS),
        (OK + b"Content-Length: 5\r\nContent-Length: 20\r\n\r\n{}", EXCHANGE_ERRORS),
        (OK + b"X: " + b"a" * 70000 + b"\r\n\r\n", EXCHANGE_ERRORS),
    ],
    ids=[
        *("long", "bomb", "bomb in a bomb", "brotli", "zstd", "not gzip", "cut gzip", "two gzips", "chunk of -1"),
        *("chunk of -5", "odd chunk", "cut off", "two lengths", "long header"),
    ],
)
def test_an_answer_that_cannot_be_read_within_its_bounds(answer: bytes, error: t.Any) -> None:
    with serving(send(answer)) as backend, pytest.raises(error):
        get(backend.url)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"{}", "identity"),
        (b"{}", ""),
        (gzip.compress(b"{}", mtime=0), "gzip"),
        (gzip.compress(b"{}", mtime=0), " X-GZIP "),
        (zlib.compress(b"{}"), "deflate"),
        (b"", "gzip"),
    ],
)
def test_what_a_proxy_packs_although_nobody_asked_is_read(content: bytes, encoding: str) -> None:
    with serving(send(body(content, Content_Encoding=encoding))) as backend:
        assert get(backend.url) == (b"{}" if content else b"")
        assert b"Accept-Encoding: identity" in backend.heads[0]


def test_a_body_of_just_the_longest_length_is_read_packed_or_not() -> None:
    for answer in (body(b" " * MOST), body(gzip.compress(b" " * MOST, mtime=0), Content_Encoding="gzip")):
        with serving(send(answer)) as backend:
            assert len(get(backend.url)) == MOST


def test_netrc_does_not_replace_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login eve password evil\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    with serving(send(body(b"{}"))) as backend:
        get(backend.url)
        assert b"Authorization: Bearer canary\r\n" in backend.heads[0]


def test_a_certificate_that_nobody_vouches_for_is_refused(context: ssl.SSLContext) -> None:
    with serving(send(body(b"{}")), context) as backend, pytest.raises(requests.exceptions.SSLError):
        get(backend.url)


@pytest.mark.parametrize("bundle", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_of_the_environment_counts_where_nothing_else_was_said(
    context: ssl.SSLContext, ca_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: str
) -> None:
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    with serving(send(body(b"{}")), context) as backend:
        monkeypatch.setenv(bundle, ca_path)
        assert get(backend.url) == b"{}"

        monkeypatch.setenv(bundle, str(stranger))
        assert get(backend.url, ca_path=ca_path) == b"{}"
        assert get(backend.url, verify=False) == b"{}"
        with pytest.raises(requests.exceptions.SSLError):
            get(backend.url)

        monkeypatch.setenv(bundle, ca_path)
        with pytest.raises(requests.exceptions.SSLError):
            get(backend.url, ca_path=str(stranger))


def test_a_redirect_is_not_followed() -> None:
    with serving(send(body(b"no"))) as other:
        elsewhere = b"HTTP/1.1 302 Found\r\nLocation: " + other.url.encode() + b"\r\nContent-Length: 2\r\n\r\n{}"
        with serving(send(elsewhere)) as backend:
            assert get(backend.url) == b"{}"
        assert other.heads == []
