"""The checks: one explicit list, one module each, loaded when one is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module

from ingest.detect.checks.seen import Seen, Target

Look = Callable[[Target, timedelta], tuple[Seen, ...]]


@dataclass(frozen=True, slots=True)
class Listed:
    """One check: what it looks at, and how its address is written."""

    about: str
    address: str


CHECKS: Mapping[str, Listed] = {
    "ping": Listed("does the machine answer to ICMP echo", "host"),
    "tcp": Listed("does somebody listen there", "host:port"),
    "http": Listed("does it answer, and without a server error", "http://host:port/path"),
    "tls": Listed("is the certificate good, and for how long", "host:port"),
    "dns": Listed("does the name server answer for a name", "server:port/name"),
    "ssh": Listed("does sshd greet, so is the machine's userland alive", "host:port"),
    "disk": Listed("how long does a read take, past the page cache", "/path/of/a/file/or/device"),
}


def look_of(name: str) -> Look:
    """Return how a check looks; KeyError: there is none of that name."""
    if name not in CHECKS:
        raise KeyError(name)
    look: Look = import_module(f"ingest.detect.checks.{name}").look
    return look
