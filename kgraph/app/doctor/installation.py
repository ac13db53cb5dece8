"""What is installed, configured and answers."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import rca
from kgraph.app.configured.catalogue import catalogue_of
from kgraph.app.configured.engine import resolved
from kgraph.app.doctor.finding import Finding, Health
from kgraph.app.doctor.secrets import secrets
from kgraph.app.reading.parallel import Setting, crowd_of, sync
from kgraph.app.reading.sync import Commitment, Reading, unshown
from kgraph.app.repairs.acting import actuators
from kgraph.app.repairs.policies import policy_of
from kgraph.app.setup.siblings import check_siblings
from kgraph.app.sources import Context, jobs
from kgraph.app.stored.stores import Access, opened
from kgraph.app.views.identity import conflicts
from kgraph.config import Configuration
from kgraph.incidents.aging import overdue
from kgraph.schema import KgraphError, NoStoreError
from kgraph.schema.counting import counted
from kgraph.signals import lint as lint_mappings
from kgraph.signals import load_packs
from kgraph.store import (
    HELD,
    SQLITE_VERSION,
    GraphStore,
    ScopeState,
    has_wal_reset_bug,
    is_server,
    open_store,
)
from remedies.lint import lint as lint_catalogue

_PYTHON = (3, 11)
_LITTLE = 64  # MiB left on the disk of a store, below which it soon keeps nothing more


def examine(configuration: Configuration, now: datetime) -> Iterator[Finding]:
    """Look at everything; yield a finding as each look is done."""
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        _packages,
        lambda: _sqlite(configuration),
        lambda: _configuration(configuration),
        lambda: secrets(configuration),
        lambda: _rules(configuration),
        lambda: _mappings(configuration),
        lambda: _repairs(configuration),
        lambda: _store(configuration, now),
        _libvirt,
        lambda: _sources(configuration, now),
    )
    for look in looks:
        yield from look()


def _python() -> Iterator[Finding]:
    told = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] >= _PYTHON:
        yield Finding("python", Health.OK, told)
    else:
        yield Finding("python", Health.FAIL, told, "needs 3.11 or newer")


def _packages() -> Iterator[Finding]:
    try:
        check_siblings()
    except KgraphError as error:
        yield Finding("packages", Health.FAIL, str(error))
    else:
        yield Finding("packages", Health.OK, "all five are ours")


def _sqlite(configuration: Configuration) -> Iterator[Finding]:
    """Warn of a library that may damage a file which several processes write."""
    if is_server(configuration.settings.store.url):
        return
    told = f"SQLite {SQLITE_VERSION}"
    if has_wal_reset_bug():
        mend = "update it to 3.51.3 (or 3.50.7, 3.44.6), and keep backups: `kgraph store backup`"
        told += " may, seldom, damage a store that several processes write (its WAL-reset bug)"
        yield Finding("sqlite", Health.WARN, told, mend)
    else:
        yield Finding("sqlite", Health.OK, told)


def _configuration(configuration: Configuration) -> Iterator[Finding]:
    if configuration.file is None:
        mend = "`kgraph init` writes one"
        yield Finding("configuration", Health.WARN, "no kgraph.toml: defaults only", mend)
    else:
        yield Finding("configuration", Health.OK, str(configuration.file))
    for name in configuration.unknown_variables:
        yield Finding("environment", Health.WARN, f"{name} names no setting", "is it misspelt?")


def _rules(configuration: Configuration) -> Iterator[Finding]:
    findings = rca.lint(resolved(configuration, configuration.settings.folders.rules))
    for row in findings:
        yield Finding("rules", Health.FAIL, f"{row.where}: {row.what}", row.mend)
    if not findings:
        yield Finding("rules", Health.OK, "sound")


def _mappings(configuration: Configuration) -> Iterator[Finding]:
    """Look at what a site's own files say of alerts; the shipped ones are tested."""
    folders = resolved(configuration, configuration.settings.folders.mappings)
    if not folders:
        return
    try:
        own = [entry for entry in load_packs(folders).entries if not entry.shipped]
    except KgraphError as error:
        yield Finding("mappings", Health.FAIL, str(error))
        return
    wrong = lint_mappings(own)
    for line in wrong:
        yield Finding("mappings", Health.WARN, line)
    if not wrong:
        yield Finding("mappings", Health.OK, f"{len(own)} of your own")


