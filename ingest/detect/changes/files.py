"""Configuration files: a hash of each, and when it was written. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ingest.detect.changes.happened import Happened, Version, Versions, changed, dated
from kgraph.schema import SourceError

MOST = 2_000  # files of one machine
LARGEST = "1024k"  # what is larger is no configuration
_SHOWN = 8  # digits of a hash that people are shown


def times_of(paths: tuple[str, ...]) -> list[str]:
    """Return the command that prints `SECONDS PATH` of each file."""
    return [*_find(paths), "-printf", "%T@ %p\\n"]


def hashes_of(paths: tuple[str, ...]) -> list[str]:
    """Return the command that prints `SHA256  PATH` of each file."""
    return [*_find(paths), "-exec", "sha256sum", "{}", "+"]


def _find(paths: tuple[str, ...]) -> list[str]:
    hidden = ("(", "-name", "*.swp", "-o", "-name", "*~", "-o", "-name", ".git", ")", "-prune")
    return [
        "find",
        "-L",
        *paths,
        "-maxdepth",
        "6",
        *hidden,
        "-o",
        "-type",
        "f",
        "-size",
        f"-{LARGEST}",
    ]


def files(times: str, hashes: str, where: str) -> Versions:
    """Read what the two commands print.

    A file that came or went between the two is left out: the next look tells.

    Raises:
        SourceError: it is something else, or there are too many.
    """
    since = {}
    for line in filter(None, times.split("\n")):  # a name may hold other ends of lines
        seconds, _, path = line.partition(" ")
        try:
            since[path] = float(seconds)
        except ValueError:
            what = f"{line[:60]!r} is no time and path"
            raise SourceError(what, where=where, mend="is it GNU find?") from None
    if len(since) > MOST:
        what = f"{len(since)} files, more than {MOST}"
        raise SourceError(what, where=where, mend="name the folders that matter")
    found = {}
    for line in hashes.split("\n"):
        # A backslash in front: there is one in the path, too. Nobody configures that.
        digest, _, path = line.partition("  ")
        if path in since and len(digest) == 64:
            found[path] = Version(digest, since[path])
    return found


def files_changed(
    before: Versions | None, after: Versions | None, seen: datetime, last: datetime | None
) -> Iterator[Happened]:
    """Yield what was written, made and removed; a new date alone is no change."""
    for path, was, is_ in changed(before, after):
        at = dated(is_.since if is_ else 0.0, seen, last)
        if was is None:
            detail = f"{path} is new"
        elif is_ is None:
            detail = f"{path} was removed"
        else:
            detail = f"{path} {was.version[:_SHOWN]} -> {is_.version[:_SHOWN]}"
        yield Happened("config", path, at, detail)
