"""Thousands of simulated guests through many random faults: `python -m …simulator.campaign`.

One store, one planner, one executor, the real policy and guards; the invariants are watched at
every effect and every second. The diagnosis is the simulator's own: quick, and easily wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from kgraph.schema import Answer, Incident, Plan, PlanRecord
from kgraph.schema.audit import first_break
from kgraph.store import GraphStore, open_store
from remedies import Facts, Vantage
from tests.lab.campaign.report import misses, summary, table
from tests.remedies.simulator import senses
from tests.remedies.simulator.commands import SITE, Command, Script
from tests.remedies.simulator.hands import Hands
from tests.remedies.simulator.night import SimNight
from tests.remedies.simulator.physics import SimGuest, World
from tests.remedies.simulator.region import GUESTS, Blow, Region, blows, region

EVERY = 6.0  # seconds between two faults
SETTLE = 60.0  # seconds for which all must stay well
LIMIT = 900.0  # seconds within which a fault has to be healed
REST = 950.0  # seconds after the last fault
_MANY, _SOME = 300, range(5)  # causes, and the clusters that stand for all where there are more
_HARMLESS = frozenset({"check", "notify", "ask", "cordon", "uncordon"})
# A region is repaired in larger portions than ten hosts are. A budget that is smaller than what
# happens refuses repairs, as it should: then it is the budget that is measured.
POLICY = """\
format: kgraph.policy/v1
rules: [{{name: all, mode: auto}}]
budgets: {{guestActionsPerMinute: {guests}, fencingsAtOnce: {at_once}, fencingsPerHour: {hosts}}}
"""
_GUESTS, _HOSTS = 12, 3  # of each cluster: actions within a minute, fencings within an hour


@dataclass
class Followed:
    """A fault, who was hurt by it, and since when all of them are well.

    Attributes:
        hurt: names of guests, hosts and units that are not as they were.
    """

    number: int
    blow: Blow
    at: float
    hurt: frozenset[str]
    well_since: float | None = None
    healed: float | None = None
    ended_at: float = 0.0
    deeds: list[str] = field(default_factory=list)
    hasty: list[str] = field(default_factory=list)  # done before a person did her part


@dataclass
class ClusterHands(Hands):
    """The site says which hosts belong together (`among` of a libvirt endpoint)."""

    def among(self, guest: SimGuest) -> list[str]:
        """Return the hosts of the guest's cluster."""
        assert isinstance(self.world, Region)
        number = self.world.cluster_of[guest.name]
        return list(self.world.cluster(number).hosts)


