# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever installs the tarball and follows the README gets what it promises, without a checkout."""

from __future__ import annotations

from pathlib import Path

from docs_support import FILE, Reader, blocks_of
from play_support import NEW, OLD, REPOSITORY, VIN

from hatci_lab.sums.process import SumsProcess


def test_the_first_use_by_the_readme_alone_leaves_two_fixed_events(
    reader: Reader, sums: SumsProcess, tarball: Path
) -> None:
    blocks = blocks_of(REPOSITORY / "README.md")
    (request,) = [block for block in blocks if block.mark.startswith(FILE)]
    commands = blocks[blocks.index(request) + 1]

    reader.install(tarball)
    reader.save(request)
    reader.run(commands.text)

    state = sums.state()
    assert [(event["update_type"], event["vin"], event["ecus"], event["fixed"]) for event in state["events"]] == [
        ("RROM", VIN, OLD, True),
        ("UROM", VIN, NEW, True),
    ]
    assert not state["deployments"] and not state["test_events"]
