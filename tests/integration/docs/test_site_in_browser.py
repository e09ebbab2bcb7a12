# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of the documentation in a real browser: on a phone and a desk, without a network."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import chromium_support
import pytest
from play_support import REPOSITORY

DOCS = REPOSITORY / ".venvs/docs"
HTML = REPOSITORY / ".cache/docs/html"
SAMPLES = ("index.html", "docs/*.html", "CHANGELOG.html", "collections/index.html", "collections/hatci_*_module.html")
LOADED = (r'<(?:script|img|iframe)\b[^>]*\ssrc="([^"]+)', r'<link\b(?=[^>]*stylesheet)[^>]*\shref="([^"]+)')
"""What a browser loads for a page."""
WIDTHS = (320, 1280)
BOX = ".content"
"""What scrolls in the place of the page in this theme, which hides what is beside it; code and tables scroll alone."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium_support.PROGRAM is None, reason="there is no Chromium, so the site was not looked at"),
    pytest.mark.skipif(not (DOCS / ".ready").exists(), reason="make docs was not run here, which sets up .venvs/docs"),
]


def hosts_loaded_from(page: Path) -> list[str]:
    """Return the addresses from which a page loads scripts, pictures and styles, unless they lie beside it."""
    text = page.read_text(encoding="utf-8")
    return [address for kind in LOADED for address in re.findall(kind, text) if re.match(r"(\w+:)?//", address)]


def test_the_site_fits_any_window_and_needs_no_network(tmp_path: Path) -> None:
    """One test, since the site is made once."""
    made = subprocess.run(
        [DOCS / "bin/python", REPOSITORY / "dev/docs/build.py"], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout
    pages = sorted({page for sample in SAMPLES for page in HTML.glob(sample)})
    assert len(pages) > 20
    browser = chromium_support.Chromium(tmp_path)
    try:
        found = []
        for width in WIDTHS:
            sizes = browser.widths(pages, width, HTML / "frame.html", BOX)
            wide = [page for page, (needed, there) in zip(pages, sizes, strict=True) if not needed <= there <= width]
            found += [f"{page.name} scrolls sideways at {width} px" for page in wide]
            for page in (HTML / "index.html", HTML / "docs/EVIDENCE.html"):
                found += [f"{page.name} at {width} px: {said}" for said in browser.complaints(page, width)]
        assert found == []
        assert not [address for page in HTML.rglob("*.html") for address in hosts_loaded_from(page)]
        text = "".join(page.read_text(encoding="utf-8") for page in pages)
        # A browser has addresses of its own, which it asks whatever it shows.
        assert not {host for host in browser.asked if host in text}
    finally:
        browser.close()
