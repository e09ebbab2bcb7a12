# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking AAP which jobs run: every page, nothing guessed, and the token stays with AAP."""

from __future__ import annotations

import ssl
import typing as t
from pathlib import Path

import pytest
import requests
import responses
import trustme
from scripted_backend import RawBackend, drip, send

from ansible_collections.hatci.automation.plugins.module_utils._aap import jobs
from ansible_collections.hatci.automation.plugins.module_utils._aap.jobs import AapError, ask_running_jobs

AAP = "https://aap.example.com"
ROOT = f"{AAP}/api/v2/"
JOBS = f"{ROOT}unified_jobs/"


@pytest.fixture
def aap(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[responses.RequestsMock]:
    """Return an AAP that has an API and whatever a test adds."""
    monkeypatch.setenv("CONTROLLER_HOST", AAP)
    monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", "canary")
    monkeypatch.setattr(jobs, "RETRY_SECONDS", 0.0)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(ROOT, json={})
        yield mock


def test_every_page_is_read(aap: responses.RequestsMock) -> None:
    aap.get(JOBS, json={"results": [{"id": 1}], "next": "/api/v2/unified_jobs/?page=2"})
    aap.get(
        JOBS, json={"results": [{"id": 2}], "next": None}, match=[responses.matchers.query_param_matcher({"page": 2})]
    )
    assert ask_running_jobs() == {"1", "2"}
    assert {call.request.headers["Authorization"] for call in aap.calls} == {"Bearer canary"}


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example.com/api",
        "//elsewhere.example.com/api",
        "http://aap.example.com/api",
        AAP + ":8443/api",
    ],
)
def test_a_link_to_another_server_is_not_followed(aap: responses.RequestsMock, link: str) -> None:
    aap.get(JOBS, json={"results": [], "next": link})
    with pytest.raises(AapError, match="a link to another server; no lease was released"):
        ask_running_jobs()
    assert all(str(call.request.url).startswith(f"{AAP}/") for call in aap.calls)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"json": {"results": None, "next": None}}, "without a list of jobs"),
        ({"json": [1]}, "without a list of jobs"),
        ({"body": "<html>"}, "gave no answer"),
        ({"status": 401}, "answered 401; check CONTROLLER_OAUTH_TOKEN"),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example.com"}}, "answered 302"),
        ({"body": requests.ConnectionError("refused")}, r"gave no answer \(ConnectionError\)"),
        ({"json": {"results": [{"id": 1}], "next": JOBS}}, "without end"),
    ],
)
def test_what_is_not_known_releases_nothing(aap: responses.RequestsMock, answer: dict[str, t.Any], words: str) -> None:
    aap.get(JOBS, **answer)
    with pytest.raises(AapError, match=words) as failure:
        ask_running_jobs()
    assert "o lease was released" in failure.value.message
    assert "canary" not in failure.value.message


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (302, "check that CONTROLLER_HOST is the address of AAP itself."),
        (401, "check CONTROLLER_OAUTH_TOKEN."),
        (403, "the user of CONTROLLER_OAUTH_TOKEN may not see this; give the token of a system auditor."),
        (429, "it is busy or has failed, so run this again later."),
        (503, "it is busy or has failed, so run this again later."),
    ],
)
def test_a_refusal_says_what_was_asked_and_what_to_do(aap: responses.RequestsMock, status: int, advice: str) -> None:
    aap.get(JOBS, status=status)
    with pytest.raises(AapError) as failure:
        ask_running_jobs()
    result = failure.value.as_result()
    path = "/api/v2/unified_jobs/?status__in=new,pending,waiting,running&page_size=200"
    assert (result["method"], result["path"], result["status"]) == ("GET", path, status)
    assert result["msg"] == f"GET {AAP}{path}: AAP answered {status}; {advice} No lease was released."


def test_a_request_without_an_answer_is_told_too(aap: responses.RequestsMock) -> None:
    aap.get(JOBS, body=requests.ConnectionError("refused"))
    with pytest.raises(AapError) as failure:
        ask_running_jobs()
    result = failure.value.as_result()
    assert (result["method"], result["path"].partition("?")[0], result["status"]) == (
        "GET",
        "/api/v2/unified_jobs/",
        None,
    )


