"""Guests that run and do not move on, told from successive samples. Pure.

libvirt raises no event for them: a stopped QEMU is "running", and so is a guest whose storage
takes its requests and never answers. Two signs are read:

- a monitor that owes an answer in sample after sample;
- a counter (CPU time, disk requests, packets) that has moved regularly and then stands still for
  many times longer than it ever did. What is regular is learned per counter: the longest pause
  so far. A counter that moves now and then has long pauses and accuses nobody, and each pause
  that ends is learned, so nothing is accused twice of the same length.

One guest whose disk stands still may have nothing to do; that sign alone is weak, and graded.
Many guests of one export that stop together are what it is for.

A QEMU that is stopped ends by holding up its libvirtd, and with it these samples: what was last
found wrong stands meanwhile. What was well vouches for nothing so long.

Blind spots: a guest that was idle all along, one that stopped before there was enough history, and
the time after this process was started anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ingest.libvirt.counters import GuestSample, Sample
from ingest.libvirt.place import guest_key
from ingest.libvirt.verdicts import LASTS
from kgraph.schema import Direction, Observation, State
from kgraph.signals.stillness import FACTOR, LEAST_MOVES, LOUDEST

_LOUDNESS_PER_SECOND = 1000.0  # of a silent monitor: it answers within a millisecond or so
_INSTANT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """What makes a pause suspicious.

    Attributes:
        silent_samples: samples in a row in which a monitor has owed an answer.
        moves: times that a counter must have been seen moving.
        history: for how long it must have been watched while it moved.
        factor: times that a pause must be longer than the longest before it.
        pause: and never less than this.
        lately: what has moved within this time is well.
    """

    silent_samples: int = 2
    moves: int = LEAST_MOVES
    history: timedelta = timedelta(minutes=2)
    factor: float = FACTOR
    pause: timedelta = timedelta(seconds=10)
    lately: timedelta = timedelta(seconds=3)


@dataclass(frozen=True, slots=True)
class Track:
    """One counter's past.

    Attributes:
        value: when it was last looked at.
        first: when it was first seen.
        moved_at: when it was last seen moving.
        longest: the longest pause that has ended so far.
        moves: times that it was seen moving.
    """

    value: int
    first: datetime
    moved_at: datetime
    longest: timedelta = timedelta()
    moves: int = 0

    def after(self, value: int, at: datetime) -> Track:
        """Return the past after one more look."""
        if value < self.value:
            return Track(value, at, at)  # the guest was started anew
        if value == self.value:
            return self
        longest = max(self.longest, at - self.moved_at)
        return replace(self, value=value, moved_at=at, longest=longest, moves=self.moves + 1)

    def stillness(self, at: datetime, limits: Limits) -> float:
        """Return how many times longer than ever it stands still; 0 where that is no news."""
        pause = at - self.moved_at
        known = self.moves >= limits.moves and self.moved_at - self.first >= limits.history
        if not known or pause < limits.pause or pause <= limits.factor * self.longest:
            return 0.0
        return pause / max(self.longest, _INSTANT)


@dataclass(frozen=True, slots=True)
class Past:
    """One guest's past; tracks are named `cpu`, `disk vda`, `sent vnet0`, `received vnet0`."""

    tracks: Mapping[str, Track] = field(default_factory=dict)
    silent: int = 0


_AT_REST = Past()  # it does not run, and nothing is said of it any longer

History = Mapping[str, Past]  # uuid -> past


def step(
    history: History, sample: Sample, *, lasts: timedelta, limits: Limits | None = None
) -> tuple[History, list[Observation]]:
    """Take one more sample of a host.

    Args:
        history: as the last call returned it; empty at first.
        sample: what was read.
        lasts: how long health stands; what is wrong stands until the next sample, and without
            one for as long as anything does that libvirt says.
        limits: what makes a pause suspicious.

    Returns:
        The history with the sample, and what is to be said now: per running guest `hung`, and
        `network` down where its packets have stopped; healthy where it was seen moving on,
        withdrawn where nothing is known. Guests that are gone or do not run are forgotten.
    """
    rules = limits or Limits()
    says = _Says(sample, lasts, rules)
    pasts: dict[str, Past] = {}
    rows: list[Observation] = []
    for guest in sample.guests:
        if not guest.running:
            # A paused guest stands still by right; what it did before says nothing of after.
            rows += () if history.get(guest.uuid) == _AT_REST else says.nothing(guest.uuid)
            pasts[guest.uuid] = _AT_REST
            continue
        before = history.get(guest.uuid)
        pasts[guest.uuid] = past = _after(before or Past(), guest, sample.at)
        rows += says.of(guest, past)
    for gone in sorted(history.keys() - pasts.keys()):
        rows += says.nothing(gone)
    return pasts, rows


