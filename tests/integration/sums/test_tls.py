# SPDX-License-Identifier: GPL-3.0-or-later
"""Secure connections, proxies and addresses, against real servers."""

from __future__ import annotations

import contextlib
import datetime
import socket
import threading
import typing as t
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from sums_support import TOKEN, assert_is_sentence, is_unknown, run_module

from hatci_lab.sums.process import SumsProcess, TlsFiles

StartSums = Callable[..., SumsProcess]


pytestmark = pytest.mark.usefixtures("bare_environment")


def write(certificate: trustme.LeafCert, directory: Path, name: str) -> tuple[Path, Path]:
    """Write a certificate and its key to files."""
    files = directory / f"{name}-cert.pem", directory / f"{name}-key.pem"
    files[0].write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(files[1])
    return files


@pytest.fixture
def start_tls(start_sums: StartSums, authority: trustme.CA, ca_path: str, tmp_path: Path) -> StartSums:
    """Start a SUMS with TLS; `identities` and further options go into its certificate."""

    def start(
        *identities: str, client_ca: Path | None = None, expires: datetime.datetime | None = None, **options: t.Any
    ) -> SumsProcess:
        issued = authority.issue_cert(*(identities or ("127.0.0.1", "localhost")), not_after=expires)
        certfile, keyfile = write(issued, tmp_path, "server")
        return start_sums(tls=TlsFiles(certfile, keyfile, Path(ca_path), client_ca), **options)

    return start


def assert_tls_failure(result: dict[str, t.Any], *words: str) -> None:
    """Assert that a failure names its cause and does not lead the user to give up verification."""
    message = result["msg"]
    assert result["failed"]
    assert_is_sentence(message)
    for word in words:
        assert word in message, message
    for bad in ("verify", "insecure", "disable", "Max retries", "urllib3", "HTTPSConnectionPool", "_ssl.c"):
        assert bad not in message, message
    assert not is_unknown(result)


@pytest.mark.parametrize("module", ["hatci_health", "hatci_create_event"])
def test_a_private_authority(start_tls: StartSums, ca_path: str, module: str) -> None:
    sums = start_tls()

    assert not run_module(module, sums.url, ca_path=ca_path).get("failed")
    before = len(sums.requests())
    assert_tls_failure(run_module(module, sums.url, retry_timeout=30.0), "not signed by a known authority", "ca_path")
    assert len(sums.requests()) == before


def test_an_authority_of_others_does_not_do(start_tls: StartSums, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)

    assert_tls_failure(run_module("hatci_health", start_tls().url, ca_path=str(other)), "authority", "ca_path")


@pytest.mark.parametrize("content", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"])
def test_a_ca_file_that_is_none(start_tls: StartSums, tmp_path: Path, content: str) -> None:
    path = tmp_path / "none.pem"
    path.write_text(content)

    assert_tls_failure(run_module("hatci_health", start_tls().url, ca_path=str(path)), "ca_path")


def test_the_environments_bundle_does_not_replace_ca_path(
    start_tls: StartSums, ca_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = start_tls()
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))

    assert not run_module("hatci_health", sums.url, ca_path=ca_path).get("failed")


def test_the_environments_bundle_serves_without_ca_path(
    start_tls: StartSums, ca_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = start_tls()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_path)

    assert not run_module("hatci_health", sums.url).get("failed")


def test_verification_off_is_off_and_says_nothing(start_tls: StartSums, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run_module("hatci_health", start_tls().url, verify_tls=False)

    assert not result.get("failed")


def test_an_expired_certificate(start_tls: StartSums, ca_path: str) -> None:
    expired = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)

    assert_tls_failure(
        run_module("hatci_health", start_tls(expires=expired).url, ca_path=ca_path), "expired", "renewed"
    )


