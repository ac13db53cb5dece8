"""A switch by SNMP: its ports, whether they have a link, and who is heard on them.

    snmpbulkwalk (the only I/O) -> values -> Switch, SwitchPort, Nic

Sources: IF-MIB (RFC 2863), LLDP-MIB (IEEE 802.1AB), SNMPv2-MIB (RFC 3418)
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ingest.snmp.ask import Access, walks
from ingest.snmp.mibs import device, links
from ingest.snmp.normalise import normalise
from kgraph.sourcekit import Found, Here, Source, SourceEntry, folded

NAME = "snmp"


class Entry(SourceEntry):
    """One switch. Version 2c sends its community unencrypted; 3 with a user does not."""

    type: Literal["snmp"]
    address: str = Field(min_length=1)  # host, or host:port
    community_env: str = ""  # version 2c: the variable that holds the community
    community_file: Path | None = None  # or the file that does
    user: str = ""  # version 3
    auth_protocol: Literal["SHA", "SHA-256", "SHA-512", "MD5"] = "SHA"
    password_env: str = ""  # version 3: the pass phrase, for authentication and encryption
    password_file: Path | None = None
    privacy_protocol: Literal["AES", "DES"] = "AES"
    uplinks: tuple[str, ...] = ()  # interfaces that lead towards the core
    hosts: tuple[str, ...] = ()  # names, with * and ?, of machines that bridge and are no switches
    patience: Annotated[float, Field(gt=0, le=300)] = 20  # seconds for each table

    @model_validator(mode="after")
    def _secret(self) -> Entry:
        community = bool(self.community_env) or self.community_file is not None
        password = bool(self.password_env) or self.password_file is not None
        if self.user and not password:
            raise ValueError("a user needs password_env or password_file")
        if community == bool(self.user):
            raise ValueError("name community_env or community_file, or give a user")
        if self.address.startswith("-"):
            raise ValueError("an address is written host or host:port")
        return self

    @property
    def subject(self) -> str:
        """Its address."""
        return self.address


def read(entry: Entry, here: Here) -> Found:
    """Read one switch.

    Raises:
        SourceError: snmpbulkwalk is missing, the switch does not answer, or answers nonsense.
    """
    file = entry.password_file if entry.user else entry.community_file
    access = Access(
        entry.user,
        entry.password_env if entry.user else entry.community_env,
        here.given(file),
        entry.auth_protocol,
        entry.privacy_protocol,
    )
    told = walks(entry.address, access, entry.patience)
    own = device(told, entry.address)
    items = normalise(own, links(told), entry.uplinks, entry.hosts, here)
    return Found(entry.address, folded(items))


SOURCE = Source(NAME, Entry, read)
