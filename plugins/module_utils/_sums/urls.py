# Copyright: The hatci.automation maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where SUMS points to, and whether the token may follow."""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from ansible_collections.hatci.automation.plugins.module_utils._text import one_line


def resolve_page_url(first: SplitResult, link: str) -> SplitResult | None:
    """Return where a link on a list's page leads; None if that is not below the same API of the same server."""
    try:
        target = urlsplit(urljoin(first.geturl(), link))
        same = _origin(target) == _origin(first) and "@" not in target.netloc
    except ValueError:
        return None
    folder = first.path.rpartition("/")[0] + "/"
    plain = not {".", ".."} & set(unquote(target.path).replace("\\", "/").split("/"))
    if not (same and plain and target.path.startswith(folder)):
        return None
    return target._replace(netloc=first.netloc, fragment="")


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or {"http": 80, "https": 443}.get(url.scheme)


def destination_of(url: str, location: str) -> str:
    """Return where a redirect from a URL leads, in words."""
    try:
        target = urlsplit(urljoin(url, location))
        return one_line(f"a redirect to {target.scheme}://{target.hostname or 'nowhere'}")
    except ValueError:
        return "a redirect to nowhere"
