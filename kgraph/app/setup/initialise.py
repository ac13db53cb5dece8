"""`kgraph init`: look what is here, and write a commented configuration. Loopback only."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import httpx

from kgraph.app.setup.new_file import write_new
from kgraph.config import Configuration
from kgraph.config.settings import PREFIX
from kgraph.config.validated import validated
from kgraph.schema import ConfigurationError

_PATIENCE_SECONDS = 1.0
PROMETHEUS = "http://127.0.0.1:9090"
ALERTMANAGER = "http://127.0.0.1:9093"
STORE = "sqlite:///kgraph.db"
_SOCKETS = (
    (Path("/run/libvirt/virtqemud-sock-ro"), "qemu:///system"),
    (Path("/run/libvirt/libvirt-sock-ro"), "qemu:///system"),
    (Path("/run/libvirt/virtxend-sock-ro"), "xen:///system"),
    (Path("/run/libvirt/virtlxcd-sock-ro"), "lxc:///system"),
)


class Presence(Enum):
    """Whether a thing was found."""

    FOUND = "found"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing that was looked for: what, where, and whether it is there."""

    what: str
    address: str
    presence: Presence


def probe(
    *,
    exists: Callable[[Path], bool] = Path.exists,
    answers: Callable[[str], bool] | None = None,
) -> list[Probe]:
    """Look for libvirt, Prometheus and Alertmanager on this machine."""
    asks = answers or _answers
    uris = dict.fromkeys(uri for socket, uri in _SOCKETS if exists(socket))
    found = [Probe("libvirt", uri, Presence.FOUND) for uri in uris]
    if not found:
        found.append(Probe("libvirt", "qemu:///system", Presence.ABSENT))
    for what, url in (("Prometheus", PROMETHEUS), ("Alertmanager", ALERTMANAGER)):
        here = Presence.FOUND if asks(f"{url}/-/healthy") else Presence.ABSENT
        found.append(Probe(what, url, here))
    return found


def write(path: Path, text: str) -> None:
    """Write a new file, whole or not at all; one that is there is never touched.

    Raises:
        ConfigurationError: there is one already, or the folder cannot be written.
    """
    try:
        write_new(path, text)
    except FileExistsError:
        raise _there_already(path) from None
    except OSError as error:
        raise ConfigurationError(
            f"cannot be written: {error.strerror}", where=str(path)
        ) from error


def refuse_second(path: Path) -> None:
    """Raise ConfigurationError where a configuration stands already."""
    if path.exists():
        raise _there_already(path)


def _there_already(path: Path) -> ConfigurationError:
    mend = "edit it, or remove it first"
    return ConfigurationError("there is a configuration already", where=str(path), mend=mend)


def compose(probes: Sequence[Probe], store: str = STORE) -> str:
    """Return a commented `kgraph.toml`; what was not found is there as a comment.

    Args:
        probes: what was found on this machine, and what was not.
        store: the URL of the store.
    """
    head = _HEAD.replace('"STORE"', json.dumps(store, ensure_ascii=False))
    return head + "".join(_entry(found) for found in probes) + _TAIL


def store_url(named: str | None, folder: Path) -> str:
    """Return the URL of the store that was named, by its place seen from the configuration's.

    Raises:
        ConfigurationError: no store has such a URL; nothing of it may be written, then.
    """
    if named is None:
        return STORE
    if "://" in named:
        origins = {"store.url": "option --store"}
        settings = validated({"store": {"url": named}}, origins, None)
        _ = Configuration(settings, origins=origins).store_title  # which refuses what is none
        return named
    file = Path(named).absolute()
    return f"sqlite:///{file.relative_to(folder) if file.is_relative_to(folder) else file}"


def credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep of an environment how a server's store is opened, but not where: that was just written.

    A server that asks for a password could not be named otherwise, as there is no file yet that
    would say where the password is.
    """
    ours = f"{PREFIX}STORE__"
    return {
        name: value
        for name, value in environ.items()
        if name.upper().startswith(ours) and name.upper() != f"{ours}URL"
    }


def _entry(found: Probe) -> str:
    key = "uri" if found.what == "libvirt" else "url"
    lines = ["[[sources]]", f'type = "{found.what.lower()}"', f'{key} = "{found.address}"']
    if found.presence is Presence.ABSENT:
        head = f"# No {found.what} was found here. Remove the comment signs where there is one:"
        return "\n".join(["", head, *(f"# {line}" for line in lines), ""])
    return "\n".join(["", f"# {found.what} was found here.", *lines, ""])


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=_PATIENCE_SECONDS, trust_env=False).is_success
    except httpx.HTTPError:
        return False


_HEAD = """\
# kgraph: where the graph is kept and what is read into it.
# Every value may be overridden by an environment variable: KGRAPH_STORE__URL, KGRAPH_SITE, ...
# `kgraph config show` tells each value and where it is from. No secrets belong in here.

# Keeps two estates with the same names apart.
site = "default"

[store]
# A file as seen from this one, or a Neo4j server.
url = "STORE"

[log]
# debug, info, warning or error; on stderr.
level = "warning"

# Your own causal rules, alert mappings and remedies, read over the shipped ones.
# [folders]
# rules = ["rules"]
# mappings = ["mappings"]
# catalogue = ["catalogue"]

# What `kgraph sync` reads. Reading libvirt needs a read-only connection and nothing more.
"""
_TAIL = """
# Whether NBD exports answer and hold the right disks; those that the graph knows need no list:
# [[sources]]
# type = "nbd"

# Anything else that you know of the estate, as a kgraph.topology/v1 document:
# [[sources]]
# type = "topology"
# name = "cmdb"
# path = "estate.yaml"

# What is unusual in logs, what was changed on a machine, what is looked at on purpose;
# docs/detection-logs.md, docs/changes.md, docs/checks.md:
# [[sources]]
# type = "logs"
# name = "here"
# files = ["/var/log/syslog"]
#
# [[sources]]
# type = "changes"
# packages = "dpkg"
# files = ["/etc"]
#
# [[sources]]
# type = "checks"
# [[sources.targets]]
# check = "http"
# entity = "Service/shop"
# address = "https://shop.example/health"

# `kgraph serve`: where it listens, who posts alerts to it, whom it tells; docs/serve.md:
# [server]
# listen = "127.0.0.1:8080"
#
# [[hooks]]
# name = "alertmanager"
# type = "alertmanager"
# token_file = "/etc/prometheus/kgraph-token"
#
# [[receivers]]
# name = "chat"
# type = "webhook"
# url_env = "SLACK_URL"
# template = "slack"

# How things may be acted on, and what may happen by itself. Without these kgraph only suggests;
# docs/remedies.md has all of it:
# [[endpoints]]
# name = "guests"
# type = "libvirt"
# select = {kind = "VirtualMachine"}
#
# [policy]
# file = "policy.yaml"
"""
