"""How things are said: probabilities, ages, kinds, states, and many names in little room."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from kgraph.schema import FORESEES, Entity, Observation
from kgraph.schema.counting import plural

NO_BREAK = "\N{NO-BREAK SPACE}"
# An entity with several symptoms is told by the first of these that it has.
STATES: Mapping[str, str] = MappingProxyType(
    {
        "panic": "panicked",
        "panicked": "panicked",
        "paused": "paused",
        "paused_io_error": "paused on I/O error",
        "down": "down",
        "failed": "failed",
        "full": "full",
        "hung": "hung",
        "stalled": "waiting for its storage",
        "ioError": "with I/O errors",
        "errors": "failing",
        "failing": "failing",
        "availability": "failing",
        "unreachable": "unreachable",
        "latency": "slow",
        "slow": "slow",
        "starved": "short of resources",
        "degraded": "degraded",
        "filling": "filling up",
        "lossy": "losing some of its traffic",
        "clock_off": "with a wrong clock",
        "clientLatency": "waiting",
        "saturation": "saturated",
        "cpu": "with unusual CPU",
        "memory": "with unusual memory",
        "disk": "with unusual disk I/O",
        "network": "with unusual traffic",
        "requests": "with unusual load",
        "behaviour": "abnormal",
        "anomaly": "abnormal",
    }
)
_GROUPS = 3  # of what is abnormal that a headline names
_RANK = {name: rank for rank, name in enumerate(STATES)}
_SHORT_KINDS = MappingProxyType(
    {"VirtualMachine": "VM", "Nic": "NIC", "Bmc": "BMC", "Thing": "thing"}
)


def probability(value: float) -> str:
    """Say a probability in two digits: `.94`, `< .01`, `> .99`. More would be false precision."""
    if value < 0.005:
        return "< .01"
    return "> .99" if value >= 0.995 else f"{value:.2f}"[1:]


def age(span: timedelta) -> str:
    """Say a time span in one unit: `48 s`, `12 min`, `3 h`, `5 d`."""
    seconds = max(0.0, span.total_seconds())
    if 0 < seconds < 1:
        return f"{max(1, round(seconds * 1000))} ms"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{round(seconds)} s"


def since(offset: timedelta) -> str:
    """Say how long after something it was, or before: `+5 min`."""
    return f"{'-' if offset < timedelta(0) else '+'}{age(abs(offset))}"


def ahead(span: timedelta) -> str:
    """Say how much time is left: `50 s`, `9.6 min`, `45 min`, `3.2 h`, `12 d`."""
    seconds = max(0.0, span.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            left = seconds / size
            return f"{left:.1f} {unit}" if left < 10 else f"{left:.0f} {unit}"
    return f"{round(seconds)} s"


def due(at: datetime, now: datetime, what: str = "") -> str:
    """Say when what is foreseen comes to pass: `full at 14:52Z, in 9.6 min`.

    Args:
        at: when it is expected.
        now: the moment; what lies half a day ahead or more gets its date.
        what: the signal or mode that foresees it.
    """
    far = abs(at - now) >= timedelta(hours=12)
    when = f"{at.astimezone(UTC):%Y-%m-%d %H:%MZ}" if far else f"{at.astimezone(UTC):%H:%MZ}"
    comes = FORESEES.get(what, "due")
    if at <= now:
        return f"{comes} at any moment: expected at {when}"
    return f"{comes} at {when}, in {ahead(at - now)}"


def clock(at: datetime) -> str:
    """Say a moment as the UTC time of day."""
    return f"{at:%H:%M:%S}"


def state(signal: str) -> str:
    """Say a signal or a mode as what it does to a thing: `ioError` -> `with I/O errors`."""
    return STATES.get(signal, signal.replace("_", " "))


def kind(name: str, count: int = 1) -> str:
    """Say a kind: `StorageExport`, 2 -> `storage exports`; `VirtualMachine` -> `VM`."""
    short = _SHORT_KINDS.get(name)
    word = short or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    return word if count == 1 else plural(word)


def count(number: int, noun: str) -> str:
    """Say `1 VM`, `25 VMs`."""
    return f"{number} {kind(noun, number)}"


def spread(chances: Sequence[float]) -> str:
    """Say from where to where some probabilities reach."""
    low, high = probability(min(chances)), probability(max(chances))
    if low == high:
        return low
    if high.startswith(">"):
        return f"{low} or more"
    return f"up to {high}" if low.startswith("<") else f"{low} to {high}"


def unbroken(text: str) -> str:
    """Keep a phrase on one line: whoever wraps must not split it."""
    return text.replace(" ", NO_BREAK)


def names(listed: Sequence[str], room: int | None, between: str = " ") -> str:
    """Join names, and say how many did not fit into `room` characters."""
    taken: list[str] = []
    used = 0
    for position, name in enumerate(listed):
        left = len(listed) - position
        tail = len(f" … and {left - 1} more") if left > 1 else 0
        if room is not None and taken and used + len(between) + len(name) + tail > room:
            return f"{between.join(taken)} … and {left} more"
        taken.append(name)
        used += len(name) + len(between)
    return between.join(taken)


def titles(listed: Sequence[str], room: int | None) -> str:
    """Join what is named by several words each: `Switch tor1, Host hv1`."""
    return names(listed, room, ", ")


def placed(
    entities: Iterable[Entity], place: Callable[[str], str], room: int | None = None
) -> str:
    """Join names, those in one place together: `web-03 web-04 (h07) db-02 (h12)`."""
    rows = sorted((place(entity.uid), entity.name or entity.uid) for entity in entities)
    words = []
    for position, (where, name) in enumerate(rows):
        last = position + 1 == len(rows) or rows[position + 1][0] != where
        words.append(f"{name} ({where})" if where and last else name)
    return names(words, room)


def worst(observations: Iterable[Observation]) -> dict[str, str]:
    """Return entity -> the one abnormal signal that says most of it."""
    found: dict[str, str] = {}
    for row in observations:
        if row.abnormal:
            known = found.get(row.entity, row.signal)
            found[row.entity] = min(known, row.signal, key=lambda s: (_RANK.get(s, len(_RANK)), s))
    return found


def headline(observations: Iterable[Observation], entities: Mapping[str, Entity]) -> str:
    """Say what is wrong before asking why: `4 VMs paused, 1 service failing`."""
    groups: dict[tuple[str, str], int] = {}
    for uid, signal in worst(observations).items():
        entity = entities.get(uid)
        key = (entity.kind if entity else "Thing", state(signal))
        groups[key] = groups.get(key, 0) + 1
    ordered = sorted(groups.items(), key=lambda row: (-row[1], row[0]))
    shown = _GROUPS if len(ordered) > _GROUPS + 1 else len(ordered)  # "1 more" is no shorter
    said = [f"{count(number, noun)} {how}" for (noun, how), number in ordered[:shown]]
    rest = sum(number for _, number in ordered[shown:])
    return ", ".join((*said, f"{rest} more") if rest else said) or "nothing abnormal"