def _after(past: Past, guest: GuestSample, at: datetime) -> Past:
    counters = _counters(guest)
    tracks = dict(past.tracks)
    for name, value in counters.items():
        track = tracks.get(name)
        tracks[name] = Track(value, at, at) if track is None else track.after(value, at)
    if guest.answers:
        # A disk or interface that was taken out is no longer counted; nor is it still.
        tracks = {name: track for name, track in tracks.items() if name in counters}
    return Past(tracks, past.silent + 1 if guest.answers is False else 0)


def _counters(guest: GuestSample) -> dict[str, int]:
    return {
        "cpu": guest.cpu_ns,
        **{f"disk {name}": value for name, value in guest.disks.items()},
        **{f"sent {name}": value for name, value in guest.sent.items()},
        **{f"received {name}": value for name, value in guest.received.items()},
    }


@dataclass(frozen=True, slots=True)
class _Says:
    """What one sample says."""

    sample: Sample
    lasts: timedelta
    limits: Limits

    def of(self, guest: GuestSample, past: Past) -> Iterator[Observation]:
        """Yield what is said of a running guest."""
        score, detail = self._hung(guest, past)
        if detail:
            yield self._row(guest.uuid, "hung", State.ABNORMAL, score, detail)
        elif self._well(guest, past):
            yield self._row(guest.uuid, "hung", State.HEALTHY)
        else:
            yield self._withdrawn(guest.uuid, "hung")
        score, detail = self._stillest(past, ("sent", "received"))
        if detail:
            yield self._row(guest.uuid, "network", State.ABNORMAL, score, detail)
        else:
            yield self._withdrawn(guest.uuid, "network")

    def nothing(self, uuid: str) -> Iterator[Observation]:
        """Withdraw what was said of a guest."""
        yield self._withdrawn(uuid, "hung")
        yield self._withdrawn(uuid, "network")

    def _hung(self, guest: GuestSample, past: Past) -> tuple[float, str]:
        if past.silent >= self.limits.silent_samples:
            silent = guest.silent_seconds
            told = f"its monitor owes an answer for {silent:.0f} s"
            return _LOUDNESS_PER_SECOND * silent, told
        if guest.answers is False:
            return 0.0, ""
        cpu, told = self._stillest(past, ("cpu",))
        return (cpu, told) if told else self._stillest(past, ("disk",))

    def _well(self, guest: GuestSample, past: Past) -> bool:
        """Tell whether its monitor answers, and CPU time has moved lately, and a disk if any.

        CPU time alone is no proof: while its storage hangs, a guest's processor runs on.
        """
        moved = {
            name.partition(" ")[0]
            for name, track in past.tracks.items()
            if track.moves and self.sample.at - track.moved_at <= self.limits.lately
        }
        has_disk = any(name.startswith("disk ") for name in past.tracks)
        return guest.answers is True and "cpu" in moved and ("disk" in moved or not has_disk)

    def _stillest(self, past: Past, kinds: tuple[str, ...]) -> tuple[float, str]:
        """Return score and detail of the counter that stands still most strangely, if any does."""
        at = self.sample.at
        still = [
            (track.stillness(at, self.limits), name, track)
            for name, track in past.tracks.items()
            if name.partition(" ")[0] in kinds
        ]
        score, name, track = max(still, key=lambda row: (row[0], row[1]), default=(0.0, "", None))
        if not score or track is None:
            return 0.0, ""
        pause, usual = at - track.moved_at, track.longest
        told = f"{_WHAT[name.partition(' ')[0]].format(name.partition(' ')[2])} for"
        told += f" {pause.total_seconds():.0f} s, never before for more than"
        return min(LOUDEST, score), f"{told} {usual.total_seconds():.1f} s"

    def _row(
        self,
        uuid: str,
        signal: str,
        state: State,
        score: float | None = None,
        detail: str = "",
    ) -> Observation:
        at = self.sample.at
        return Observation(
            guest_key(uuid),
            signal,
            state,
            score=score,
            direction=Direction.DOWN if signal == "network" else None,
            at=at,
            detector=f"libvirt-stats/{self.sample.uri}",
            expires_at=at + (LASTS if state is State.ABNORMAL else self.lasts),
            detail=detail,
        )

    def _withdrawn(self, uuid: str, signal: str) -> Observation:
        row = self._row(uuid, signal, State.HEALTHY)
        return replace(row, expires_at=self.sample.at)


_WHAT = {
    "cpu": "its CPU time stands still",
    "disk": "no request of disk {} was done",
    "sent": "nothing was sent on {}",
    "received": "nothing was received on {}",
}
