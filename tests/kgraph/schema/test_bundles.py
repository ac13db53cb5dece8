"""The bundle format: read, written, and what contradicts itself refused."""

import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.schema import (
    Change,
    Entity,
    Incident,
    InputError,
    Key,
    Observation,
    Relation,
    State,
    Target,
)
from kgraph.schema.bundles import dump_bundle, parse_bundle
from kgraph.schema.healthy import expand_healthy

ENTITIES: list[dict[str, object]] = [
    {"id": "web1", "kind": "Service"},
    {"id": "h1", "kind": "Host", "watched": ["down"]},
]


def parse(**fields: object) -> Incident:
    bundle = {
        "format": "kgraph.incident/v1",
        "id": "i",
        "entities": ENTITIES,
        "relations": [],
        "observations": [],
        **fields,
    }
    return parse_bundle(json.dumps(bundle), where="f:1")


def test_the_documented_example_is_read() -> None:
    incident = parse(
        relations=[{"from": "web1", "type": "RUNS_ON", "to": "h1", "group": None, "need": None}],
        observations=[
            {
                "entity": "web1",
                "signal": "latency",
                "state": "abnormal",
                "score": 12.5,
                "direction": "up",
                "at": "2026-11-23T04:00:00Z",
                "detector": "prometheus/HighLatency",
            }
        ],
        changes=[{"entity": "h1", "type": "config", "at": "2026-11-23T03:57:00Z"}],
        target={"entity": "web1", "signal": "latency"},
        candidates=None,
    )
    (seen,) = incident.observations
    assert seen.at == datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert incident.changes[0].at.tzinfo is UTC
    assert incident.target is not None
    assert incident.warnings == ()


def test_unknown_fields_kinds_and_relations_are_explained_and_never_refused() -> None:
    incident = parse(
        entities=[{"id": "a", "kind": "Blimp", "colour": "red"}, {"id": "b", "kind": "Host"}],
        relations=[{"from": "a", "type": "HOVERS_OVER", "to": "b"}],
    )
    assert incident.entities[0].kind == "Blimp"
    assert incident.relations[0].type == "DEPENDS_ON"
    assert len(incident.warnings) == 2


def test_a_signal_that_is_only_something_wrong_is_told_of_and_a_mode_of_its_kind_is_not() -> None:
    rows = [("a", "silent"), ("a", "silent"), ("a", "overloaded"), ("b", "overloaded")]
    incident = parse(
        entities=[{"id": "a", "kind": "Host"}, {"id": "b", "kind": "StorageExport"}],
        observations=[
            {"entity": entity, "signal": signal, "state": "abnormal"} for entity, signal in rows
        ],
    )
    assert len(incident.observations) == 4
    assert incident.warnings == (
        "unknown signal 'silent' is treated as anomaly (2 times)",
        "unknown signal 'overloaded' is treated as anomaly",
    )


def test_evidence_on_an_entity_that_is_not_there_is_left_out_and_counted() -> None:
    row = {"entity": "ghost", "signal": "down", "state": "abnormal"}
    incident = parse(observations=[row, row])
    assert incident.observations == ()
    assert incident.warnings == ("evidence left out: the bundle does not hold 'ghost' (2 times)",)


def test_who_is_lacking_is_named_and_so_is_a_slip_of_the_pen() -> None:
    incident = parse(
        entities=[{"id": "web1", "kind": "service", "nam": "web", "colour": "red"}],
        observation=[],
        relations=[{"from": "web1", "type": "calls", "to": f"db{n}"} for n in range(5)],
    )
    assert incident.warnings == (
        "unknown field 'observation' is passed over; did you mean observations?",
        "unknown field 'nam' in entities is passed over; did you mean name?",
        "unknown kind 'service' is treated as a generic Thing; did you mean Service?",
        "a relation left out: the bundle does not hold 'db0', 'db1', 'db2' and 2 more (5 times)",
    )


def test_a_bundle_without_entities_keeps_its_evidence_for_the_stored_graph() -> None:
    row = {"entity": "ghost", "signal": "down", "state": "abnormal"}
    incident = parse(entities=None, observations=[row])
    assert len(incident.observations) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"entities": [ENTITIES[0], ENTITIES[0]]}, "'web1' is there twice"),
        ({"format": "kgraph.incident/v2"}, "this reads kgraph.incident/v1"),
        ({"id": ""}, "id: must not be empty"),
        ({"format": "kgraph.topology/v1"}, "kgraph ingest topology"),
        ({"id": None}, "id: must be text"),
        ({"observations": [{"entity": "h1", "signal": "a", "state": "odd"}]}, "state"),
        (
            {"observations": [{"entity": "h1", "signal": "a", "state": "healthy", "at": 5}]},
            "must be a time like",
        ),
        (
            {"changes": [{"entity": "h1", "type": "x", "at": "9999-12-31T23:59:59-01:00"}]},
            "beyond the year 9999",
        ),
        ({"observations": [{"entity": "h1", "signal": "down"}]}, r"observations\[0\]\.state"),
        (
            {"observations": [{"entity": "h1", "signal": "a", "state": "abnormal", "score": -1}]},
            r"observations\[0\]\.score",
        ),
        (
            {"changes": [{"entity": "h1", "type": "x", "at": "2026-11-23T04:00:00"}]},
            "no time zone",
        ),
        (
            {
                "relations": [
                    {"from": "web1", "type": "USES", "to": "h1", "group": "g", "need": 1},
                    {"from": "web1", "type": "USES", "to": "web1", "group": "g", "need": 2},
                ]
            },
            r"needs 1 in relations\[0\] and 2 in relations\[1\]",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_line(
    fields: dict[str, object], said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse(**fields)
    assert str(caught.value).startswith("f:1")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '"x"', "[" * 100_000])