class SimCampaign(SimNight):
    """A night on a region; only the cluster of a cause is asked about, as of a large graph."""

    def __init__(self, store: GraphStore, world: Region, script: Script) -> None:
        self.region = world
        self.followed: list[Followed] = []
        self.effects: list[tuple[float, str, str]] = []
        self.stray: list[str] = []
        self._stale = set(world.cluster_of.values())
        self._moved: set[int] = set()
        self._clusters: dict[str, int] = {}  # of plans
        self._signs: dict[int, object] = {}  # what is wrong and what is well in a cluster
        self._parts: dict[int, tuple[Facts, list[tuple[str, str]]]] = {}
        self._whole: Facts | None = None
        super().__init__(store, script, again=60.0)

    def _touch(self, clusters: set[int]) -> None:
        self._stale |= clusters
        self._moved |= clusters
        self.region.touched = clusters

    def _made_hands(self) -> Hands:
        return ClusterHands(self.world, self._effect, self.witness.looked)

    def _asked(self, cause: tuple[str, str], incident: str) -> tuple[Answer, Incident]:
        number = self.region.cluster_of.get(cause[0], 0)
        return senses.asked(self.region.cluster(number), cause, incident, self.now)

    def _mark(self, cause: tuple[str, str], _facts: Facts) -> object:
        own = self.region.cluster_of[cause[0]]
        if own not in self._signs:
            part = self._parts[own][0]
            self._signs[own] = part.abnormal, part.well & self.region.hosts.keys()
        return self._signs[own]

    def _name(self, plan_id: str, plan: Plan) -> None:
        self._clusters[plan_id] = self.region.cluster_of[plan.cause.entity]
        super()._name(plan_id, plan)

    def _part(self, plan: str) -> World:
        return self.region.cluster(self._clusters[plan])

    def _anew(self, _record: PlanRecord, _plan: Plan) -> bool:
        return True  # as in the watch: the guards tell whether it may begin again

    def _facts(self) -> Facts:
        """Sum up the clusters; only those in which something has happened are looked at anew."""
        for number in self._stale:
            part = self.region.cluster(number)
            self._parts[number] = senses.facts(part, self.now), senses.causes(part)
            self._signs.pop(number, None)
        if self._stale or self._whole is None:
            self._whole = _summed([facts for facts, _ in self._parts.values()])
        self._stale = set()
        facts = replace(self._whole, read_at=self.now)
        # The same picture, a second later: what is derived from it is as it was.
        vars(facts).update(well=self._whole.well, ill=self._whole.ill)
        return facts

    def _causes(self) -> list[tuple[str, str]]:
        """Name what is to blame; where all clusters look alike, some of them stand for all."""
        found = [cause for _, causes in self._parts.values() for cause in causes]
        if len(found) <= _MANY:
            return found
        return [cause for n in _SOME if n in self._parts for cause in self._parts[n][1]]

    def _audited(self) -> str:
        return ""  # the whole log is verified at the end: it has many thousand entries

    def strike(self, number: int, blow: Blow) -> None:
        """Let a fault happen."""
        target = self.region.cluster_of.get(blow.target)
        near = self.region.members()[target] if target is not None else ()
        before = self._broken(near)
        for words in blow.begins:
            self._command(Command(self.seconds, tuple(words.split())))
        hurt = self._broken(near) - before
        if blow.target in self.region.hosts:
            guests = self.region.guests
            hurt |= {n for n in near if n in guests and guests[n].home == blow.target}
        self.followed.append(Followed(number, blow, self.seconds, frozenset(hurt)))

    def step(self) -> None:
        """Let a second pass."""
        self.seconds += self.script.step
        for each in self.followed:
            if each.blow.ends and not each.ended_at and self.seconds >= each.at + each.blow.after:
                each.ended_at = self.seconds
                for words in each.blow.ends:
                    self._command(Command(self.seconds, tuple(words.split())))
        self._tick()
        self.slept = 0.0
        self.witness.moment(
            self.region.guests[name]
            for number in self._moved
            for name in self.region.members()[number]
            if name in self.region.guests
        )
        self._moved = set()
        for each in self.followed:
            self._follow(each)

    def _follow(self, each: Followed) -> None:
        if each.healed is not None or self.seconds - each.at > LIMIT:
            return
        # Where a person has to do her part, nothing is healed before she has.
        if self.left(each) or (each.blow.right == "ask" and not each.ended_at):
            each.well_since = None
        elif each.well_since is None:
            each.well_since = self.seconds
        elif self.seconds - each.well_since >= SETTLE:
            each.healed = each.well_since

    def left(self, each: Followed) -> set[str]:
        """Return who of the hurt is not well still."""
        # A host that was fenced is meant to be off: its guests count, and they are elsewhere.
        target = {each.blow.target} if each.blow.right == "heal" else set()
        return self._broken(each.hurt - (target & self.region.hosts.keys()))

    def _broken(self, names: Iterable[str]) -> set[str]:
        world, found = self.region, set()
        for name in names:
            if name in world.guests:
                guest = world.guests[name]
                there = [world.hosts[host] for host in guest.on]
                well = guest.state == "running" and len(there) == 1 and there[0].works
                bad = not well and guest.state != "left"
            elif name in world.hosts:
                host = world.hosts[name]
                bad = not (host.works and host.mgmt and host.data)
            elif name in world.pools:
                bad = name in world.full
            else:
                bad = world.units[name].state != "active"
            if bad:
                found.add(name)
        return found

    def _effect(self, task: Any) -> None:
        super()._effect(task)
        # It happens right after this; what is seen is summed up in the next second.
        self._touch({self.region.cluster_of.get(task.entity, 0)})
        if task.action in _HARMLESS or task.effect in {"told", ""}:
            return
        self.effects.append((self.seconds, task.action, task.entity))
        told = f"{task.action} {task.entity}"
        # Late repairs of what a fault has hurt, and nobody has mended, are no wrong targets.
        lately = [e for e in self.followed if e.healed is None or self.seconds - e.at <= LIMIT]
        to = task.parameters.get("to", "")
        for each in lately:
            # Who comes to a host that fails is hurt with it, though it was elsewhere when it did.
            if to and to == each.blow.target and not each.ended_at:
                each.hurt |= {task.entity}
        mine = [e for e in lately if task.entity in e.hurt or task.entity == e.blow.target]
        for each in mine:
            each.deeds.append(told)
            if not each.ended_at and task.action not in each.blow.may:
                each.hasty.append(told)
        if not mine and task.action != "migrate":  # who makes room is not hurt, and may move
            self.stray.append(f"{told} at {self.seconds:.0f} s")

    def _command(self, command: Command) -> None:
        clusters = self.region.cluster_of
        named = {clusters[word] for word in command.words if word in clusters}
        everywhere = command.words[0] == "blind"
        self._touch(set(clusters.values()) if everywhere else named or {0})
        match command.words:
            case ("disown", name):
                self.region.rivals.pop(name, None)
            case _:
                super()._command(command)