def test_an_api_behind_the_gateway_is_found(aap: responses.RequestsMock) -> None:
    aap.replace(responses.GET, ROOT, status=404)
    aap.get(f"{AAP}/api/controller/v2/", json={})
    aap.get(f"{AAP}/api/controller/v2/unified_jobs/", json={"results": [{"id": 7}], "next": None})
    assert ask_running_jobs() == {"7"}


@pytest.mark.parametrize(
    "page",
    [
        {"results": {}, "next": None},
        {"results": "", "next": None},
        {"results": [{"id": None}], "next": None},
        {"results": [{"id": "7 "}], "next": None},
        {"results": [{}], "next": None},
        {"results": [], "next": "http://["},
        {"results": [], "next": ["x"]},
        {"results": []},
        [],
    ],
)
def test_a_page_that_cannot_be_read_is_no_page_without_jobs(aap: responses.RequestsMock, page: t.Any) -> None:
    aap.get(JOBS, json=page)
    with pytest.raises(AapError, match="answered without a list of jobs; no lease was released"):
        ask_running_jobs()


@pytest.mark.parametrize("body", ["[" * 5000, '{"results": NaN}', "<html>", ""])
def test_an_answer_that_is_no_json_is_told(aap: responses.RequestsMock, body: str) -> None:
    aap.get(JOBS, body=body)
    with pytest.raises(AapError, match=r"AAP gave no answer .* No lease was released"):
        ask_running_jobs()


@pytest.mark.parametrize(
    "host", ["http://[", "ftp://aap.example.com", "http://", " ", "https://user:canary@aap.example.com"]
)
@pytest.mark.usefixtures("aap")
def test_a_host_that_is_not_an_address_is_told(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("CONTROLLER_HOST", host)
    with pytest.raises(
        AapError, match="CONTROLLER_HOST is not a valid address of a server; give https://HOST"
    ) as caught:
        ask_running_jobs()
    assert "canary" not in caught.value.message


@pytest.fixture
def tls_aap(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[RawBackend]:
    """Return an AAP on this machine whose certificate nobody vouches for, and no bundle of the environment."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "CONTROLLER_VERIFY_SSL"):
        monkeypatch.delenv(name, raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    body = b'{"results": [{"id": 7}], "next": null}'
    served = RawBackend(send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body), context)
    monkeypatch.setenv("CONTROLLER_HOST", served.url)
    monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", "canary")
    yield served
    served.close()


@pytest.mark.parametrize("verify", [None, "true", "TRUE", "1", "yes", "on", "", "flase"])
def test_the_certificate_of_aap_is_verified_and_the_token_stays_here(
    tls_aap: RawBackend, monkeypatch: pytest.MonkeyPatch, verify: str | None
) -> None:
    if verify is not None:
        monkeypatch.setenv("CONTROLLER_VERIFY_SSL", verify)

    with pytest.raises(AapError, match=r"AAP gave no answer \(SSLError\). No lease was released"):
        ask_running_jobs()
    assert tls_aap.heads == []


@pytest.mark.parametrize("verify", ["false", "False", "0", "no", "off", " false "])
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_the_certificate_of_aap_is_not_verified_where_the_environment_says_so(
    tls_aap: RawBackend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verify: str
) -> None:
    """A bundle in the environment does not turn it on again, and no netrc replaces the token."""
    stranger, netrc = tmp_path / "stranger.pem", tmp_path / "netrc"
    trustme.CA().cert_pem.write_to_path(stranger)
    netrc.write_text("default login eve password evil\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger))
    monkeypatch.setenv("CONTROLLER_VERIFY_SSL", verify)

    assert ask_running_jobs() == {"7"}
    assert all(b"Authorization: Bearer canary\r\n" in head for head in tls_aap.heads)


def test_a_private_authority_is_trusted_where_the_environment_names_its_bundle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.delenv("CONTROLLER_VERIFY_SSL", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", "canary")
    served = RawBackend(send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), context)
    monkeypatch.setenv("CONTROLLER_HOST", served.url)

    with pytest.raises(AapError, match="where there is no API of AAP"):
        ask_running_jobs()
    served.close()


def test_an_aap_that_drips_its_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    served = RawBackend(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b" "))
    monkeypatch.setattr(jobs, "WHOLE_TIMEOUT", 0.3)
    monkeypatch.setenv("CONTROLLER_HOST", served.url)
    monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", "canary")

    with pytest.raises(AapError, match=r"AAP gave no answer \(AnswerTooSlow\)"):
        ask_running_jobs()
    served.close()
