"""An OVN: logical switches, routers and ports, and which machine binds each port.

    ovn-nbctl, ovn-sbctl (the only I/O) -> rows of two databases -> Network, Router, VirtualNic

Source: https://www.ovn.org/support/dist-docs/ovn-nb.5.html, ovn-sb.5.html
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Literal

from ingest.ovn.normalise import lagging, normalise, stuck
from kgraph.sourcekit import Found, Here, Source, SourceEntry, folded, run
from kgraph.sourcekit.ovsdb import Database, database, listing

NAME = "ovn"
NORTH = (
    *("NB_Global", "Logical_Switch", "Logical_Switch_Port"),
    *("Logical_Router", "Logical_Router_Port"),
)
SOUTH = ("Chassis", "Chassis_Private", "Encap", "Port_Binding")
_SECOND_LOOK_SECONDS = 1.0  # a controller that is alive takes a configuration within that


class Entry(SourceEntry):
    """One OVN, by its two databases; `via` reaches a machine that may ask them."""

    type: Literal["ovn"]
    via: tuple[str, ...] = ()  # such as ["ssh", "central1"]
    nb: str = ""  # such as tcp:central1:6641; empty: the local socket
    sb: str = ""

    @property
    def subject(self) -> str:
        """How it is reached."""
        return " ".join(filter(None, (*self.via, self.nb))) or "here"


def read(entry: Entry, here: Here) -> Found:
    """Read one OVN.

    Raises:
        SourceError: a tool is missing, a database does not answer, or answers nonsense.
    """
    north = _asked(entry, "ovn-nbctl", entry.nb, NORTH)
    south = _asked(entry, "ovn-sbctl", entry.sb, SOUTH)
    behind = lagging(north, south, here.now)
    if behind:
        time.sleep(_SECOND_LOOK_SECONDS)
        behind &= lagging(north, _asked(entry, "ovn-sbctl", entry.sb, SOUTH), here.now)
    items = folded(normalise(north, south, entry.subject, here, behind))
    return Found(entry.subject, items, findings=stuck(north, entry.subject, here.now))


def _asked(entry: Entry, tool: str, db: str, tables: tuple[str, ...]) -> Database:
    at = [f"--db={db}"] if db else []
    text = run([tool, "--timeout=10", *at, *listing(tables)], via=entry.via)
    return database(text, f"ovn {entry.subject}: {tool}", tables)


SOURCE = Source(NAME, Entry, read, every=timedelta(seconds=30))
