# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulator as a process: starting, stopping, outages, TLS, base path."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest
import requests
import trustme

from hatci_lab.sums.process import SumsProcess, TlsFiles


def test_it_stops_what_it_started(tmp_path: Path) -> None:
    with SumsProcess(db=tmp_path / "sums.db") as sums:
        child = psutil.Process(sums.pid)
        assert sums.api("GET", "/health").json() == {"status": "ok"}

    assert not child.is_running()
    assert sums.log.read_text() == ""


def test_a_hanging_client_does_not_hold_it_up(tmp_path: Path) -> None:
    sums = SumsProcess(db=tmp_path / "sums.db").start()
    sums.add_fault(kind="hang")
    with socket.create_connection(("127.0.0.1", sums.port)) as client:
        client.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        while not sums.requests():
            pass
        child = psutil.Process(sums.pid)

        sums.stop()

    assert not child.is_running()


def test_an_outage_refuses_connections_until_it_is_over(tmp_path: Path) -> None:
    with SumsProcess(db=tmp_path / "sums.db") as sums:
        url = sums.url
        sums.stop()
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5)

        sums.start()
        assert (sums.url, sums.api("GET", "/health").status_code) == (url, 200)
        assert sums.restart().url == url


def test_it_says_why_it_did_not_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match="already in use"):
            SumsProcess(db=tmp_path / "sums.db", port=port).start()


def test_the_token_is_not_in_the_command_line(tmp_path: Path) -> None:
    with SumsProcess(db=tmp_path / "sums.db", token="canary-token") as sums:
        assert "canary-token" not in " ".join(psutil.Process(sums.pid).cmdline())
        assert sums.api("GET", "/health").status_code == 200


def test_it_can_live_under_a_base_path(tmp_path: Path) -> None:
    with SumsProcess(db=tmp_path / "sums.db", base_path="/sums") as sums:
        assert sums.url.endswith("/sums")
        assert sums.api("GET", "/health").status_code == 200
        assert [entry["call"] for entry in sums.requests()] == ["/health"]
        outside = requests.get(sums.url.removesuffix("/sums") + "/api/v1/health", timeout=5)
        assert (outside.status_code, "/sums/" in outside.json()["error"]) == (404, True)


def test_the_next_page_stays_under_the_base_path(tmp_path: Path) -> None:
    with SumsProcess(db=tmp_path / "sums.db", base_path="/sums") as sums:
        sums.set_vehicle("A")
        sums.set_vehicle("B")

        following = sums.api("GET", "/vehicles?page_size=1").json()["next"]

        assert following.startswith(f"{sums.url}/api/v1/vehicles?")


def test_it_listens_on_ipv6(tmp_path: Path) -> None:
    with SumsProcess(db=tmp_path / "sums.db", host="::1") as sums:
        assert sums.url.startswith("http://[::1]:")
        assert sums.api("GET", "/health").status_code == 200


def test_tls_can_demand_a_client_certificate(tmp_path: Path) -> None:
    ca, client_ca = trustme.CA(), trustme.CA()
    server, client = ca.issue_cert("127.0.0.1"), client_ca.issue_cert("bench@example.com")
    names = ("server.pem", "server.key", "ca.pem", "client-ca.pem", "client.pem", "client.key")
    server_pem, server_key, ca_pem, client_ca_pem, client_pem, client_key = (tmp_path / name for name in names)
    server_pem.write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
    server_key.write_bytes(server.private_key_pem.bytes())
    ca.cert_pem.write_to_path(str(ca_pem))
    client_ca.cert_pem.write_to_path(str(client_ca_pem))
    client_pem.write_bytes(client.cert_chain_pems[0].bytes())
    client_key.write_bytes(client.private_key_pem.bytes())
    tls = TlsFiles(server_pem, server_key, ca_pem, client_ca_pem, (client_pem, client_key))

    with SumsProcess(db=tmp_path / "sums.db", tls=tls) as sums:
        assert sums.url.startswith("https://")
        assert sums.api("GET", "/health").status_code == 200
        sums.add_fault(kind="drop_before")
        with pytest.raises(requests.ConnectionError):
            sums.api("GET", "/health")
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(f"{sums.url}/api/v1/health", verify=str(ca_pem), timeout=5)