def _repairs(configuration: Configuration) -> Iterator[Finding]:
    """Look at the catalogue, the policy and the ways to act; nothing is tried."""
    try:
        catalogue, policy = catalogue_of(configuration), policy_of(configuration)
        actuators(configuration)
    except KgraphError as error:
        yield Finding("repairs", Health.FAIL, str(error))
        return
    own = [row for row in lint_catalogue(catalogue) if "/" in row.where]
    for what, rows in (("remedies", own), ("policy", policy.warnings)):
        for row in rows:
            yield Finding(what, Health.WARN, f"{row.where}: {row.what}", row.mend)
    ways = len(configuration.settings.endpoints)
    told = f"{len(catalogue.remedies)} remedies, {counted(ways, 'way')} to act"
    mend = "" if ways else "suggest only; `[[endpoints]]` in kgraph.toml name the ways to act"
    yield Finding("repairs", Health.OK, told, mend)


def _store(configuration: Configuration, now: datetime) -> Iterator[Finding]:
    try:
        with opened(configuration, Access.READ) as store:
            troubles, scopes, clashes = store.check(), store.scopes(), conflicts(store)
            halt = store.halted()
    except NoStoreError:
        told = f"none yet at {configuration.store_title}"
        yield Finding("store", Health.WARN, told, "`kgraph sync` makes and fills it")
        return
    except KgraphError as error:
        yield Finding("store", Health.FAIL, str(error))
        return
    for trouble in troubles:
        yield Finding("store", Health.FAIL, trouble, "restore a backup, or sync into a new store")
    if not troubles:
        yield Finding("store", Health.OK, configuration.store_title)
    if not is_server(configuration.settings.store.url):
        yield from _room(configuration.store_path)
    if halt is not None:
        told = (
            f"halted since {halt.at:%Y-%m-%d %H:%M:%SZ}{f': {halt.reason}' if halt.reason else ''}"
        )
        yield Finding("halt", Health.WARN, told, "`kgraph halt --lift` lets effects begin again")
    yield from _held(scopes)
    if clashes:
        pairs = counted(len(clashes), "pair")
        told = f"{pairs} of entities with a strong key in common that contradict each other"
        mend = "`kgraph graph conflicts` lists them; a person decides"
        yield Finding("identity", Health.WARN, told, mend)
    for scope in scopes:
        if not scope.tells:
            continue  # it holds evidence only, and that expires by itself
        told = f"{scope.source} {scope.scope}: {counted(scope.records, 'record')}"
        old = overdue(scope.completed_at, scope.interval, now)
        mend = (
            f"last read {scope.completed_at:%Y-%m-%d %H:%MZ}; `kgraph sync` reads again; if the"
            " source was taken away, `kgraph graph retire` closes what it told of"
        )
        yield Finding("data", Health.WARN if old else Health.OK, told, mend if old else "")


def _room(store: Path) -> Iterator[Finding]:
    """Warn of a file that can be read, and in which nothing more can be kept."""
    left = shutil.disk_usage(store.parent).free >> 20
    if not (os.access(store, os.W_OK) and os.access(store.parent, os.W_OK)):
        told = f"{store} can only be read, so nothing is kept in it"
        mend = "let this user write it and its folder, on a disk that is not read-only"
        yield Finding("store", Health.WARN, told, mend)
    elif left < _LITTLE:
        told = f"{left} MiB are left on the disk of {store}; on a full one nothing is kept"
        yield Finding("store", Health.WARN, told, "make room")


def _held(scopes: Iterable[ScopeState]) -> Iterator[Finding]:
    """Tell what stays open though its source no longer reports it."""
    for scope in scopes:
        for line in scope.findings:
            if line.startswith(HELD):
                mend = "look whether it is gone; then `kgraph sync --accept-shrink SOURCE`"
                yield Finding("held", Health.WARN, line, mend)


def _libvirt() -> Iterator[Finding]:
    if find_spec("libvirt") is None:
        mend = "install the extra: kgraph-rca[libvirt]"
        yield Finding("libvirt binding", Health.WARN, "not installed", mend)
    else:
        yield Finding("libvirt binding", Health.OK, "installed")


def _sources(configuration: Configuration, now: datetime) -> Iterator[Finding]:
    """Read each source and throw the reading away: what is reached here, `sync` reaches too."""
    if not configuration.settings.sources:
        mend = "name them in kgraph.toml"
        yield Finding("sources", Health.WARN, "none configured", mend)
        return
    # A store of its own: looking must not write into the real one, nor wait for its writer.
    with TemporaryDirectory(prefix="kgraph-") as folder, closing(_scratch(folder)) as store:
        chosen = jobs(Context(configuration))
        reading = Reading(store, now, Commitment.PREVIEW, unshown)
        crowd = crowd_of(configuration)
        setting = Setting(reading, lambda: datetime.now(UTC), "doctor", crowd=crowd)
        for outcome in sync(setting, chosen):
            if outcome.failure:
                yield Finding("source", Health.FAIL, outcome.source, outcome.failure)
            else:
                yield Finding("source", Health.OK, f"{outcome.source} answers")


def _scratch(folder: str) -> GraphStore:
    return open_store(Path(folder) / "doctor.db")
