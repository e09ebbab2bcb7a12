# SPDX-License-Identifier: GPL-3.0-or-later
"""The one look at the controller before a test: what stands in the way is named."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.errors import JmpFailed
from ansible_collections.hatci.automation.plugins.module_utils._jumpstarter.operations import info

REFUSED = "jmp get failed: failed to connect to all addresses; last error: ipv4:127.0.0.1:1: Connection refused"


class Unreached:
    """A controller that is asked through a proxy which is not there."""

    def __init__(self, said: str = f"{REFUSED}.") -> None:
        self.said = said

    def ask(self, _seconds: float) -> None:
        raise JmpFailed(self.said, words=self.said)


def test_a_question_keeps_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    with pytest.raises(JmpFailed) as failure:
        info._ask_controller(t.cast("t.Any", Unreached("jmp said nothing. Is its address right?")), "grpc.lab:8082")
    assert "Is its address right? The environment sends it" in failure.value.message


@pytest.mark.parametrize("proxies", [(), ("https_proxy", "HTTPS_PROXY")])
def test_the_endpoint_and_the_proxy_in_between_are_named(
    proxies: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in info.PROXIES:
        monkeypatch.delenv(name, raising=False)
    for name in proxies:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with pytest.raises(JmpFailed) as failure:
        info._ask_controller(t.cast("t.Any", Unreached()), "grpc.lab:8082")
    said = failure.value.message
    assert said.startswith("The Jumpstarter controller at grpc.lab:8082 is of no use now: ")
    assert said.endswith(" through a proxy (https_proxy, HTTPS_PROXY); see no_proxy." if proxies else "refused.")
