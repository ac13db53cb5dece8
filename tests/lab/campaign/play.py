"""One fault, from the moment at which all is well to the moment at which it is so again."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kgraph.schema import IncidentStatus
from kgraph.store import open_store
from remedies import Budgets
from remedies.execution.ledger import Ledger
from tests.lab.campaign.deeds import Account, Deed, account, over_budget, seen_twice
from tests.lab.campaign.faults import Case, Inject, Right
from tests.lab.campaign.memory import decides
from tests.lab.campaign.truth import Witness
from tests.lab.lab.acting import configured, has_baseline, moving
from tests.lab.lab.laboratory import Lab
from tests.lab.lab.power import PowerSwitch
from tests.lab.lab.processes import LabError, wait_for
from tests.lab.lab.watching import Watching

SETTLE = 3.0  # seconds for which all must stay well
LIMIT = 75.0  # seconds within which a fault has to be healed
WINDOW = 10.0  # seconds in which nothing may be done where nothing is right
SLOW = 12.0  # seconds after which what is known so far is kept, to see what it waits for
PERSON_AFTER = 8.0  # seconds after which a person does her part
CASES_A_STORE = 6  # at most; see `memory` for why it is fewer most of the time
POLICY = """
format: kgraph.policy/v1
rules:
  - {name: heal by itself, mode: auto, when: {risk: high, posterior: 0.5, synced: true}}
"""


@dataclass(frozen=True)
class Result:
    """What became of one fault.

    Attributes:
        right: what would have been right (`faults.Right`).
        healed: all was well, and stayed so.
        seconds: from the fault, or from what a person did, to the last symptom gone; not settling.
        named: a cause was named that is to blame; None: none had to be.
        deeds: what was done to the estate.
        wrong_targets: what of it was done to something that had nothing to do with the fault.
        restrained: nothing was done that was not right; None: doing something was right.
        breaches: invariants that were broken.
        split: guests that ran on two hosts, though kgraph had done nothing to them.
        note: the last words of the watch where it is not as it should be.
        load: of the machine, over the last minute.
    """

    seed: int
    number: int
    kind: str
    right: str
    healed: bool | None
    seconds: float | None
    named: bool | None
    deeds: list[str]
    wrong_targets: list[str]
    restrained: bool | None
    breaches: list[str]
    split: list[str]
    note: str = ""
    load: float = 0.0

    def row(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)


@dataclass
class Stage:
    """The lab, a witness, and a watch that may act; a new watch with a new store now and then.

    Attributes:
        keep: a folder for what a case leaves behind that did not go as it should.
    """

    lab: Lab
    witness: Witness
    _folder: TemporaryDirectory[str] | None = None
    _watch: Watching | None = None
    _switch: PowerSwitch | None = None
    _played: int = 0
    _deeds: list[Deed] = field(default_factory=list)
    keep: Path | None = None

    def ready(self) -> Watching:
        """Have all be well, and be known to be so."""
        self.lab.heal()
        if self._watch is None or self._is_laden() or not self._calm():
            self.close()
            self._open()
        self._played += 1
        assert self._watch is not None
        try:
            wait_for("all to be well", lambda: not self.witness.now().wrong, seconds=30)
        except LabError as error:
            raise LabError(f"{error}: {sorted(self.witness.now().wrong)}") from error
        return self._watch

    def close(self) -> None:
        """End the watch, and forget its store."""
        if self._watch is not None:
            self._watch.close()
        if self._switch is not None:
            self._switch.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._watch, self._folder, self._switch, self._played = None, None, None, 0
        self._deeds = []

    def keep_store(self, name: str, when: str) -> None:
        """Copy the store as it is now."""
        if self.keep is None:
            return
        path = self.keep / name / f"{when}.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.store)) as store:
            store.execute("VACUUM INTO ?", (str(path),))

    def forget(self, name: str) -> None:
        """Keep nothing of a case that went as it should."""
        if self.keep is not None:
            shutil.rmtree(self.keep / name, ignore_errors=True)

    def keep_evidence(self, name: str, told: int, since: datetime) -> None:
        """Copy the store, what the watch told and what was really so: a loss is looked into."""
        if self.keep is None:
            return
        assert self._watch is not None
        folder = self.keep / name
        self.keep_store(name, "after")
        shutil.copy(self.store.with_name("watch.log"), folder)
        events = self._watch.events[told:]
        (folder / "events.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
        seen = self.witness.since(since)
        (folder / "truth.txt").write_text("".join(f"{p.at} {sorted(p.wrong)}\n" for p in seen))

    @property
    def store(self) -> Path:
        """The watch's store."""
        assert self._watch is not None
        return self._watch.config.with_name("kgraph.db")

    def read(self, since: datetime) -> Account:
        """Read what was done since then."""
        return account(self.store, since, datetime.now(UTC))

    def all_deeds(self, newest: tuple[Deed, ...]) -> tuple[Deed, ...]:
        """Return what was done since this store is there, the newest included."""
        self._deeds += newest
        return tuple(self._deeds)

    def _open(self) -> None:
        self._folder = TemporaryDirectory(prefix="kgl-campaign-")
        self._switch = self.lab.serve_power(Path(self._folder.name))
        more = moving(self.lab) + self._switch.endpoints()
        config = configured(self.lab, Path(self._folder.name), POLICY, more)
        watch = self._watch = Watching(config)
        watch.wait_for("the first sync", lambda e: e["event"] == "watch.synced", seconds=120)
        wait_for("the baseline of the export", lambda: has_baseline(config), seconds=60)
        if not self._calm():
            raise LabError("incidents are open on a lab that is well: " + _last(watch))

    def _is_laden(self) -> bool:
        """Tell whether what earlier cases left behind would decide the next one."""
        with closing(open_store(self.store, read_only=True)) as store:
            ledger = Ledger(store)
            ledger.follow(datetime.now(UTC))
        return self._played >= CASES_A_STORE or decides(ledger.remembered())

    def _calm(self) -> bool:
        """Wait until the watch has no open incident and no plan under way; False: it has."""
        try:
            wait_for("no incident and no plan", lambda: self._quiet(self.store), seconds=25)
        except LabError:
            return False
        return True

    def _quiet(self, path: Path) -> bool:
        with closing(open_store(path, read_only=True)) as store:
            opened = store.incidents(IncidentStatus.OPEN)
        time.sleep(0.2)
        return not opened and not self.read(datetime.now(UTC)).busy


