"""Where the definitions of guests, networks and pools are kept, if an endpoint asks for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ingest.libvirt import Definition
from kgraph.config import Configuration, LibvirtEndpoint
from kgraph.logs import logger
from remedies.actuators.definitions import Definitions, Part

_log = logger(__name__)


class Shelf:
    """Keeps all of it in each of some folders."""

    def __init__(self, folders: Sequence[Definitions]) -> None:
        self._folders = folders

    def keep_guest(self, uuid: str, xml: str, *, runs: bool) -> None:
        """Keep what a guest is; where it does not run, only if nothing is kept of it yet."""
        with _told_of(uuid):
            for each in self._folders:
                if runs or not each.find(uuid):
                    each.keep(uuid, xml)

    def keep_part(self, host: str, definition: Definition) -> None:
        """Keep what a network or pool of a host is."""
        part = Part(definition.kind, definition.uuid, definition.xml, definition.autostart)
        with _told_of(part.uuid):
            for each in self._folders:
                each.keep_part(host, part)

    def parts(self, host: str) -> list[Definition]:
        """Return the networks and pools that are kept of a host."""
        found = {(p.kind, p.uuid): p for each in self._folders for p in each.parts(host)}
        return [Definition(p.kind, p.uuid, p.xml, p.autostart) for p in found.values()]


def shelf_of(configuration: Configuration) -> Shelf | None:
    """Return where endpoints ask for definitions to be kept; None: none does."""
    wanted = {
        configuration.resolve(endpoint.definitions)
        for endpoint in configuration.settings.endpoints
        if isinstance(endpoint, LibvirtEndpoint) and endpoint.definitions is not None
    }
    return Shelf([Definitions(folder) for folder in sorted(wanted)]) if wanted else None


@contextmanager
def _told_of(uuid: str) -> Iterator[None]:
    """Let a full disk not keep the estate from being read: what is seen matters more."""
    try:
        yield
    except OSError as error:
        _log.warning("definition not kept", uuid=uuid, why=str(error))
