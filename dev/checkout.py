# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy what git knows of this repository to ROOT/ansible_collections, the companion included.

Ansible's tools want to see a collection at that path, and the symlinks under .cache/collections
lead those that follow links round in circles.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
COLLECTION = Path("ansible_collections/hatci/automation")


def checkout(root: Path) -> Path:
    """Replace the copy under root and return its path."""
    copy = root / COLLECTION
    shutil.rmtree(root, ignore_errors=True)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    names = subprocess.run(listing, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in filter(None, names.split("\0")):
        source = REPOSITORY / name
        if source.is_symlink() or source.exists():
            targets = [copy / name]
            if name.startswith("companion/"):
                targets.append(root / "ansible_collections/jumpstarter" / name.removeprefix("companion/"))
            for target in targets:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
    return copy


if __name__ == "__main__":
    checkout(Path(sys.argv[1]))
