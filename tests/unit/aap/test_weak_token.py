# SPDX-License-Identifier: GPL-3.0-or-later
"""A token that does not see every job is refused, since AAP answers it with an empty list instead."""

from __future__ import annotations

import pytest

from ansible_collections.hatci.automation.plugins.module_utils._aap.jobs import AapError, ask_running_jobs
from hatci_lab.aap.process import AapProcess


def test_only_who_sees_every_job_can_say_which_run(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with AapProcess(tmp_path_factory.mktemp("aap") / "aap.log") as aap:
        aap.put_job(41, name="T", status="running")
        aap.put_user("weak", "erika")
        aap.put_user("strong", "root", is_superuser=True)
        for name, value in aap.environment.items():
            monkeypatch.setenv(name, value)
        assert ask_running_jobs() == {"41"}
        monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", "strong")
        assert ask_running_jobs() == {"41"}
        monkeypatch.setenv("CONTROLLER_OAUTH_TOKEN", "weak")
        with pytest.raises(AapError, match=r"give the token of a system auditor\. No lease was released"):
            ask_running_jobs()
