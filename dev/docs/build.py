# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the site of the documentation in .cache/docs/html: the pages of docs/ and one of each plugin and role.

Run with the Python of .venvs/docs; `make docs` does. Any warning fails. It needs no network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "dev"))

from checkout import checkout  # noqa: E402

CACHE = REPOSITORY / ".cache"
ROOT = CACHE / "checkout/docs"
SOURCE = CACHE / "docs/source"
HTML = CACHE / "docs/html"
BIN = Path(sys.executable).parent
NAME = "hatci.automation"

CONTENTS = """
```{{toctree}}
:hidden:
:caption: Guides

{guides}
```

```{{toctree}}
:hidden:
:caption: Reference

collections/index
Changes <CHANGELOG>
```

```{{toctree}}
:hidden:
:caption: Project

CONTRIBUTING
SECURITY
```
"""
FIRST = ("GETTING_STARTED", "VEHICLE", "SCENARIOS", "EVIDENCE", "RELIABILITY", "TROUBLESHOOTING", "AAP", "CAMPAIGNS")
"""The order of the guides; what is not named here comes after them."""


def lay_out(copy: Path) -> None:
    """Put together what Sphinx reads, in the layout of the repository, so that links between pages hold."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    shutil.copytree(copy / "docs", SOURCE / "docs")
    for page in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
        shutil.copy2(copy / page, SOURCE)
    pages = {page.stem for page in (SOURCE / "docs").glob("*.md")}
    guides = [f"docs/{page}" for page in [*FIRST, *sorted(pages - set(FIRST))]]
    readme = (copy / "README.md").read_text(encoding="utf-8")
    (SOURCE / "index.md").write_text(readme + CONTENTS.format(guides="\n".join(guides)), encoding="utf-8")
    (SOURCE / "_static").mkdir()
    shutil.copy2(copy / "dev/docs/site.css", SOURCE / "_static")
    shutil.copy2(copy / "dev/docs/conf.py", SOURCE)
    (SOURCE / "collections").mkdir(mode=0o700)


def commands() -> list[list[str]]:
    """Return what makes the pages of the plugins, and what makes the site of all."""
    antsibull = [str(BIN / "antsibull-docs"), "collection", "--use-current", "--squash-hierarchy", "--fail-on-error"]
    return [
        [*antsibull, "--dest-dir", str(SOURCE / "collections"), NAME],
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", str(SOURCE), str(HTML)],
    ]


def main() -> int:
    """Return 0 if there was no warning."""
    lay_out(checkout(ROOT))
    shutil.rmtree(HTML, ignore_errors=True)
    environment = os.environ | {
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT),
        "ANSIBLE_HOME": str(CACHE / "ansible"),
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    for command in commands():
        done = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode:
            print(done.stdout.strip())
            print("The documentation cannot be made without a warning; it is above.")
            return 1
    print(f"The documentation is in {HTML}/index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
