# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of README and docs that are fenced run as they stand; those that need more are indented."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from docs_support import FILE, RUNNABLE, Block, Reader, blocks_of
from play_support import REPOSITORY

from hatci_lab.sums.process import SumsProcess

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
COMMANDS = [block for page in PAGES for block in blocks_of(page) if block.mark == RUNNABLE]


def files_of(page: Path) -> list[Block]:
    """Return what a page tells its readers to save."""
    return [block for block in blocks_of(page) if block.mark.startswith(FILE)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_marked_is_fenced_and_what_is_fenced_as_commands_is_marked(page: Path) -> None:
    blocks = blocks_of(page)
    marked = [block for block in blocks if block.mark == RUNNABLE or block.mark.startswith(FILE)]
    assert len(marked) == len(re.findall(rf"^<!-- (?:{RUNNABLE}|{FILE})", page.read_text(encoding="utf-8"), re.M))
    assert [block for block in blocks if block.language == "sh"] == [
        block for block in marked if block.mark == RUNNABLE
    ]


@pytest.mark.newest_core
@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_commands_run_as_they_stand(block: Block, reader: Reader, sums: SumsProcess, tarball: Path) -> None:
    if tarball.name in block.text:
        shutil.copy(tarball, reader.directory)
    else:
        reader.install(tarball)
    for file in files_of(block.page):
        reader.save(file)

    reader.run(block.text, HATCI_BASE_URL=sums.url, HATCI_TOKEN=sums.token)