def _summed(parts: list[Facts]) -> Facts:
    vantages = tuple(
        Vantage(
            same[0].name,
            frozenset().union(*(each.watched for each in same)),
            frozenset().union(*(each.silent for each in same)),
            frozenset().union(*(each.confirmed for each in same)),
        )
        for same in zip(*(part.vantages for part in parts), strict=True)
    )
    owners = {uid: who for part in parts for uid, who in part.owners.items()}
    return replace(
        parts[0],
        abnormal=frozenset().union(*(part.abnormal for part in parts)),
        healthy=frozenset().union(*(part.healthy for part in parts)),
        vantages=vantages,
        owners=owners,
    )


def campaign(
    store: GraphStore,
    seed: int,
    clusters: int,
    faults: int,
    rest: float = REST,
    every: float = EVERY,
    begins: Callable[[int], bool] = lambda _number: True,
) -> SimCampaign:
    """Run one; its followed faults and its witness tell what came of it.

    Args:
        store: an empty one.
        seed: of sizes and faults.
        clusters, faults: how many.
        rest: seconds that pass after the last fault.
        every: seconds between two faults.
        begins: asked before each fault; once it says no, none follows.
    """
    rng = random.Random(seed)
    world = region(clusters, rng)
    budgets = {"guests": _GUESTS * clusters, "hosts": _HOSTS * clusters}
    policy = POLICY.format(**budgets, at_once=max(2, clusters // 10))
    script = Script("campaign", world, (), 0, 1.0, policy, SITE, power=True)
    night = SimCampaign(store, world, script)
    waiting = list(blows(world, rng, faults))
    with night.quiet():
        for number, blow in enumerate(waiting):
            if not begins(number):
                break
            end = night.seconds + every
            while night.seconds < end:
                night.step()
            night.strike(number, blow)
        end = night.seconds + rest
        while night.seconds < end:
            night.step()
    if first_break(store.audit()) is not None:
        night.witness.broken.append("I8 the audit log does not verify")
    return night


def rows(night: SimCampaign, seed: int) -> list[dict[str, Any]]:
    """Return the results as those of the lab are kept; breaches and strays go to the first."""
    found = []
    for each in night.followed:
        blow, asked = each.blow, each.blow.right == "ask"
        since = each.ended_at if asked else each.at
        healed = each.healed is not None
        found.append(
            {
                "seed": seed,
                "number": each.number,
                "kind": blow.kind,
                "right": blow.right,
                "healed": None if blow.right == "leave" else healed,
                "seconds": each.healed - since if healed and blow.right != "leave" else None,
                "named": None,
                "deeds": each.deeds,
                "wrong_targets": [],
                "restrained": not each.hasty if blow.right == "leave" else None,
                "breaches": [],
                "note": "" if healed else f"left: {sorted(night.left(each))[:5]}",
                "load": 0.0,
            }
        )
    found[0]["breaches"] += night.witness.broken
    found[0]["wrong_targets"] += night.stray
    return found


def main() -> int:
    """Run it, keep and print the results."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--guests", type=int, default=10_000)
    words.add_argument("--faults", type=int, default=1_000)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--results", type=Path, default=Path("build/simulated.jsonl"))
    words.add_argument("--every", type=float, default=EVERY, help="seconds between two faults")
    words.add_argument("--log", type=Path, help="where all that happened is written, in order")
    words.add_argument("--minutes", type=float, default=1e9, help="begin no fault after that")
    told = words.parse_args()
    end = time.monotonic() + told.minutes * 60

    def begins(number: int) -> bool:
        if number % 50 == 0:
            sys.stderr.write(f"{number} faults, {time.process_time() - began:.0f} s of CPU\n")
        return time.monotonic() < end

    began = time.process_time()
    # In memory: it is not the disk's patience that is tested.
    shared = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - only where it is
    with (
        tempfile.TemporaryDirectory(dir=shared) as folder,
        closing(open_store(Path(folder) / "region.db")) as store,
    ):
        clusters = -(-told.guests // GUESTS)
        night = campaign(store, told.seed, clusters, told.faults, every=told.every, begins=begins)
        found = rows(night, told.seed)
    if told.log:
        told.log.write_text("".join(f"{line}\n" for line in night.log))
    told.results.parent.mkdir(parents=True, exist_ok=True)
    told.results.write_text("".join(json.dumps(row) + "\n" for row in found))
    spent = time.process_time() - began
    night_hours = timedelta(seconds=round(night.seconds))
    sys.stdout.write(
        f"{len(night.region.guests)} guests, {night_hours} of virtual time,"
        f" {len(night.effects)} effects, {spent:.0f} s of CPU\n\n"
        f"{summary(found)}\n\n{table(found)}\n\n{misses(found)}\n"
    )
    return 0 if not night.witness.broken and not night.stray else 1


if __name__ == "__main__":
    raise SystemExit(main())
