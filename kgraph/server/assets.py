"""The built page, read once: its files as they are sent, and what tells that it is missing."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
INDEX = "index.html"
_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_HASHED = re.compile(r"-[0-9A-Z]{8}\.\w+$")  # as esbuild names what it makes
MISSING = "the page was not built: `make page` builds it, then start `kgraph serve` again"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page.

    Attributes:
        packed: the content, gzipped.
        lasting: whether its name changes with its content, so that a browser may keep it.
    """

    content: bytes
    packed: bytes
    type: str
    tag: str
    lasting: bool


def read(folder: Path) -> Mapping[str, Asset]:
    """Return the files of a built page by name; none where it was not built, or not to its end."""
    if not (folder / INDEX).is_file():
        return {}
    return {
        path.name: _asset(path)
        for path in sorted(folder.iterdir())
        if path.is_file() and path.suffix in _TYPES
    }


@lru_cache(maxsize=64)  # more than a page has: who makes several applications packs it once
def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(
        content,
        _packed(content),
        _TYPES[path.suffix],
        f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        bool(_HASHED.search(path.name)),
    )