def play(stage: Stage, inject: Inject, seed: int, number: int) -> Result:
    """Inject one fault, let kgraph do what it does, and tell what became of it."""
    rng, name = random.Random(f"{seed}/{number}"), f"{seed}-{number}-{inject.__name__}"
    watch = stage.ready()
    told = len(watch.events)
    begun = datetime.now(UTC)
    case = inject(stage.lab, rng, frozenset())
    at = min(stage.lab.fault_at, datetime.now(UTC))
    asked_at = begun
    healed: float | bool | None = None
    if case.right is Right.LEAVE:
        _left(at)
    elif case.right is Right.ASK:
        _wait(at, PERSON_AFTER)
        assert case.person is not None
        asked_at = datetime.now(UTC)
        case.person()
        at = datetime.now(UTC)
        healed = _healed(stage, case, at, name)
    else:
        healed = _healed(stage, case, at, name)
    _finish(stage, begun)
    # What was announced before has to have ended: only then it is known whether anything was done.
    read = stage.read(begun)
    pictures = stage.witness.since(begun)
    every = stage.all_deeds(read.deeds)
    touched = frozenset(deed.name for deed in every)
    breaches = [*read.breaches, *seen_twice(pictures, read.deeds, touched)]
    breaches += over_budget(every, Budgets())
    split = {name for picture in pictures for name in picture.twice} - touched
    deeds = read.deeds
    titles = [
        cause["title"]
        for event in watch.events[told:]
        for cause in event.get("causes", ())
        if event["event"] == "incident.explained"
    ]
    named = any(name in title for title in titles for name in case.named) if case.named else None
    restrained = {
        Right.HEAL: None,
        Right.LEAVE: not deeds,
        Right.ASK: not [deed for deed in deeds if deed.at < asked_at],
    }[case.right]
    wrong = sorted({str(d) for d in deeds if d.name and not _meant(d, case)})
    well = healed is not False and restrained is not False and not wrong and not breaches
    if not well or named is False or (isinstance(healed, float) and healed > SLOW):
        stage.keep_evidence(name, told, begun)
    else:
        stage.forget(name)
    return Result(
        seed=seed,
        number=number,
        kind=case.kind,
        right=case.right.value,
        healed=None if case.right is Right.LEAVE else healed is not False,
        seconds=healed if isinstance(healed, float) else None,
        named=named,
        deeds=[str(deed) for deed in deeds],
        wrong_targets=wrong,
        restrained=restrained,
        breaches=breaches,
        note="" if well else _last(watch, told),
        split=sorted(split),
        load=os.getloadavg()[0],
    )


def _meant(deed: Deed, case: Case) -> bool:
    return any(deed.name == name or deed.name.endswith(f"/{name}") for name in case.may)


def _left(at: datetime) -> None:
    """Let the fault stand: nothing may be done to it."""
    _wait(at, WINDOW)


def _healed(stage: Stage, case: Case, at: datetime, name: str) -> float | bool:
    """Wait until all is well and stays so; return after how many seconds it was, or False."""
    well_since: datetime | None = None
    kept = False
    while datetime.now(UTC) - at < timedelta(seconds=LIMIT):
        picture = stage.witness.now()
        wrong = (picture.wrong - case.stays) or case.broken()
        now = datetime.now(UTC)
        if wrong:
            well_since = None
        elif well_since is None:
            # The truth is looked at five times a second; a picture is as old as its change.
            well_since = max(picture.at, at) if not case.broken() else now
        elif now - well_since >= timedelta(seconds=SETTLE):
            return (well_since - at).total_seconds()
        if not kept and now - at > timedelta(seconds=SLOW):
            kept = True
            stage.keep_store(name, "meanwhile")
        time.sleep(0.2)
    return False


def _finish(stage: Stage, begun: datetime) -> None:
    """Let what is under way end, as far as it does within a while."""
    end = time.monotonic() + 25
    while time.monotonic() < end and stage.read(begun).busy:
        time.sleep(0.5)


def _wait(at: datetime, seconds: float) -> None:
    left = seconds - (datetime.now(UTC) - at).total_seconds()
    time.sleep(max(0.0, left))


def _last(watch: Watching, told: int = 0) -> str:
    return "\n".join(event["line"] for event in watch.events[told:][-25:])
