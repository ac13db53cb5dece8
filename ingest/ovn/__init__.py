"""An OVN: logical switches, routers and ports, and which machine binds each port.

    ovn-nbctl, ovn-sbctl (the only I/O) -> rows of two databases -> Network, Router, VirtualNic
    ovsdb-client -> it is time to read

Source: https://www.ovn.org/support/dist-docs/ovn-nb.5.html, ovn-sb.5.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from ingest.ovn.normalise import lagging, normalise, stuck
from kgraph.sourcekit import Found, Here, Listening, Source, SourceEntry, folded, run
from kgraph.sourcekit.ovsdb import Database, database, following, listing
from kgraph.sourcekit.pushed import Pushed

NAME = "ovn"
NORTH = (
    *("NB_Global", "Logical_Switch", "Logical_Switch_Port"),
    *("Logical_Router", "Logical_Router_Port"),
)
SOUTH = ("Chassis", "Chassis_Private", "Encap", "Port_Binding")
FOLLOWED_NORTH = ("name", "type", "up", "enabled", "addresses", "options")
FOLLOWED_SOUTH = ("logical_port", "chassis")
# Where packages of OVN put them; ovn-nbctl and ovn-sbctl find them by themselves.
_SOCKETS = {"nb": "unix:/var/run/ovn/ovnnb_db.sock", "sb": "unix:/var/run/ovn/ovnsb_db.sock"}
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


def listen(entry: Entry, tell: Callable[[], None]) -> Listening:
    """Begin to listen for logical ports that change, and for what binds them."""
    north = following(
        entry.nb or _SOCKETS["nb"], "OVN_Northbound", "Logical_Switch_Port", FOLLOWED_NORTH
    )
    south = following(entry.sb or _SOCKETS["sb"], "OVN_Southbound", "Port_Binding", FOLLOWED_SOUTH)
    listening = Pushed([north, south], tell, via=entry.via)
    listening.start()
    return listening


SOURCE = Source(NAME, Entry, read, every=timedelta(seconds=30), listen=listen)
