"""One machine's Open vSwitch: bridges, what guests plug in, and what leads out.

    ovs-vsctl, ovs-appctl (the only I/O) -> rows of the database -> Network, VirtualNic, Nic, Bond
    ovsdb-client -> it is time to read

Source: https://www.openvswitch.org/support/dist-docs/ovs-vswitchd.conf.db.5.txt
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from ingest.ovs.liveness import lifeless
from ingest.ovs.normalise import CONTROLLER, DAEMON, is_chassis, normalise
from kgraph.identity import canonical
from kgraph.schema import Key, SourceError
from kgraph.sourcekit import (
    Found,
    Here,
    Listening,
    Place,
    Source,
    SourceEntry,
    folded,
    own_name,
    run,
)
from kgraph.sourcekit.command import if_told
from kgraph.sourcekit.ovsdb import Database, database, following, listing
from kgraph.sourcekit.pushed import Pushed

NAME = "ovs"
TABLES = ("Open_vSwitch", "Bridge", "Port", "Interface")
# Of a port that is plugged in or out, and of its link; statistics change all the time.
FOLLOWED = ("name", "error", "admin_state", "link_state", "external_ids", "mac_in_use")
_UUID = "/sys/class/dmi/id/product_uuid"


class Entry(SourceEntry):
    """The switch of this machine, or of another one by `via` or by its database's address."""

    type: Literal["ovs"]
    via: tuple[str, ...] = ()  # such as ["ssh", "h1"]
    db: str = ""  # such as tcp:h1:6640; empty: the local socket
    host: str = ""  # the machine's name; empty: what the database calls it

    @property
    def subject(self) -> str:
        """How it is reached."""
        return " ".join(filter(None, (*self.via, self.db))) or "here"


def read(entry: Entry, here: Here) -> Found:
    """Read one switch.

    Raises:
        SourceError: ovs-vsctl is missing, the database does not answer, or answers nonsense.
    """
    told = database(_answer(entry), f"ovs {entry.subject}", TABLES)
    place = Place(_host(entry, told), _uuid(entry))
    return Found(place.host, folded(normalise(told, place, here, _lifeless(entry, told))))


def _lifeless(entry: Entry, told: Database) -> dict[str, str]:
    """Return daemon -> why it is not alive; those that could not be asked are left out."""
    if entry.db:  # the address of a database leads to no daemon
        return {}
    asked = {DAEMON: lifeless("ovs-appctl", DAEMON, entry.via)}
    if is_chassis(told):
        asked[CONTROLLER] = lifeless("ovn-appctl", CONTROLLER, entry.via)
    return {daemon: wrong for daemon, wrong in asked.items() if wrong is not None}


def _answer(entry: Entry) -> str:
    at = [f"--db={entry.db}"] if entry.db else []
    return run(["ovs-vsctl", "--timeout=10", *at, *listing(TABLES)], via=entry.via)


def _host(entry: Entry, told: Database) -> str:
    if entry.host:
        return entry.host
    for row in told.of("Open_vSwitch"):
        name = row.maps("external_ids").get("hostname", "")
        if canonical(Key("hostname", name)):  # it may be older than the machine's own name
            return name
    if entry.db and not entry.db.startswith("unix:"):
        mend = "give `host`, or set external_ids:hostname there"
        raise SourceError("it does not tell its host", where=f"ovs {entry.subject}", mend=mend)
    return own_name(run(["uname", "-n"], via=entry.via), f"ovs {entry.subject}")


def _uuid(entry: Entry) -> str:
    """Return the UUID of the machine's firmware, where it may be read."""
    here = not entry.db or entry.db.startswith("unix:")
    return if_told(["cat", _UUID], via=entry.via).strip() if here else ""


def listen(entry: Entry, tell: Callable[[], None]) -> Listening:
    """Begin to listen for ports that come, go, or change."""
    command = following(entry.db, "Open_vSwitch", "Interface", FOLLOWED)
    listening = Pushed([command], tell, via=entry.via)
    listening.start()
    return listening


SOURCE = Source(NAME, Entry, read, every=timedelta(seconds=15), listen=listen)
