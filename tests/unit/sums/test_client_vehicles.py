# SPDX-License-Identifier: GPL-3.0-or-later
"""Listing vehicles, in every shape the list may have, without ever leaving this SUMS."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from scripted_backend import Backend, Reply, reply_json
from sums_support import TOKEN, assert_is_sentence, client_of

from ansible_collections.hatci.automation.plugins.module_utils._sums import errors, vehicles
from ansible_collections.hatci.automation.plugins.module_utils._sums.vehicles import list_vehicles

ONE, TWO = {"vin": "VIN1", "id": 1}, {"vin": "VIN2"}


def vins(url: str) -> list[str]:
    with client_of(url, retry_timeout=0.0) as client:
        return [one["vin"] for one in list_vehicles(client)]


@pytest.mark.parametrize(
    "answer",
    [
        [ONE, TWO],
        {"vehicles": [ONE, TWO]},
        {"vehicles": [ONE, TWO], "next": None},
        {"vehicles": [ONE, TWO], "next": ""},
        [ONE, {}, {"vin": None}, {"vin": " "}, {"vin": 7}, TWO],
    ],
)
def test_one_page(backend: Backend, answer: t.Any) -> None:
    backend.answers(answer)

    assert vins(backend.url) == ["VIN1", "VIN2"]
    assert backend.calls == ["GET /api/v1/vehicles"]


def test_no_vehicles(backend: Backend) -> None:
    backend.answers([])

    assert vins(backend.url) == []


@pytest.mark.parametrize(
    ("base", "link", "path"),
    [
        ("", "vehicles?page=2", "/api/v1/vehicles?page=2"),
        ("", "/api/v1/vehicles?page=2", "/api/v1/vehicles?page=2"),
        ("", "{url}/api/v1/vehicles?page=2", "/api/v1/vehicles?page=2"),
        ("/sums", "{url}/api/v1/vehicles?page=2", "/sums/api/v1/vehicles?page=2"),
        ("/sums/", "/sums/api/v1/vehicles?page=2", "/sums/api/v1/vehicles?page=2"),
        ("", "?page=2", "/api/v1/vehicles?page=2"),
    ],
)
@pytest.mark.parametrize("in_header", [False, True])
def test_the_next_page(backend: Backend, base: str, link: str, path: str, in_header: bool) -> None:
    target = link.format(url=backend.url + base.rstrip("/"))
    if in_header:
        first = reply_json([ONE], headers={"Link": f'<{target}>; rel="next", </x>; rel="last"'})
    else:
        first = reply_json({"vehicles": [ONE], "next": target})
    backend.replies(first, reply_json([TWO]))

    assert vins(backend.url + base) == ["VIN1", "VIN2"]
    assert backend.calls[1] == f"GET {path}"


def test_a_host_in_capitals_is_the_same_host(backend: Backend) -> None:
    """A backend builds its links from the Host header, which requests sends in small letters."""
    port = backend.url.rpartition(":")[2]
    link = f"http://localhost:{port}/api/v1/vehicles?page=2"
    backend.replies(reply_json({"vehicles": [ONE], "next": link}), reply_json([TWO]))

    assert vins(f"http://LOCALHOST:{port}") == ["VIN1", "VIN2"]


@pytest.mark.parametrize(
    "link",
    [
        "{other}/api/v1/vehicles?page=2",
        "//{other_host}/api/v1/vehicles",
        "https://{host}/api/v1/vehicles",
        "http://{host}@{other_host}/api/v1/vehicles",
        "http://user:password@{host}/api/v1/vehicles",
        "http://{host}.evil.invalid/api/v1/vehicles",
        "http://{host}\\@{other_host}/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://[",
        "http://{host}0/api/v1",
        "/admin",
        "/api/v1/../../admin",
        "{url}/api/v1/../../admin",
        "/api/v1/%2e%2e/%2e%2e/admin",
    ],
)
@pytest.mark.parametrize("in_header", [False, True])
def test_the_token_goes_nowhere_else(backend: Backend, another_backend: Backend, link: str, in_header: bool) -> None:
    target = link.format(
        url=backend.url,
        host=backend.url.removeprefix("http://"),
        other=another_backend.url,
        other_host=another_backend.url.removeprefix("http://"),
    )
    first = reply_json([ONE], headers={"Link": f'<{target}>; rel="next"'}) if in_header else None
    backend.replies(first or reply_json({"vehicles": [ONE], "next": target}), reply_json([TWO]))

    with pytest.raises(errors.SumsError) as caught:
        vins(backend.url)

    assert_is_sentence(caught.value.message)
    assert another_backend.seen == []
    assert all(seen.path.startswith("/api/v1/vehicles") for seen in backend.seen)


@pytest.mark.parametrize("link", [7, True, ["x"], {"href": "x"}])
def test_a_link_that_is_none(backend: Backend, link: t.Any) -> None:
    backend.answers({"vehicles": [ONE], "next": link})

    with pytest.raises(errors.UnreadableAnswer, match="next page"):
        vins(backend.url)


@pytest.mark.parametrize(
    "answer", [{}, [1, 2], [ONE, "VIN2"], [None], {"vehicles": None}, {"vehicles": {}}, None, "x", 7, {"error": "x"}]
)
def test_what_is_not_a_list(backend: Backend, answer: t.Any) -> None:
    backend.answers(answer)

    with pytest.raises(errors.UnreadableAnswer, match="not a list of vehicles") as caught:
        vins(backend.url)
    assert_is_sentence(caught.value.message)


def test_pages_in_a_circle_end(backend: Backend) -> None:
    backend.answers({"vehicles": [ONE], "next": "vehicles?page=2"})

    with pytest.raises(errors.UnreadableAnswer, match="leads back to itself"):
        vins(backend.url)
    assert len(backend.seen) == 2


def test_pages_without_end_end(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vehicles, "MAX_PAGES", 5)
    backend.replies(*(reply_json({"vehicles": [ONE], "next": f"vehicles?page={page}"}) for page in range(2, 50)))

    with pytest.raises(errors.UnreadableAnswer):
        vins(backend.url)
    assert len(backend.seen) <= 7


def test_a_later_page_that_fails_is_named_by_its_path(backend: Backend) -> None:
    link = f"/api/v1/vehicles?page=2&echo={TOKEN}"
    backend.replies(
        Reply(200, b"[]", {"Link": f'<{link}>; rel="next"'}),
        reply_json({"error": "gone"}, 500),
    )

    with pytest.raises(errors.ServerFault, match=r"GET /api/v1/vehicles\?page=2.*SUMS answered 500 \(gone\)") as caught:
        vins(backend.url)
    assert TOKEN not in caught.value.message


def test_a_first_page_that_fails_is_named_by_its_path(backend: Backend) -> None:
    backend.answers({"error": "gone"}, 500)

    with pytest.raises(errors.ServerFault, match=r"GET /api/v1/vehicles: SUMS answered 500"):
        vins(backend.url)


def test_a_list_of_vehicles_without_end_is_given_up(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = itertools.count(2)
    backend.replies(*(reply_json({"vehicles": [ONE, TWO], "next": f"?page={next(pages)}"}) for _page in range(6)))
    monkeypatch.setattr(vehicles, "MAX_VEHICLES", 7)

    with pytest.raises(errors.UnreadableAnswer) as caught:
        vins(backend.url)

    assert_is_sentence(caught.value.message)
    said = "the list of vehicles has no end within 7 vehicles; after 8 of them on 4 pages it is given up"
    assert said in caught.value.message
    assert len(backend.seen) == 4


def test_a_list_of_vehicles_that_comes_slowly_is_given_up(backend: Backend) -> None:
    pages, now = itertools.count(2), itertools.count(0, 250)
    backend.replies(*(reply_json({"vehicles": [ONE], "next": f"?page={next(pages)}"}) for _page in range(6)))

    with (
        client_of(backend.url) as client,
        pytest.raises(errors.UnreadableAnswer, match="has no end within 600 s; after 3"),
    ):
        list(list_vehicles(client, lambda: float(next(now))))

    assert len(backend.seen) == 3
