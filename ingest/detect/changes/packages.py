"""Packages: which version of each is installed, since when. dpkg and rpm say both. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ingest.detect.changes.happened import Happened, Version, Versions, changed, dated
from kgraph.schema import SourceError

DPKG = (
    "dpkg-query",
    "--show",
    "--showformat=${Package}\\t${Version}\\t${db:Status-Abbrev}\\t${db-fsys:Last-Modified}\\n",
)
RPM = ("rpm", "-qa", "--queryformat", "%{NAME}\\t%{VERSION}-%{RELEASE}\\tii\\t%{INSTALLTIME}\\n")
MANY = 20  # at once, they are one change: an upgrade of everything


def packages(text: str, where: str) -> Versions:
    """Read what `DPKG` or `RPM` prints.

    Raises:
        SourceError: it is something else, or nothing.
    """
    found: dict[str, Version] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.split("\t")
        if len(parts) != 4:
            what = f"line {number} is no package: {line[:60]!r}"
            raise SourceError(what, where=where, mend="dpkg 1.19.3 or rpm is needed")
        name, version, status, since = parts
        if status.strip().startswith("i"):
            told = Version(version, float(since) if since.isdigit() else 0.0)
            found[name] = _both(found[name], told) if name in found else told
    if not found:  # a machine without any is none: everything would pass for removed
        raise SourceError("no package is told of", where=where, mend="is it that tool's machine?")
    return found


def _both(one: Version, other: Version) -> Version:
    """Return what is installed twice, as kernels are, and libraries for two architectures.

    The order in which a tool tells of them is no change.
    """
    versions = sorted({*one.version.split(", "), other.version})
    return Version(", ".join(versions), max(one.since, other.since))


def packages_changed(
    before: Versions | None, after: Versions | None, seen: datetime, last: datetime | None
) -> Iterator[Happened]:
    """Yield what was installed, upgraded and removed; very many at once are one change."""
    rows = changed(before, after)
    for name, was, is_ in rows[:MANY]:
        at = dated(is_.since if is_ else 0.0, seen, last)
        yield Happened("package", name, at, f"{name} {_word(was)} -> {_word(is_)}")
    if len(rows) > MANY:
        yield Happened("package", "", seen, f"and {len(rows) - MANY} more packages")


def _word(version: Version | None) -> str:
    return version.version if version else "none"
