# SPDX-License-Identifier: GPL-3.0-or-later
"""The blocks of a page that readers copy."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from play_support import REPOSITORY

BLOCK = re.compile(r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.M)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block, and the mark on the line before it, which readers do not see."""

    page: Path
    line: int
    language: str
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in their order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["language"], found["mark"] or "", found["text"])
        for found in BLOCK.finditer(text)
    ]
