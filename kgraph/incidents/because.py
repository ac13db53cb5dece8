"""What is to blame, and how sure that is: CAUSE or SUSPECT, WHY, FOR, AGAINST, UNKNOWN, PATH."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from kgraph.incidents import rivals, witnesses, wording
from kgraph.incidents.case import View
from kgraph.incidents.report import Detail, Label, Section, Tone
from kgraph.schema import RELATIONS, Answer, Carries, Cause, Observation, Relation, Stray
from kgraph.schema.counting import counted

# Sharing is a set intersection per witness: a thousand of them say no more than two hundred.
_WITNESSES = 200
_TOLD = 0.5  # of what its peers depend on something lacks, from which it is said
_LITTLE = 0.02  # an alarm that stands for nothing so often is told of
_AS_LIKELY = 0.45  # of how likely the first way to fail is, from which the second is told
_REMOTE = 0.05  # below it, a rival needs no second look now


def cause(view: View) -> Section:
    """Say what is to blame, or merely suspected, or that nothing is."""
    answer = view.case.answer
    if answer.abstained:
        return Section(Label.CAUSE, tuple(_not_found(view)), Tone.WARNING)
    lines: list[str] = []
    symptoms = len({(row.entity, row.signal) for row in view.abnormal})
    for fault in view.blamed:
        suspect = view.causes[fault.entity]
        how = _how(suspect, fault.mode)
        share = ""
        if len(view.blamed) > 1:
            share = f"  explains {suspect.explains} of {symptoms} symptoms"
        chance = wording.probability(suspect.posterior)
        trust = "" if lines else _trust(answer)
        coming = f"  {said}" if (said := view.due(suspect)) else ""
        title = view.estate.title(fault.entity)
        lines.append(f"P {chance}{trust}  {title} {how}{coming}{share}")
        lines += rivals.twins(view, suspect)
    if len(view.blamed) > 1:
        together = next(h.posterior for h in answer.hypotheses if h.members)
        lines.append(
            f"these {len(view.blamed)} and nothing else: P {wording.probability(together)}"
        )
    if view.suspected:
        return Section(Label.SUSPECT, tuple(lines), Tone.WARNING)
    return Section(Label.CAUSE, tuple(lines), Tone.LOUD)


def _how(suspect: Cause, mode: str) -> str:
    """Say in which way it fails, and the next likely way where that is half as likely or more."""
    others = {m: p for m, p in suspect.modes.items() if m != mode}
    second = max(others, key=others.__getitem__, default="")
    ways = [wording.state(mode).upper()]
    if second and others[second] >= _AS_LIKELY * suspect.modes.get(mode, 1.0):
        ways.append(wording.state(second).upper())
    return " or ".join(dict.fromkeys(ways))


def _not_found(view: View) -> Iterator[str]:
    answer = view.case.answer
    yield f"not found: {answer.abstained_because}"
    yield from _strays(view)
    if view.blamed and answer.elsewhere > answer.monitoring:
        nearest = wording.titles([view.estate.title(f.entity) for f in view.blamed], view.room)
        yield f"if it is outside, it shows through {nearest}"


def _trust(answer: Answer) -> str:
    return " (calibrated)" if answer.calibration else " (not calibrated)"


def why(view: View) -> Section:
    """Say what makes the suspect the suspect, in terms of the graph."""
    lead = view.lead
    if lead is None or view.case.answer.abstained:
        return Section(Label.WHY, ())
    rest = view.unexplained
    lines = (_reason(view, lead, rest), *_left_over(view, rest), *_strays(view))
    return Section(Label.WHY, lines)


def ways(view: View) -> Section:
    """Name the ways from the cause to the symptoms, where everything is told."""
    if view.detail is Detail.BRIEF or view.case.answer.abstained:
        return Section(Label.PATH, ())
    return Section(Label.PATH, tuple(_paths(view)))


def speaks_for(view: View) -> Section:
    """Name the witnesses for the suspects."""
    rows = witnesses.grouped(view, [w for c in view.suspects for w in c.supporting])
    return Section(Label.FOR, (*_first(view, rows, 3), *rivals.rests_on(view)))


def speaks_against(view: View) -> Section:
    """Name the witnesses against the suspects; silence here is said too."""
    if not view.blamed or view.case.answer.abstained:
        return Section(Label.AGAINST, ())
    # What is hurt in one way and well in another does not speak against being hurt.
    hurt = {w.observation.entity for c in view.suspects for w in c.supporting}
    well = [
        witness
        for suspect in view.suspects
        for witness in suspect.contradicting
        if witness.observation.entity not in hurt
    ]
    rows = [*witnesses.over(view), *witnesses.spared(view, well)]
    return Section(
        Label.AGAINST, _first(view, rows, 2) or ("nothing that was looked at",), Tone.QUIET
    )


def _first(view: View, rows: Sequence[str], count: int) -> tuple[str, ...]:
    """Return the weightiest rows; what finds no room is counted at the end of the last."""
    shown = view.first(rows, count)
    left = len(rows) - len(shown)
    if not left:
        return shown
    return (*shown[:-1], f"{shown[-1]} · {left} more {'sign' if left == 1 else 'signs'}")


def unknown(view: View) -> Section:
    """Say where nobody looked."""
    lines = []
    missing = sum(suspect.unknown for suspect in view.suspects)
    for suspect in view.suspects:
        seen = any(row.entity == suspect.entity for row in view.case.incident.observations)
        if not seen:
            lines.append(f"{view.estate.name(suspect.entity)} itself: no word from any probe")
            missing -= 1  # it is counted among what should show something
    if missing > 0:
        things = "sign" if missing == 1 else "signs"
        lines.append(f"{missing} expected {things} that nothing watches")
    lines += _lacks(view)
    return Section(Label.UNKNOWN, (" · ".join(lines),) if lines else ())


def _lacks(view: View) -> list[str]:
    """Say what a suspect lacks of what its peers depend on: the cause may lie there."""
    return [
        f"{view.estate.name(suspect.entity)} has fewer {suspect.lacks.relation} relations than"
        f" {wording.kind(suspect.kind, 2)} usually have: the cause may be what is missing"
        for suspect in view.suspects
        if suspect.lacks is not None and suspect.lacks.share >= _TOLD
    ]


def looked(view: View) -> Section:
    """Say how much was looked at: silence is no health."""
    seen = {row.entity for row in view.case.incident.observations}
    total = len(view.estate.entities)
    if not total:
        return Section(Label.UNKNOWN, ("the graph is empty: nothing was read yet",), Tone.WARNING)
    return Section(
        Label.UNKNOWN, (f"{total - len(seen)} of {total} things: no word from any probe",)
    )


def _left_over(view: View, rest: Sequence[Observation]) -> Iterator[str]:
    """Say what else is wrong: who reads the cause alone would take it to be a part of this."""
    if not rest:
        return
    by = "it" if len(view.blamed) == 1 else "them"
    said = f"not explained by {by}: {wording.headline(rest, view.estate.entities)}"
    uids = {row.entity for row in rest} & view.estate.entities.keys()
    who = wording.placed([view.estate.entities[u] for u in uids], view.estate.place, view.room)
    yield f"{said}: {who}" if who else said


def _strays(view: View) -> Iterator[str]:
    """Say of which alarms it is known that they go off for nothing, the worst first."""
    standing = {(row.entity, row.signal) for row in view.abnormal}
    rows = [
        row
        for row in view.case.incident.strays
        if row.noise >= _LITTLE and row.times and (row.entity, row.signal) in standing
    ]
    worst = sorted(rows, key=lambda row: (-row.noise, row.entity, row.signal, row.detector))
    shown = view.first([_stray(view, row) for row in worst], 2)
    more = f" · {left} more like it" if (left := len(rows) - len(shown)) else ""
    yield from (*shown[:-1], *(f"{line}{more}" for line in shown[-1:]))


def _stray(view: View, row: Stray) -> str:
    by = f" ({row.detector})" if row.detector else ""
    alarm = f"{view.estate.title(row.entity)} {wording.state(row.signal)}{by}"
    often, days = counted(row.times, "time"), counted(max(1, round(row.days)), "day")
    return f"{alarm}: stood {often} in {days} with nothing else wrong; it counts little"


def _reason(view: View, lead: Cause, rest: Sequence[Observation]) -> str:
    hit = [w.observation.entity for w in lead.supporting if w.observation.abnormal]
    everybody = [uid for uid in dict.fromkeys(hit) if uid != lead.entity]
    victims = everybody[:_WITNESSES]
    reach = {uid: view.estate.causes_of(uid) for uid in victims}
    victims = [uid for uid in victims if lead.entity in reach[uid]]
    if not victims:
        return _itself(view, lead, everybody)
    if len(victims) == 1:
        return f"{view.estate.title(victims[0])} needs {_called(view, (lead.entity,))}"
    signals = {w.observation.entity: w.observation.signal for w in lead.supporting}
    # Of several that are blamed each has its own.
    shown = {row.entity for row in view.abnormal} - {fault.entity for fault in view.blamed}
    every = "" if rest or (len(view.blamed) > 1 and shown.difference(victims)) else "all "
    if len(everybody) > len(victims) >= _WITNESSES:
        every = "all of the first "
    who = _victims(view, victims, signals, every)
    common = frozenset.intersection(*(reach[uid] for uid in victims))
    blamed = [fault.entity for fault in view.blamed if fault.entity in common]
    # What lies behind what is blamed, or between it and its victims, is no rival explanation.
    others = common.difference(
        blamed, *map(view.estate.causes_of, blamed), *map(view.estate.dependents_of, blamed)
    )
    if not others:
        if len(view.blamed) == 1:
            return f"the only thing that {who} share{_spread(view, victims)}"
        return f"nothing but {_called(view, blamed)} is shared by {who}{_spread(view, victims)}"
    also = wording.titles(sorted(view.estate.title(uid) for uid in others), 50)
    found = (view.causes[uid].posterior for uid in others if uid in view.causes)
    verdict = "far less likely" if max(found, default=0.0) < _REMOTE else "see ELSE"
    return f"{who} share {_called(view, blamed)}; they also share {also} ({verdict})"


def _called(view: View, blamed: Sequence[str]) -> str:
    """Name some of what is blamed; "it" says enough where nothing else is."""
    if len(view.blamed) == 1:
        return "it"
    return " and ".join(view.estate.name(uid) for uid in blamed)


def _itself(view: View, lead: Cause, others: Sequence[str]) -> str:
    """Say why it is blamed where nothing that shows symptoms needs it."""
    signals = {w.observation.entity: w.observation.signal for w in lead.supporting}
    watched = {r.dependent for r in view.case.incident.relations if _watches(r, lead.entity)}
    blind = [uid for uid in others if uid in watched]
    it = _called(view, (lead.entity,))
    if lead.entity in signals or not others:
        return f"{it} shows the symptoms itself, and nothing that it needs explains them better"
    if not blind:
        fits = f"the symptoms of {_victims(view, others, signals, '')} fit {it}"
        if view.estate.causes_of(lead.entity).issuperset(others):
            return f"{fits}: such a fault hurts what it needs, too"
        return f"{fits}, though nothing of that depends on it"
    every = "all " if len(blind) == len(others) else ""
    return f"what is known of {_victims(view, blind, signals, every)} comes through {it}"


def _watches(relation: Relation, watcher: str) -> bool:
    type_ = RELATIONS.get(relation.type)
    return (
        relation.dependency == watcher and type_ is not None and type_.carries is Carries.EVIDENCE
    )


def _victims(view: View, victims: Sequence[str], signals: Mapping[str, str], every: str) -> str:
    """Say who they are: one by its name, more with `every` where that is more than a few words."""
    if len(victims) == 1:
        return view.estate.title(victims[0])  # nobody says "all 1 unreachable host"
    kinds: dict[str, int] = {}
    for uid in victims:
        kinds[view.estate.kind(uid)] = kinds.get(view.estate.kind(uid), 0) + 1
    states = {wording.state(signals[uid]) for uid in victims}
    if len(states) == len(kinds) == 1 and (how := states.pop()).isalpha():
        noun = next(iter(kinds))
        many = "both" if every == "all " and len(victims) == 2 else f"{every}{len(victims)}"
        return f"{many} {how} {wording.kind(noun, len(victims))}"
    most_first = sorted(kinds.items(), key=lambda row: (-row[1], row[0]))
    said = [wording.count(number, noun) for noun, number in most_first]
    if len(said) > 2:
        others = "" if every else f" of {len({row.entity for row in view.abnormal})}"
        return f"{every}{len(victims)}{others} things that show symptoms"
    if len(said) == 2 and every == "all ":
        every = ""  # nobody says "all 2 VMs and 1 service"
    elif len(victims) == 2 and every == "all ":
        return f"both {wording.kind(most_first[0][0], 2)}"
    return f"{every}{' and '.join(said)}"


def _spread(view: View, victims: Iterable[str]) -> str:
    places = {view.estate.place(uid) for uid in victims} - {""}
    return f", on {len(places)} hosts" if len(places) > 1 else ""


def _paths(view: View) -> list[str]:
    """Say each way from the cause once, with all that was seen at its end."""
    ends: dict[str, list[str]] = {}
    for path in view.case.answer.explanation:
        hops = [f"{view.estate.name(path.cause.entity)} {wording.state(path.cause.mode)}"]
        hops += [
            f"{view.estate.name(step.entity)} {wording.state(step.mode)}"
            f" ({step.relation}, {wording.probability(step.probability)})"
            for step in path.steps[1:]
        ]
        ends.setdefault(" → ".join(hops), []).append(wording.state(path.symptom.signal))
    return [f"{way}; seen: {', '.join(dict.fromkeys(seen))}" for way, seen in ends.items()]
