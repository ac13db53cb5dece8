"""An OpenStack: hypervisors, servers, their ports, networks and volumes, and its own services.

    Keystone, Nova, Neutron, Cinder, Placement (the only I/O) -> objects -> records and states

Source: https://docs.openstack.org/api-quick-start/
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from ingest.openstack.fetch import fetch
from ingest.openstack.login import Login
from ingest.openstack.normalise import normalise
from kgraph.sourcekit import Found, Here, Source, SourceEntry, Url, folded

NAME = "openstack"


class Entry(SourceEntry):
    """One region of one OpenStack; what reads it must be allowed to see all projects."""

    type: Literal["openstack"]
    auth_url: Url  # of Keystone, such as https://cloud.example:5000/v3
    region: str = ""
    interface: Literal["public", "internal", "admin"] = "public"
    application_credential: str = ""  # its id; its secret is the password
    user: str = ""
    user_domain: str = "Default"
    project: str = ""
    project_domain: str = "Default"
    password_env: str = ""  # the variable that holds the password
    password_file: Path | None = None  # or the file that does
    ca_file: Path | None = None
    # Hosts of endpoints that get the token by plain http, though Keystone is asked by TLS.
    plain_http_hosts: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _somebody(self) -> Entry:
        if bool(self.application_credential) == bool(self.user):
            raise ValueError("give either application_credential or user with project")
        if not self.password_env and self.password_file is None:
            raise ValueError("name password_env or password_file")
        return self

    @property
    def subject(self) -> str:
        """Where it is."""
        return " ".join(filter(None, (self.auth_url, self.region)))


def read(entry: Entry, here: Here) -> Found:
    """Read one region.

    Raises:
        SourceError: a service does not answer, refuses, or answers nonsense.
    """
    login = Login(
        auth_url=entry.auth_url,
        region=entry.region,
        interface=entry.interface,
        application_credential=entry.application_credential,
        user=(entry.user, entry.user_domain),
        project=(entry.project, entry.project_domain),
        password_env=entry.password_env,
        password_file=here.given(entry.password_file),
        ca_file=here.given(entry.ca_file),
        plain_http_hosts=entry.plain_http_hosts,
    )
    told = fetch(login)
    items = folded(normalise(told, entry.region or entry.auth_url, here))
    findings = told.refused
    if told.hidden:
        down = (
            f"openstack {entry.subject}: a cell of Nova is down: nothing is known of the servers"
        )
        findings += (f"{down} of {told.hidden[0]} and {len(told.hidden) - 1} more hosts",)
    return Found(entry.subject, items, complete=not told.hidden, findings=findings)


SOURCE = Source(NAME, Entry, read, every=timedelta(seconds=30))
