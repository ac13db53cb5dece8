"""Are secrets kept to those whom they are for: where they lie, and on their way?"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel

from kgraph.app.doctor.finding import Finding, Health
from kgraph.config import Configuration
from kgraph.config.server import ServerSettings
from kgraph.schema.addresses import is_loopback

_OPEN = frozenset({"http", "neo4j", "bolt"})  # anybody on the way can read along


def secrets(configuration: Configuration) -> Iterator[Finding]:
    """Warn of files that everybody may read, and of secrets that cross a network in the open."""
    for path in dict.fromkeys(_files(configuration.settings)):
        here = configuration.resolve(path)
        with suppress(OSError):  # whoever needs it says that it is not there
            if here.stat().st_mode & stat.S_IROTH:
                told = f"{path} holds a secret, and everybody on this machine may read it"
                yield Finding("secrets", Health.WARN, told, f"chmod o= {path}")
    for url in dict.fromkeys(_told_in_the_open(configuration.settings)):
        told = f"a secret goes to {url} unencrypted"
        mend = "ask by TLS (https://, neo4j+s://), or by a tunnel to a loopback address"
        yield Finding("secrets", Health.WARN, told, mend)
    server = configuration.settings.server
    if _heard_in_the_open(server):
        told = f"tokens come to {server.listen} unencrypted, unless a proxy in front speaks TLS"
        mend = "set server.certificate and key, or name the proxy in server.trusted_proxies"
        yield Finding("secrets", Health.WARN, told, mend)


def _models(model: BaseModel) -> Iterator[BaseModel]:
    yield model
    for _, value in model:
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, BaseModel):
                yield from _models(each)


def _named(model: BaseModel) -> Iterator[str | Path]:
    """Yield where a model's secrets are: a variable or a file, which always have each other."""
    fields = type(model).model_fields
    for name, value in model:
        of, _, kind = name.rpartition("_")
        if value and kind in {"env", "file"} and {f"{of}_env", f"{of}_file"} <= fields.keys():
            yield value


def _files(settings: BaseModel) -> Iterator[Path]:
    for model in _models(settings):
        yield from (place for place in _named(model) if isinstance(place, Path))


def _told_in_the_open(settings: BaseModel) -> Iterator[str]:
    """Yield the addresses that a secret is named beside, and that are asked without TLS."""
    for model in _models(settings):
        if any(True for _ in _named(model)):
            yield from (v for _, v in model if isinstance(v, str) and _crosses_a_network(v))


def _crosses_a_network(url: str) -> bool:
    scheme, found, _ = url.partition("://")
    if not found or scheme.lower() not in _OPEN:
        return False
    return not is_loopback(urlsplit(url).hostname or "")


def _heard_in_the_open(server: ServerSettings) -> bool:
    return not (server.loopback or server.certificate or server.trusted_proxies)