def test_text_that_is_no_bundle_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_bundle(text, where="f")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"labels": {}}]', "f: these are alerts, and no incident; `kgraph ingest alertmanager"),
        ('{"version": "4", "alerts": [{"labels": {}}]}', "f: these are alerts, and no incident;"),
        ("[{}]", "f: is a list; one JSON object for each incident, each on a line of its own"),
        ("[" * 100_000, "f: nested too deeply"),
        ('{"format": ' + "9" * 5000 + "}", "f: a number with too many digits"),
    ],
)
def test_what_is_no_bundle_is_told_in_words_of_the_format(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_bundle(text, where="f")
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("place", ["id", "kind"])
def test_half_a_character_is_refused_wherever_it_stands(place: str) -> None:
    row = {"id": "h1", "kind": "Host"} | {place: "\ud800"}
    text = json.dumps({"format": "kgraph.incident/v1", "id": "a", "entities": [row]})
    with pytest.raises(InputError, match="half a character"):
        parse_bundle(text, where="here")


def test_an_infinite_score_is_refused() -> None:
    row = {"entity": "h1", "signal": "cpu", "state": "abnormal", "score": math.inf}
    with pytest.raises(InputError, match="score"):
        parse(observations=[row])


def test_relations_are_folded_mended_and_every_mending_is_told() -> None:
    incident = parse(
        relations=[
            {"from": "web1", "type": "USES", "to": "h1"},
            {"from": "web1", "type": "USES", "to": "h1", "group": None, "need": 3},
            {"from": "web1", "type": "USES", "to": "ghost"},
            {"from": "web1", "type": "USES", "to": "h1", "group": "g", "need": 2},
        ]
    )
    assert incident.relations == (
        Relation("web1", "USES", "h1"),
        Relation("web1", "USES", "h1", "g", 1),
    )
    assert len(incident.warnings) == 3
    assert any("needs 1" in warning for warning in incident.warnings)


def test_a_group_is_its_source_own() -> None:
    row = {"from": "web1", "type": "USES", "to": "h1", "group": "g"}
    other = {**row, "to": "web1", "need": 1, "source": "cmdb"}
    assert len(parse(relations=[{**row, "need": 1}, other]).relations) == 2


def test_what_says_nothing_is_left_out() -> None:
    incident = parse(
        entities=[{**ENTITIES[0], "props": {"size": math.nan, "parts": [1], "racks": 2}}],
        observations=[{"entity": "web1", "signal": "cpu", "state": "unknown"}],
        changes=[{"entity": "web1", "type": "x", "at": None}],
        target={"entity": "ghost", "signal": "down"},
        candidates=["ghost", "web1", "web1"],
    )
    assert incident.entities[0].props == {"racks": 2}
    assert incident.observations == ()
    assert incident.changes == ()
    assert incident.target is None
    assert incident.candidates == ("web1",)
    assert len(incident.warnings) == 5


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("0001-01-01T00:00:00Z", None),
        ("2026-11-23t04:00:00.5z", datetime(2026, 11, 23, 4, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-23T05:30:00+01:30", datetime(2026, 11, 23, 4, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_every_spelling_of_rfc_3339(text: str, at: datetime | None) -> None:
    row = {"entity": "h1", "signal": "cpu", "state": "abnormal", "at": text}
    assert parse(observations=[row]).observations[0].at == at


def test_an_incident_about_the_stored_graph_keeps_all_that_it_says_when_written() -> None:
    at = datetime(2026, 11, 23, 4, tzinfo=UTC)
    incident = Incident(
        "i",
        observations=(
            Observation(
                "vm7", "down", State.ABNORMAL, received_at=at, expires_at=at, detail="gone"
            ),
        ),
        changes=(Change("vm7", "migrated", at, "h1 to h2", "libvirt"),),
        target=Target("vm7", "down"),
        candidates=("vm7",),
        source="libvirt",
        incomplete=True,
        warnings=("2 alerts were left out",),
        stale={"netbox": timedelta(hours=3)},
    )
    assert parse_bundle(json.dumps(dump_bundle(incident)), where="again") == incident


def test_entities_keep_their_keys_labels_and_sources_when_written() -> None:
    keys = (Key("ip", "10.0.0.1"), Key("ip", "10.0.0.2", "dc2"), Key("name", "a"))
    incident = Incident(
        "i",
        entities=(Entity("a", "Host", "h", keys, {"rack": "r"}, {"up": True, "n": 1}, ("cpu",)),),
        relations=(Relation("a", "USES", "a", "g", 1, "cmdb"),),
    )
    assert parse_bundle(json.dumps(dump_bundle(incident)), where="again") == incident


_rows = st.fixed_dictionaries(
    {
        "entity": st.sampled_from(["web1", "h1"]),
        "signal": st.text(min_size=1, max_size=8),
        "state": st.sampled_from(["abnormal", "healthy"]),
    },
    optional={
        "score": st.none() | st.floats(0, 1e9),
        "direction": st.sampled_from([None, "up", "down"]),
        "at": st.none() | st.datetimes(datetime(1990, 1, 1)).map(lambda t: t.isoformat() + "Z"),  # noqa: DTZ001 - made aware by the Z
        "detector": st.none() | st.text(min_size=1, max_size=5),
        "caller": st.none() | st.just("web1"),
    },
)


@given(
    rows=st.lists(_rows, max_size=6),
    assume=st.booleans(),
    candidates=st.none() | st.just(["web1"]),
)
def test_a_bundle_that_is_written_and_read_again_says_the_same(
    rows: list[dict[str, object]], *, assume: bool, candidates: list[str] | None
) -> None:
    incident = parse(observations=rows, assumeHealthy=assume, candidates=candidates)
    assert parse_bundle(json.dumps(dump_bundle(incident)), where="again") == incident


def test_a_healthy_row_by_every_detector_is_spelled_out_for_each_signal_that_fires() -> None:
    incident = expand_healthy(
        parse(
            observations=[
                {"entity": "web1", "signal": "cpu", "state": "abnormal"},
                {"entity": "web1", "signal": "latency", "state": "abnormal"},
                {"entity": "h1", "signal": "anomaly", "state": "healthy", "detector": "all"},
            ]
        )
    )
    told = {(seen.entity, seen.signal): seen.state for seen in incident.observations}
    assert told[("h1", "cpu")] is told[("h1", "latency")] is State.HEALTHY
    assert ("h1", "anomaly") not in told


def test_assumed_health_holds_only_where_a_detector_looks() -> None:
    incident = expand_healthy(parse(assumeHealthy=True))
    assert [(seen.entity, seen.signal) for seen in incident.observations] == [("h1", "down")]
    assert expand_healthy(parse()).observations == ()


def test_assumed_health_never_overrides_what_was_seen() -> None:
    row = {"entity": "h1", "signal": "down", "state": "abnormal"}
    incident = expand_healthy(parse(assumeHealthy=True, observations=[row]))
    assert [seen.state for seen in incident.observations] == [State.ABNORMAL]


def test_up_to_ten_mistakes_of_a_bundle_are_told_at_once() -> None:
    entities = [
        {"id": "a", "kind": "Host"},
        {"id": "b", "kind": "Host", "keys": {"mac": {"value": [], "x": 1}}},
    ]
    rows = [{"entity": "a", "state": "abnormal"}] * 12
    document = {"format": "kgraph.incident/v1", "id": "x", "entities": entities}
    with pytest.raises(InputError) as refused:
        parse_bundle(json.dumps(document | {"observations": rows}), where="b.json")
    line = str(refused.value)
    assert line.startswith(
        "b.json: entities[1].keys.mac: must be text (also observations[0].signal"
    )
    assert line.count("signal: is missing") == 9
    assert line.endswith("observations[8].signal: is missing; and 3 more); put it in quotes")


def test_of_names_that_somebody_has_made_up_by_the_thousand_few_are_compared() -> None:
    made_up = {f"nam{n}": 1 for n in range(5_000)}
    entities = [{"id": f"e{n}", "kind": f"VirtualMachin{n}"} for n in range(5_000)]
    whole = {"format": "kgraph.incident/v1", "id": "x", "observations": []}
    fields = parse_bundle(json.dumps(whole | {f"entitie{n}": 1 for n in range(5_000)}), where="")
    assert len(fields.warnings) == 11
    assert fields.warnings[-1] == "unknown fields that are not named are passed over: 4990"
    rows = parse_bundle(
        json.dumps(whole | {"entities": [{"id": "a", "kind": "Host"} | made_up]}), where=""
    )
    assert len(rows.warnings) <= 200
    kinds = parse_bundle(json.dumps(whole | {"entities": entities}), where="")
    assert len(kinds.warnings) == 5_000
    assert sum("mean VirtualMachine?" in line for line in kinds.warnings) == 200
