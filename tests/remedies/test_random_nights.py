"""Nights that nobody thought of: whatever happens, in whatever order, no invariant breaks.

`KGRAPH_TEST_NIGHTS` says how many; a night that breaks one is printed as a command list, ready to
be kept among the golden ones.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.remedies.simulator.commands import parse
from tests.remedies.simulator.night import SimNight
from tests.stores import new_store

NIGHTS = int(os.environ.get("KGRAPH_TEST_NIGHTS", "16"))
HOSTS = [f"h{n}" for n in range(1, 6)]
GUESTS = [f"web-{n}" for n in range(1, 9)]
ACTIONS = ["start", "resume", "restart", "fence", "start_elsewhere", "reset", "stop"]


def happening(rng: random.Random) -> str:
    """One thing that goes wrong, or is put right."""
    host, guest, unit = rng.choice(HOSTS), rng.choice(GUESTS), rng.choice(["nfs1", "nfs2", "shop"])
    return rng.choice(
        [
            f"power {host} {rng.choice(['off', 'off', 'on'])}",
            f"network {host} {rng.choice(['off', 'on'])} {rng.choice(['mgmt', 'data', 'both'])}",
            f"host {host} {rng.choice(['hang', 'thaw', 'lies', 'stuck', 'nobmc', 'nopdu'])}",
            f"vm {guest} {rng.choice(['hang', 'panic', 'kill', 'kill', 'run', 'leave', 'dies'])}",
            f"unit {unit} {rng.choice(['kill', 'run', 'fail', 'hang', 'swap', 'stubborn'])}",
            f"pool {rng.choice(['full', 'roomy'])}",
            f"blind {rng.choice(['libvirt', 'ping', 'scraper'])} {rng.choice(['on', 'off'])}",
            f"rival {guest} {host}",
            f"own {guest} Pacemaker",
            f"hang {rng.choice(ACTIONS)}",
            f"fail {rng.choice(ACTIONS)} {rng.randint(1, 4)}",
            f"kill {rng.choice(['before', 'after'])} {rng.choice(ACTIONS)}",
            f"lease {rng.choice([guest, host])} {rng.randint(5, 90)}",
            f"sleep {rng.randint(5, 200)}",
            rng.choice(["halt why not", "lift", "lift", "restart", "approve"]),
        ]
    )


def script(seed: int) -> str:
    """A command list of its own for each seed."""
    rng = random.Random(seed)
    sizes = [f"guest {name} gib={rng.choice((2, 4, 8))}" for name in GUESTS]
    rules = [f"guest {rng.choice(GUESTS)} antiAffinity=a" for _ in range(3)]
    at, rows = 0, []
    for _ in range(rng.randint(2, 12)):
        at += rng.choice((0, 1, 2, 5, 15, 40))
        rows.append(f"{at} {happening(rng)}")
    head = [f"# seed {seed}.", "hosts 5", "guests 8", f"policy {rng.choice(('auto', 'tight'))}"]
    return "\n".join([*head, *sizes, *rules, *rows, f"run {at + 150}", ""])


def possible(text: str) -> bool:
    """Whether the rules hold before anything has happened."""
    world = parse(text).world
    for host in world.hosts.values():
        groups = [g.labels.get("antiAffinity") for g in world.guests.values() if host.name in g.on]
        if groups.count("a") > 1:
            return False
    return True


@pytest.mark.parametrize("seed", [n for n in range(NIGHTS * 4) if possible(script(n))][:NIGHTS])
def test_no_invariant_breaks_whatever_happens(tmp_path: Path, seed: int) -> None:
    text = script(seed)
    store = new_store(tmp_path / "night.db")
    try:
        night = SimNight(store, parse(text))
        log = night.run()
    finally:
        store.close()
    ours = [line for line in night.witness.broken if not _of_a_rival(line, text)]
    assert ours == [], "\n".join([text, *log])


def _of_a_rival(line: str, text: str) -> bool:
    """A rival that starts a guest asks nobody whether there is room for it."""
    return line.startswith("I5") and " rival " in text
