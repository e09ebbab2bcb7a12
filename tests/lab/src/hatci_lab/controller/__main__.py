# SPDX-License-Identifier: GPL-3.0-or-later
"""``hatci-lab-controller``: one process, one line of JSON on stdout when it is ready."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from hatci_lab.controller.app import App, Settings


def _settings() -> Settings:
    parser = argparse.ArgumentParser(prog="hatci-lab-controller", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True, help="configs, keys and state; kept over restarts")
    parser.add_argument("--clients", default="alice,bob", help="names, comma separated")
    parser.add_argument("--port", type=int, default=0, help="gRPC port, 0 for a free one")
    parser.add_argument("--admin-port", type=int, default=0, help="admin HTTP port, 0 for a free one")
    parser.add_argument(
        "--offline-after", type=float, default=60.0, help="seconds until a silent exporter counts as offline"
    )
    parser.add_argument(
        "--serve-after", type=float, default=0.0, help="seconds for which a controller that was started again is deaf"
    )
    options = parser.parse_args()
    return Settings(
        directory=options.dir.resolve(),
        clients=tuple(options.clients.split(",")),
        port=options.port,
        admin_port=options.admin_port,
        offline_after=options.offline_after,
        serve_after=options.serve_after,
    )


async def _run(settings: Settings) -> None:
    await App(settings).run()


def main() -> None:
    asyncio.run(_run(_settings()))


if __name__ == "__main__":
    main()
