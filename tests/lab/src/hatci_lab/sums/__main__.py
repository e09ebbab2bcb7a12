# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the SUMS simulator: `hatci-lab-sums` or `python -m hatci_lab.sums`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from hatci_lab.sums.server import Settings, serve

TOKEN_VARIABLE = "HATCI_LAB_TOKEN"
DEFAULT_TOKEN = "lab-token"


def _base_path(text: str) -> str:
    path = text.rstrip("/")
    if path and not path.startswith("/"):
        raise argparse.ArgumentTypeError("must be empty or begin with /")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(prog="hatci-lab-sums", description="Serve a simulated HATCI SUMS backend.")
    parser.add_argument("--db", type=Path, required=True, help="SQLite file; kept, so a restart finds its records")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument(
        "--token",
        default=os.environ.get(TOKEN_VARIABLE, DEFAULT_TOKEN),
        help=f"bearer token; better given in {TOKEN_VARIABLE}, which other users cannot see",
    )
    parser.add_argument("--update-seconds", type=float, default=3.0, help="how long a deployment takes")
    parser.add_argument("--base-path", type=_base_path, default="", help="serve below this path, such as /sums")
    parser.add_argument("--certfile", type=Path, help="serve TLS with this certificate chain")
    parser.add_argument("--keyfile", type=Path, help="private key of --certfile")
    parser.add_argument("--client-ca", type=Path, help="demand client certificates signed by this CA")
    serve(Settings(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
