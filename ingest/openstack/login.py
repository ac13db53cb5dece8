"""Logging in to Keystone: a token, and where the other services are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kgraph.schema import SourceError
from kgraph.schema.addresses import is_loopback
from kgraph.secret import secret
from kgraph.sourcekit import Node, parsed
from kgraph.web import Service

# What a catalogue may call a service.
_TYPES = {
    "compute": ("compute",),
    "network": ("network",),
    "volume": ("block-storage", "volumev3"),
    "placement": ("placement",),
    "recovery": ("instance-ha",),
}
VERSION = "OpenStack-API-Version"
# Of the first versions that have what is read: which hosts are in a cell that is down, and a
# provider's tree.
_VERSIONS = {"compute": {VERSION: "compute 2.69"}, "placement": {VERSION: "placement 1.14"}}


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks, and where; the password is read from its place when it is needed.

    Attributes:
        user: name and domain.
        project: name and domain.
        plain_http_hosts: hosts that get the token by plain http, though Keystone is asked by TLS.
    """

    auth_url: str
    region: str
    interface: str
    application_credential: str
    user: tuple[str, str]
    project: tuple[str, str]
    password_env: str
    password_file: Path | None
    ca_file: Path | None
    plain_http_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cloud:
    """An open door: services by what they are; one that the catalogue lacks is not there."""

    services: Mapping[str, Service]


def log_in(login: Login) -> Cloud:
    """Ask Keystone for a token.

    Raises:
        SourceError: it does not answer, refuses, or its catalogue lacks compute.
        ConfigurationError: the password is named but not there.
    """
    keystone = Service("Keystone", login.auth_url.rstrip("/"), ca_file=login.ca_file)
    with keystone.asking() as ask:
        content, token = ask.post_for("/auth/tokens", _request(login), "X-Subject-Token")
    root = parsed(content, f"{keystone.url}/auth/tokens")
    if not token:
        raise SourceError("Keystone gave no token", where=keystone.url, mend="does it end in /v3?")
    catalogue = root.at("token", "catalog")
    regions = [] if login.region else sorted({*_regions(catalogue, login)} - {""})
    if len(regions) > 1:
        what = f"its catalogue has {len(regions)} regions: {', '.join(regions)}"
        raise SourceError(what, where=keystone.url, mend="name one of them by `region`")
    found = services(catalogue, login, token)
    if "compute" not in found:
        where = f"{keystone.url} {login.region}".rstrip()
        mend = "check region and interface"
        raise SourceError("its catalogue has no compute service", where=where, mend=mend)
    return Cloud(found)


def services(catalogue: Node, login: Login, token: str) -> dict[str, Service]:
    """Return where each service is, and what it is asked with.

    The token may read all that the cloud has: it goes over no wire that is worse than the one on
    which it came.

    Raises:
        SourceError: an endpoint would get it by plain http, or has no address that can be read.
    """
    found = {}
    by_tls = login.auth_url.lower().startswith("https:")
    named = {host.strip("[]").lower() for host in login.plain_http_hosts}  # as urlsplit has it
    for what, types in _TYPES.items():
        url = _endpoint(catalogue, types, login)
        if not url:
            continue
        title = f"OpenStack {what}"
        try:
            parts = urlsplit(url)
        except ValueError:
            raise SourceError(
                f"its catalogue has {what} at {url}: that is no address",
                where=login.auth_url,
                mend="correct the endpoint: openstack endpoint set --url",
            ) from None
        host = parts.hostname or ""
        plain = parts.scheme != "https" and not is_loopback(host)
        if by_tls and plain and host not in named:
            raise SourceError(
                f"its catalogue has {what} at {url}: the token would cross the network for all to"
                " read",
                where=login.auth_url,
                mend="take the `interface` that has TLS, or name the host in `plain_http_hosts`",
            )
        headers = {"X-Auth-Token": token, **_VERSIONS.get(what, {})}
        found[what] = Service(title, url, ca_file=login.ca_file, headers=headers)
    return found


def _request(login: Login) -> dict[str, Any]:
    held = secret(login.password_env, login.password_file)
    password = held[1] if held else ""
    if login.application_credential:
        who = {"id": login.application_credential, "secret": password}
        identity = {"methods": ["application_credential"], "application_credential": who}
        return {"auth": {"identity": identity}}
    name, domain = login.user
    user = {"name": name, "domain": {"name": domain}, "password": password}
    project, project_domain = login.project
    scope = {"project": {"name": project, "domain": {"name": project_domain}}}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": scope}}


def _regions(catalogue: Node, login: Login) -> Iterator[str]:
    known = {name for types in _TYPES.values() for name in types}
    for service in catalogue.each():
        for end in service.at("endpoints").each() if service.text("type") in known else ():
            if end.text("interface") == login.interface:
                yield end.text("region_id") or end.text("region")


def _endpoint(catalogue: Node, types: tuple[str, ...], login: Login) -> str:
    for service in catalogue.each():
        if service.text("type") not in types:
            continue
        for end in service.at("endpoints").each():
            here = not login.region or login.region in {end.text("region"), end.text("region_id")}
            if here and end.text("interface") == login.interface:
                return end.needed("url").rstrip("/").removesuffix("/v2.0")  # Neutron's, in some
    return ""
