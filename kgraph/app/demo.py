"""`kgraph demo`: the main job on a bundled estate and storm, with nothing installed around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest import libvirt, topology
from ingest.alertmanager import parse_payload
from kgraph.app.asking import investigation
from kgraph.app.asking.investigation import Investigation
from kgraph.app.configured.toolkit import toolkit
from kgraph.app.incidents import keeping
from kgraph.app.reading import alerts
from kgraph.app.reading.sync import Commitment, Reading, keep, unshown
from kgraph.app.setup.initialise import refuse_second, write
from kgraph.config import Configuration, Settings
from kgraph.schema import Entity, KgraphError, StoreError
from kgraph.signals import Translation
from kgraph.simulation import demo_estate_file, demo_storm_file
from kgraph.store import Diff, GraphStore, ServerStore, open_store

LIBVIRT_URI = "test:///default"
# When the storm is looked at: the demo's clock stands still, so that it always shows the same.
_LATER = timedelta(seconds=20)


class Stage(Enum):
    """The parts of the demo, in order."""

    LIBVIRT = "libvirt"
    ESTATE = "estate"


@dataclass(frozen=True, slots=True)
class Demo:
    """Everything that the demo shows.

    Attributes:
        readings: stage -> what reading it changed, or why it could not be read.
        kinds: entities of the graph by kind.
        storm: the alerts, each with what became of it.
        entities: uid -> entity.
    """

    readings: dict[Stage, Diff | str]
    kinds: Counter[str]
    storm: Translation
    found: Investigation
    entities: dict[str, Entity]


def play(kept_in: Path | None, target: Path | ServerStore | None = None) -> Demo:
    """Run the demo in a temporary store, in a new folder that is kept, or in an empty store.

    Raises:
        KgraphError: the folder cannot be written or holds a configuration already; the store
            cannot be opened or isn't empty.
    """
    with _folder(kept_in) as folder:
        estate, storm = folder / "estate.yaml", folder / "storm.json"
        configuration = folder / "kgraph.toml"
        if kept_in is not None:
            refuse_second(configuration)
        estate.write_bytes(demo_estate_file().read_bytes())
        storm.write_bytes(demo_storm_file().read_bytes())
        with closing(open_store(target or folder / "kgraph.db")) as store:
            if target is not None and (store.scopes() or store.incidents()):
                raise StoreError(
                    "the demo needs an empty store, and this one has an estate in it",
                    where=str(target) if isinstance(target, Path) else target.title,
                    mend="name another one with --store",
                )
            done = _played(store, estate, storm)
        if kept_in is not None:  # last: who tries again after a failure is not refused by its half
            write(configuration, _CONFIGURATION)
        return done


def _played(store: GraphStore, estate: Path, storm: Path) -> Demo:
    now = _moment(storm)
    reading = Reading(store, now, Commitment.COMMIT, unshown)
    readings: dict[Stage, Diff | str] = {
        Stage.LIBVIRT: _libvirt(reading),
        Stage.ESTATE: keep(reading, topology.read(estate)),
    }
    configuration = Configuration(Settings(), estate.with_name("kgraph.toml"))
    translation = alerts.translated(
        alerts.from_file(str(storm), now), store, alerts.packs_of(configuration)
    )
    alerts.observe(reading, translation, alerts.Listing.SOME)
    done = keeping.sort(store, investigation.of_store(store, toolkit(configuration, now)))
    keeping.save(store, done)
    graph = store.graph()
    return Demo(
        readings,
        Counter(entity.kind for entity in graph.entities),
        translation,
        done.kept[0].investigation,
        {entity.uid: entity for entity in graph.entities},
    )


def _libvirt(reading: Reading) -> Diff | str:
    if find_spec("libvirt") is None:
        return "no libvirt binding here: install the extra kgraph-rca[libvirt]"
    try:
        return keep(reading, libvirt.read(LIBVIRT_URI, now=reading.at))
    except KgraphError as error:
        return str(error)


def _moment(storm: Path) -> datetime:
    batch = parse_payload(storm.read_bytes(), where=storm.name, received_at=datetime.min)  # noqa: DTZ901 - only the alerts' own times are read
    return max(alert.starts_at for alert in batch.alerts if alert.starts_at) + _LATER


@contextmanager
def _folder(kept_in: Path | None) -> Iterator[Path]:
    if kept_in is not None:
        kept_in.mkdir(parents=True, exist_ok=True)
        yield kept_in
        return
    with TemporaryDirectory(prefix="kgraph-demo-") as folder:
        yield Path(folder)


_CONFIGURATION = f"""\
# The folder of `kgraph demo --keep`: `kgraph sync` reads it all again.
[store]
url = "sqlite:///kgraph.db"

[[sources]]
type = "libvirt"
uri = "{LIBVIRT_URI}"

[[sources]]
type = "topology"
path = "estate.yaml"

[[sources]]
type = "alertmanager"
path = "storm.json"
"""