@pytest.mark.parametrize("identity", ["other.example", "10.1.2.3"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_for_another_host(start_tls: StartSums, ca_path: str, identity: str, host: str) -> None:
    url = start_tls(identity).url.replace("127.0.0.1", host)

    assert_tls_failure(run_module("hatci_create_event", url, ca_path=ca_path), "another host", "hatci_base_url")


def test_plain_http_on_a_tls_port(start_tls: StartSums) -> None:
    result = run_module("hatci_health", start_tls().url.replace("https://", "http://"))

    assert result["failed"]
    assert_is_sentence(result["msg"])
    assert "http" in result["msg"] and "hatci_base_url" in result["msg"]


def test_tls_on_a_plain_port(sums: SumsProcess) -> None:
    for module in ("hatci_health", "hatci_create_event"):
        result = run_module(module, sums.url.replace("http://", "https://"), retry_timeout=30.0)

        assert_tls_failure(result, "does not speak TLS", "hatci_base_url")
    assert sums.requests() == []


@pytest.fixture
def client_authority(tmp_path: Path) -> tuple[trustme.CA, Path]:
    """Return an authority for client certificates and its PEM file."""
    issuer = trustme.CA()
    path = tmp_path / "client-ca.pem"
    issuer.cert_pem.write_to_path(path)
    return issuer, path


def test_a_client_certificate(
    start_tls: StartSums, ca_path: str, client_authority: tuple[trustme.CA, Path], tmp_path: Path
) -> None:
    sums = start_tls(client_ca=client_authority[1])
    cert, key = write(client_authority[0].issue_cert("tester"), tmp_path, "client")
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    stranger, strangers_key = write(trustme.CA().issue_cert("stranger"), tmp_path, "stranger")
    empty = tmp_path / "empty.pem"
    empty.touch()

    def ask(**options: Path | None) -> dict[str, t.Any]:
        given = {name: str(value) for name, value in options.items() if value}
        return run_module("hatci_health", sums.url, ca_path=ca_path, **given)

    assert not ask(client_cert=cert, client_key=key).get("failed")
    assert not ask(client_cert=both).get("failed")
    for wrong in (
        ask(),
        ask(client_cert=stranger, client_key=strangers_key),
        ask(client_cert=cert, client_key=strangers_key),
        ask(client_cert=cert),
        ask(client_cert=empty),
    ):
        assert wrong["failed"]
        assert_is_sentence(wrong["msg"])
        assert "client_cert" in wrong["msg"], wrong["msg"]
        assert "verify" not in wrong["msg"]


@pytest.mark.parametrize("path", ["/a/b", "/a/b/", "/a/b///"])
def test_a_base_path_behind_tls(start_tls: StartSums, ca_path: str, path: str) -> None:
    sums = start_tls(base_path="/a/b")

    assert not run_module("hatci_health", sums.url.removesuffix("/a/b") + path, ca_path=ca_path).get("failed")
    wrong = run_module("hatci_fix_event", sums.url.removesuffix("/a/b"), ca_path=ca_path)
    assert "hatci_base_url" in wrong["msg"]


def test_a_host_of_ipv6(start_tls: StartSums, ca_path: str) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    sums = start_tls("::1", host="::1")
    assert urlsplit(sums.url).hostname == "::1"

    assert not run_module("hatci_health", sums.url, ca_path=ca_path).get("failed")


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate"])
@pytest.mark.parametrize("module", ["hatci_health", "hatci_create_event"])
def test_a_lost_reply_is_the_same_behind_tls(start_tls: StartSums, ca_path: str, kind: str, module: str) -> None:
    sums = start_tls()
    sums.add_fault(kind=kind)

    result = run_module(module, sums.url, ca_path=ca_path, retry_timeout=30.0)

    if module == "hatci_health":
        assert not result.get("failed") and len(sums.requests()) == 2
    else:
        assert is_unknown(result) and len(sums.requests()) == 1


def stop_serving(listener: socket.socket, connections: list[socket.socket]) -> None:
    """Take no further connection, and end those that there are."""
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for connection in connections:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class Doorman:
    """Closes the first connections without a word, and passes the later ones on."""

    def __init__(self, port: int, refuses: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._upstream = port
        self._refuses = refuses
        self.port = self._listener.getsockname()[1]
        self._passed_on: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        stop_serving(self._listener, self._passed_on)
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _peer = self._listener.accept()
            except OSError:
                return
            with client:
                client.recv(1)
                if self._refuses:
                    self._refuses -= 1
                    continue
                # The first byte is gone already, so it is given back.
                with socket.create_connection(("127.0.0.1", self._upstream)) as upstream:
                    upstream.sendall(b"\x16")
                    self._passed_on.append(client)
                    back = threading.Thread(target=_pump, args=(upstream, client))
                    back.start()
                    _pump(client, upstream)
                    back.join()


@pytest.mark.parametrize("module", ["hatci_health", "hatci_create_event"])
def test_a_balancer_that_drops_the_handshake_is_no_refusal(start_tls: StartSums, ca_path: str, module: str) -> None:
    """That is how SUMS looks while it restarts; a long wait must not end by it."""
    sums = start_tls()
    doorman = Doorman(sums.port, refuses=2)
    try:
        url = f"https://127.0.0.1:{doorman.port}"
        result = run_module(module, url, ca_path=ca_path, retry_timeout=30.0)
    finally:
        doorman.close()

    if module == "hatci_health":
        assert not result.get("failed"), result["msg"]
    else:
        assert is_unknown(result)
        assert sums.requests() == []


def test_a_restart_does_not_end_a_wait(start_tls: StartSums, ca_path: str) -> None:
    sums = start_tls()
    sums.add_fault(kind="replace", path="/deployments/d", body={"state": "COMPLETE"}, times=0)
    doorman = Doorman(sums.port, refuses=3)
    try:
        url = f"https://127.0.0.1:{doorman.port}"
        wait = {"deployment_id": "d", "wait": True, "poll_interval": 0.05, "wait_timeout": 60.0}
        result = run_module("hatci_update_status", url, wait, ca_path=ca_path)
    finally:
        doorman.close()

    assert result.get("state") == "COMPLETE", result["msg"]


class Proxy:
    """A proxy on loopback: CONNECT and plain requests. It notes what it was asked for, and every byte in clear."""

    def __init__(self, refusal: bytes | None = None) -> None:
        self.asked: list[str] = []
        self.heard = b""
        self._refusal = refusal
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._serve)]
        self._sockets: list[socket.socket] = []
        self._threads[0].start()

    def close(self) -> None:
        stop_serving(self._listener, self._sockets)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _peer = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            thread = threading.Thread(target=self._handle, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _handle(self, client: socket.socket) -> None:
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (piece := client.recv(65536)):
                    return
                head += piece
            self.heard += head
            method, target, _version = head.split(b"\r\n")[0].decode().split(" ")
            self.asked.append(f"{method} {target}")
            if self._refusal:
                client.sendall(self._refusal)
                client.close()
                return
            if method == "CONNECT":
                host, _sign, port = target.rpartition(":")
                upstream = socket.create_connection((host, int(port)))
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                url = urlsplit(target)
                upstream = socket.create_connection((url.hostname or "", url.port or 80))
                upstream.sendall(head.replace(target.encode(), url.path.encode(), 1))
            self._sockets.append(upstream)
            back = threading.Thread(target=_pump, args=(upstream, client))
            back.start()
            _pump(client, upstream)
            back.join()
        except OSError:
            client.close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Return a proxy that lets everything through."""
    started = Proxy()
    yield started
    started.close()


def test_a_proxy_of_the_environment(
    start_tls: StartSums, ca_path: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = start_tls()
    monkeypatch.setenv("https_proxy", proxy.url)

    assert not run_module("hatci_health", sums.url, ca_path=ca_path).get("failed")
    assert proxy.asked == [f"CONNECT 127.0.0.1:{sums.port}"]
    assert TOKEN.encode() not in proxy.heard

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert not run_module("hatci_health", sums.url, ca_path=ca_path).get("failed")
    assert len(proxy.asked) == 1


def test_a_proxy_for_plain_http(sums: SumsProcess, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)

    assert not run_module("hatci_create_event", sums.url).get("failed")
    assert proxy.asked == [f"POST {sums.url}/api/v1/events"]


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"])
@pytest.mark.parametrize("module", ["hatci_health", "hatci_create_event"])
def test_a_proxy_that_refuses(
    start_tls: StartSums, ca_path: str, monkeypatch: pytest.MonkeyPatch, status: str, module: str
) -> None:
    sums = start_tls()
    refusing = Proxy(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
    monkeypatch.setenv("HTTPS_PROXY", refusing.url)

    result = run_module(module, sums.url, ca_path=ca_path)
    refusing.close()

    assert_tls_failure(result, "proxy", status.partition(" ")[0], "HTTPS_PROXY")
    assert sums.requests() == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://proxy.invalid:3128", "nonsense", "http://["])
@pytest.mark.parametrize("module", ["hatci_health", "hatci_create_event"])
def test_a_proxy_that_is_not_there(
    start_tls: StartSums, ca_path: str, monkeypatch: pytest.MonkeyPatch, address: str, module: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)

    result = run_module(module, start_tls().url, ca_path=ca_path)

    assert_tls_failure(result, "proxy", "HTTPS_PROXY")


def test_a_password_of_the_proxy_is_not_shown(
    start_tls: StartSums, ca_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host in ("127.0.0.1:9", "proxy.invalid", "["):
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:canary@{host}")

        assert "canary" not in str(run_module("hatci_health", start_tls().url, ca_path=ca_path))
