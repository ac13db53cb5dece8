"""Masakari's hosts: it starts their servers elsewhere by itself once one of them has failed.

Source: https://docs.openstack.org/api-ref/instance-ha/
"""

from __future__ import annotations

from collections.abc import Iterable

from ingest.openstack.fetch import Objects
from kgraph.sourcekit import MANAGED_BY, Node

OWNER = "Masakari"
_YES = frozenset({"true", "1", "yes", "on", "t", "y"})


def recovered(told: Objects) -> frozenset[str]:
    """Return the hosts, as Nova's services name them, that Masakari recovers.

    Not those that a person has put under maintenance: it leaves them alone meanwhile. Where that
    may not be read it is every host: two that recover one host start its servers twice.
    """
    if told.recovery_hidden:
        return frozenset(node.text("service", "host") for node in told.hypervisors)
    return frozenset(_named(told.segment_hosts))


def of_server(server: Node) -> dict[str, str]:
    """Return the label of a server that Masakari starts again when its process dies."""
    asked = server.text("metadata", "HA_Enabled").strip().lower()
    return {MANAGED_BY: OWNER} if asked in _YES else {}


def _named(hosts: Iterable[Node]) -> Iterable[str]:
    return (host.needed("name") for host in hosts if not host.flag("on_maintenance"))
