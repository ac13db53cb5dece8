"""Guests that go on sending and are sent nothing any more: their switch may have stopped. Pure.

A switch that forwards nothing raises no event: its database and its links are as they were. What
shows it are its guests, whose interfaces received all the time and stopped at one moment, while
they go on asking: for an address, for an answer that is overdue. An idle guest does not ask, nor
does one whose only caller (a monitoring server, say) has gone, so neither accuses anybody; and
where the switch is well, the questions of one guest for an address reach the others.

Two guests at least must have stopped together, and none on that switch may have been sent
anything since.

Blind spots: guests without a habit of receiving; a switch with one busy guest; a switch of which
a part fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ingest.libvirt.counters import Sample
from ingest.libvirt.stillness import History, Limits
from kgraph.signals.stillness import LOUDEST

LEAST_GUESTS = 2


@dataclass(frozen=True, slots=True)
class Plug:
    """One interface of a running guest.

    Attributes:
        uuid: the guest's.
        mac: the interface's address within the guest.
        interface: its name on the host.
        received_at: when it was last seen receiving.
        overdue_at: when it would usually have received again, at the latest.
        stillness: how many times longer than ever it receives nothing though it sends; 0: it
            does, or never had a habit, or does not ask.
    """

    uuid: str
    mac: str
    interface: str
    received_at: datetime
    overdue_at: datetime
    stillness: float = 0.0


def plugs(history: History, sample: Sample, limits: Limits | None = None) -> list[Plug]:
    """Return the interfaces of all running guests whose addresses are known.

    Args:
        history: as `stillness.step` returned it for this sample.
        sample: what was read.
        limits: what makes a pause suspicious.
    """
    rules = limits or Limits()
    found = []
    for guest in sample.guests:
        tracks = history[guest.uuid].tracks if guest.running and guest.uuid in history else {}
        for name, mac in guest.macs.items():
            received, sent = tracks.get(f"received {name}"), tracks.get(f"sent {name}")
            if received is None or sent is None:
                continue
            due = received.moved_at + max(received.longest, rules.lately)
            still = received.stillness(sample.at, rules) if sent.moved_at > due else 0.0
            found.append(Plug(guest.uuid, mac, name, received.moved_at, due, still))
    return found


def cut_off(those: Iterable[Plug]) -> Sequence[Plug]:
    """Return the interfaces of one switch that are sent nothing, if the switch is to blame.

    Args:
        those: all interfaces on the switch.

    Returns:
        None unless those of two guests can have stopped at one moment, and nobody on the switch
        has received anything since.
    """
    every = list(those)
    mute = [plug for plug in every if plug.stillness]
    if len({plug.uuid for plug in mute}) < LEAST_GUESTS:
        return ()
    # The switch stopped after the last packet that anybody was sent, and before any was overdue.
    last = max(plug.received_at for plug in every)
    return mute if last <= min(plug.overdue_at for plug in mute) else ()


def loudness(mute: Sequence[Plug]) -> float:
    """Return how far from usual it is that all of these are sent nothing, as a robust z."""
    return sum(min(LOUDEST, plug.stillness) for plug in mute)
