"""From kept deliveries to evidence: in the loop's thread, many at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from ingest.posted import PostedChange
from kgraph.app.reading.alerts import Directory, Listing, observe
from kgraph.app.reading.sync import Commitment, Reading, unshown
from kgraph.app.service.elsewhere import carry_out
from kgraph.app.service.hooks import Taken, read
from kgraph.app.service.tally import Group, Tally
from kgraph.app.service.unplaced import Unplaced
from kgraph.app.watch.told import Told, What
from kgraph.config.hooks import HookConfig
from kgraph.logs import logger
from kgraph.schema import Change, Document, Drawer, KgraphError, StoreBusyError, StoreError
from kgraph.schema.counting import counted
from kgraph.schema.errors import as_fault
from kgraph.signals import EstateIndex, Packs, Report, Translation, translate_reports
from kgraph.store import GraphStore

_PAGE = 8  # deliveries that are read at a time: each may hold 10,000 alerts
_MOST = 20_000  # alerts in one round; the rest waits for the next
_MOST_READ = 2_000  # deliveries in one round: a round that lasts loses the watch to another
_REMEMBERED = timedelta(hours=24)  # deliveries that must not count twice
_STANDS = timedelta(hours=5)  # what a sender left out may be missing for so long
_log = logger(__name__)


class Inbox:
    """Takes deliveries out of the store and keeps what they say."""

    def __init__(
        self, store: GraphStore, hooks: Iterable[HookConfig], packs: Packs, tally: Tally
    ) -> None:
        self._store, self._packs, self._tally = store, packs, tally
        self._hooks: Mapping[str, HookConfig] = {hook.name: hook for hook in hooks}
        self._directory = Directory()
        self._unplaced = Unplaced(store)
        self._left_out: dict[tuple[str, str], tuple[int, datetime]] = {}
        self._said: frozenset[str] = frozenset()
        self._forgotten_at: datetime | None = None

    def begin_anew(self) -> None:
        """Remember nothing of what is kept, nor when it was last looked at."""
        self._unplaced = Unplaced(self._store)
        self._forgotten_at = None

    def keep(self, now: datetime) -> list[Told] | None:
        """Bring in what waits; None where nothing did.

        A delivery that cannot be read is put with the dead letters: it must not stop the others.
        """
        self._forget(now)
        waiting = self._store.documents(Drawer.INBOX, limit=_PAGE)
        brought = bool(waiting)
        if not waiting:
            self._directory.recent(self._store, now)  # nobody waits for it now
        told: list[Told] = []
        alerts = read = 0
        try:
            while waiting and alerts < _MOST and read < _MOST_READ:
                taken = self._read(waiting, now)
                alerts += sum(len(each.reports) for _, each in taken)
                read += len(waiting)
                told += self._brought(waiting, taken, now)
                self._done(waiting, taken, now)
                waiting = self._store.documents(Drawer.INBOX, limit=_PAGE)
            brought |= self._placed(now)
        except StoreBusyError as error:  # nothing is lost: it waits for the next round
            _log.warning("deliveries wait", because=str(error))
        return told if brought else None

    def warnings(self, now: datetime) -> tuple[str, ...]:
        """Return what is missing of the evidence, for whoever reads an explanation."""
        self._left_out = {
            key: (count, at) for key, (count, at) in self._left_out.items() if now - at < _STANDS
        }
        missing: dict[str, int] = {}
        for (hook, _), (count, _) in self._left_out.items():
            missing[hook] = missing.get(hook, 0) + count
        return tuple(
            f"hook {hook}: the sender left out {counted(count, 'alert')}: evidence is incomplete"
            for hook, count in sorted(missing.items())
        )

    def _read(self, waiting: Sequence[Document], now: datetime) -> list[tuple[str, Taken]]:
        """Return (hook, what was said) of each delivery that is readable and new."""
        found = []
        seen: set[str] = set()
        for document in waiting:
            try:
                taken = read(self._hooks, document)
            except KgraphError as error:
                _log.warning(
                    "a delivery is a dead letter", delivery=document.id, because=str(error)
                )
                self._store.put([_dead(document, str(error), now)])
                continue
            except Exception as error:  # noqa: BLE001 - one delivery must not stop the others
                _log.exception("fault of the program in a delivery", delivery=document.id)
                self._store.put([_dead(document, as_fault(error), now)])
                continue
            if taken.once and (taken.once in seen or self._store.named(Drawer.SEEN, [taken.once])):
                continue
            seen.add(taken.once)
            hook = _hook_of(document)
            self._note(hook, taken, now)
            found.append((hook, taken))
        return found

    def _brought(
        self, waiting: Sequence[Document], taken: Sequence[tuple[str, Taken]], now: datetime
    ) -> list[Told]:
        """Keep what deliveries say; the one that the program stumbles over is a dead letter."""
        try:
            return list(self._observe(taken, now))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - one delivery must not stop the others
            _log.exception("fault of the program in deliveries", deliveries=len(waiting))
            if len(waiting) == 1:
                self._store.put([_dead(waiting[0], as_fault(error), now)])
                return []
        return [
            told
            for each in waiting
            for told in self._brought([each], self._read([each], now), now)
        ]

    def _note(self, hook: str, taken: Taken, now: datetime) -> None:
        """Remember how much the sender left out, until it tells of the same group anew."""
        if taken.truncated:
            self._left_out[hook, taken.group] = (taken.truncated, now)
        else:
            self._left_out.pop((hook, taken.group), None)

    def _observe(self, taken: Sequence[tuple[str, Taken]], now: datetime) -> Iterator[Told]:
        yield from self._changed(taken, now)
        for hook, each in taken:
            if each.there is not None:
                carry_out(self._store, hook, each.there, now)
        reports = folded(report for _, each in taken for report in each.reports)
        if not reports:
            return
        version = self._store.version()
        translation = self._translated(reports, now)
        self._unplaced.note(reports, translation.explanations, version, now)
        reading = Reading(self._store, now, Commitment.COMMIT, unshown)
        diff = observe(reading, translation, Listing.SOME)
        off = frozenset(line for _, each in taken for line in each.findings)
        lines = frozenset(diff.findings) | frozenset(self.warnings(now)) | off
        for line in sorted(lines - self._said):
            yield Told(now, What.FINDING, f"hooks: {line}", {"source": "hooks"})
        self._said = lines

    def _changed(self, taken: Sequence[tuple[str, Taken]], now: datetime) -> Iterator[Told]:
        """Keep what was done to things that the graph knows; tell of those that it does not."""
        posted = [(hook, change) for hook, each in taken for change in each.changes]
        if not posted:
            return
        index, _ = self._directory.of(self._store, now)
        rows = []
        for hook, change in posted:
            uid = _changed_entity(change, index)
            if uid:
                detail = change.detail or change.type
                rows.append(Change(uid, change.type, change.at, detail, f"hooks/{hook}"))
            else:
                line = f"hook {hook}: {change.type}: the graph has no single {change.entity!r}"
                yield Told(now, What.FINDING, line, {"source": "hooks"})
        if rows:
            self._store.observe((), (), rows)

    def _placed(self, now: datetime) -> bool:
        """Look again for what fires and was not found; tell whether any is there by now."""
        reports = self._unplaced.due(now)
        if not reports:
            return False
        version = self._store.version()
        index, blind = self._directory.of(self._store, now)
        told = translate_reports(reports, index, self._packs, received_at=now, blind=blind)
        there = any(not row.lost for row in told.explanations)
        if there:
            observe(Reading(self._store, now, Commitment.COMMIT, unshown), told, Listing.SOME)
        self._unplaced.note(reports, told.explanations, version, now)
        return there

    def _translated(self, reports: list[Report], now: datetime) -> Translation:
        """Find the entity of every alert; where one is not found, in the estate of now."""
        index, blind = self._directory.recent(self._store, now)
        found = translate_reports(reports, index, self._packs, received_at=now, blind=blind)
        if any(row.lost for row in found.explanations) and self._directory.stale(self._store):
            index, blind = self._directory.of(self._store, now)
            found = translate_reports(reports, index, self._packs, received_at=now, blind=blind)
        for row in found.explanations:
            if row.lost:
                self._tally.add(now, Group.UNMAPPED, row.alert, row.fingerprint)
        return found

    def _done(
        self, waiting: Sequence[Document], taken: Sequence[tuple[str, Taken]], now: datetime
    ) -> None:
        once = [each.once for _, each in taken if each.once]
        if once:
            self._store.put(Document(Drawer.SEEN, each, now, "{}") for each in once)
        self._store.drop(Drawer.INBOX, [document.id for document in waiting])

    def _forget(self, now: datetime) -> None:
        """Forget what was seen long ago, now and then."""
        if self._forgotten_at is not None and now - self._forgotten_at < timedelta(minutes=5):
            return
        if forget(self._store, Drawer.SEEN, now - _REMEMBERED):
            self._forgotten_at = now


def forget(store: GraphStore, drawer: Drawer, before: datetime, at_once: int = 1_000) -> bool:
    """Drop the documents that are older, some at a time; tell whether those were all."""
    old = [row.id for row in store.documents(drawer, limit=at_once) if row.at < before]
    if old:
        store.drop(drawer, old)
    return len(old) < at_once


def _changed_entity(change: PostedChange, index: EstateIndex) -> str:
    """Return the one entity that a change names; "" where there is none, or several."""
    if change.entity in index.entities:
        return change.entity
    kind, slash, name = change.entity.partition("/")
    found = index.named(name, (kind,)) if slash and kind.isalpha() else ()
    found = found or index.named(change.entity, change.kinds)
    return found[0] if len(found) == 1 else ""


def folded(reports: Iterable[Report]) -> list[Report]:
    """Return one report for each alert: the newest; of two of one moment, the one told last."""
    newest: dict[tuple[str, str], Report] = {}
    for report in reports:
        key = report.detector, report.fingerprint
        known = newest.get(key)
        if known is None or known.at is None or report.at is None or report.at >= known.at:
            newest.pop(key, None)  # the order is that of the last word
            newest[key] = report
    return list(newest.values())


def _hook_of(document: Document) -> str:
    return str(json.loads(document.body)["hook"])


def _dead(document: Document, why: str, now: datetime) -> Document:
    body = {"inbox": json.loads(document.body), "because": why}
    return Document(Drawer.DEAD, f"inbox {document.id}", now, json.dumps(body))
