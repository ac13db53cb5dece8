"""Topology documents: the three forms give the same records, and defects give one clear line."""

import gc
import io
import json
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ingest.topology import read
from kgraph.schema import KINDS, InputError, Item, Record, RelationRecord

HEADER = {
    "format": "kgraph.topology/v1",
    "source": "cmdb",
    "scope": "site:dc1",
    "complete": True,
}
ENTITIES: list[dict[str, object]] = [
    {
        "id": "h1",
        "kind": "Host",
        "name": "h1.dc1",
        "keys": {"serial": 4711},
        "labels": {"rack": "r1"},
        "props": {"memoryBytes": 274877906944, "loadRatio": 0.5, "virtual": False},
        "watched": ["down"],
    },
    {"id": "feedA", "kind": "PowerFeed"},
    {"id": "feedB", "kind": "PowerFeed"},
]
RELATIONS: list[dict[str, object]] = [
    {"from": "h1", "type": "POWERED_BY", "to": "feedA", "group": "power", "need": 1},
    {"from": "h1", "type": "POWERED_BY", "to": "feedB", "group": "power", "need": 1},
]


def document(**changes: object) -> dict[str, object]:
    return {**HEADER, "entities": ENTITIES, "relations": RELATIONS, **changes}


def lines(rows: list[object]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def as_lines() -> bytes:
    return lines(
        [HEADER, *({"entity": e} for e in ENTITIES), *({"relation": r} for r in RELATIONS)]
    )


def items(content: bytes, name: str = "doc") -> list[Item]:
    return list(read(io.BytesIO(content), name=name).items)


def bare(rows: list[Item]) -> list[object]:
    """Records without their place, which differs between the forms."""
    return [
        (r.key, r.kind, r.name, r.keys, dict(r.labels), dict(r.props), r.watched)
        if isinstance(r, Record)
        else (r.dependent, r.type, r.dependency, r.group, r.need)
        for r in rows
        if isinstance(r, Record | RelationRecord)
    ]


def refusal(content: bytes | dict[str, object]) -> str:
    text = content if isinstance(content, bytes) else yaml.safe_dump(content).encode()
    with pytest.raises(InputError) as caught:
        items(text)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_yaml_json_and_json_lines_say_the_same() -> None:
    by_yaml = items(yaml.safe_dump(document()).encode())
    by_json = items(json.dumps(document(), indent=2).encode())
    by_line = items(json.dumps(document()).encode())
    by_lines = items(as_lines())
    assert bare(by_yaml) == bare(by_json) == bare(by_line) == bare(by_lines)
    assert len(by_yaml) == 5


def test_the_header_may_stand_behind_the_rows_in_json() -> None:
    snapshot = read(io.BytesIO(json.dumps({"entities": ENTITIES, **HEADER}).encode()))
    assert (snapshot.source, snapshot.scope, snapshot.complete) == ("cmdb", "site:dc1", True)
    assert len(list(snapshot.items)) == 3


def test_a_document_is_partial_unless_it_says_complete() -> None:
    partial = {key: value for key, value in HEADER.items() if key != "complete"}
    assert not read(io.BytesIO(yaml.safe_dump(partial).encode())).complete


def test_a_pipe_is_read_like_a_file() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    assert len(list(read(Pipe(json.dumps(document()).encode())).items)) == 5


def test_a_file_that_is_written_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "estate.json"
    text = json.dumps({**HEADER, "entities": [{"id": "h1", "kind": "Host"}]})
    path.write_text(text, "utf-8")
    found = read(path)
    with path.open("a", encoding="utf-8") as writer:
        writer.write("\n")
    with pytest.raises(InputError, match=r"was written to while .*; write it beside, and move"):
        list(found.items)
    assert len(list(read(path).items)) == 1


def test_rows_know_their_line(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text("format: kgraph.topology/v1\nsource: s\nentities:\n  - {id: a, kind: Host}\n")
    (row,) = read(path).items
    assert isinstance(row, Record)
    assert row.where == f"{path}:4"


def test_who_hands_over_a_table_is_told_what_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "estate.csv"
    path.write_text("id,kind\nh1,Host\n")
    with pytest.raises(InputError, match="a table is read by `kgraph ingest csv path=FILE`"):
        read(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"entities: [1", "doc:2:1: not YAML"),
        (b"a: b: c", "doc:1:5: not YAML"),
        (b"- 1", "not a topology document"),
        (b"", "the document is empty"),
        (b"\xff\xfe: 1", "doc:1: byte 0 is not UTF-8"),
        (b"source: x\n# s\xfcd\n", "doc:2: byte 13 is not UTF-8"),
        (b"#" * 2**20 + b"\n" * 2**20 + b"\xfc", f"doc:{2**20 + 1}: byte {2**21} is not UTF-8"),
        (b"[1, 2]", "doc: the document is not an object"),
        (b'{"format": "kgraph.topology/v1", "source"', "not JSON"),
        (json.dumps(document(), indent=1).encode()[:-40], "doc:47:3: not JSON"),
        (json.dumps(document()).encode() + b"x", "not JSON: Extra data"),
        (as_lines()[:-20], "doc:6: not JSON"),
        (b"a: " + b"[" * 200_000, "doc:1: nested too deeply"),
        (b'{"a":' * 100_000, "doc: nested too deeply"),
        (lines([HEADER]) + b'{"entity":' + b"[" * 100_000, "doc:2: not JSON"),
        (lines([HEADER]) + b'{"entity":{"id":"\xff"}}', "doc:2: byte 17 of the line is not UTF-8"),
        (json.dumps(HEADER).encode()[:-1] + b',"a":"\xc3', "is not UTF-8"),
        (b"? [a]\n: b\n", "doc:1: a field's name must be text"),
        (b"a: 1\n---\nb: 2\n", "doc:2: a second document"),
        (b"a: !!python/object:os.system {}\n", "doc:1: tag"),
        (b"# nothing else\n", "the document is empty"),
        (lines([HEADER, {"entitty": {}}]), "doc:2: neither an entity nor a relation"),
        (b"a: &a [*a]", "doc:1: alias *a of nothing above"),
    ],
)
def test_malformed_text_is_refused_in_one_line_with_its_place(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_an_unknown_kind_is_refused_with_the_nearest_ones() -> None:
    message = refusal(document(entities=[{"id": "a", "kind": "VirtualMachin"}], relations=[]))
    assert "unknown kind 'VirtualMachin'" in message
    assert "did you mean VirtualMachine" in message


@pytest.mark.parametrize(
    ("signal", "said"),
    [
        ("dwon", "did you mean down?"),
        ("ioerr", "did you mean ioError?"),
        ("zz", "known signals: "),
    ],
)
def test_a_watched_signal_that_is_none_is_refused_with_the_nearest_ones(
    signal: str, said: str
) -> None:
    entity = {"id": "a", "kind": "VirtualMachine", "watched": ["paused", signal]}
    message = refusal(document(entities=[entity], relations=[]))
    assert f"watched: unknown signal {signal!r}; {said}" in message


def test_an_unknown_relation_is_refused_with_the_known_ones() -> None:
    message = refusal(document(relations=[{"from": "h1", "type": "POWERS", "to": "feedA"}]))
    assert "unknown relation 'POWERS'" in message
    assert "POWERED_BY" in message


def test_an_unknown_field_is_refused_with_the_known_ones() -> None:
    message = refusal(document(entities=[{"id": "a", "kind": "Host", "labls": {}}], relations=[]))
    assert "labls" in message
    assert "labels" in message


def test_an_unknown_format_version_is_refused() -> None:
    assert "kgraph.topology/v1" in refusal(document(format="kgraph.topology/v2"))


def test_an_id_that_is_there_twice_names_both_places() -> None:
    message = refusal(document(entities=[ENTITIES[1], dict(ENTITIES[1])]))
    assert "'feedA' is there twice" in message
    assert message.count("doc:") == 2


def test_differing_need_in_one_group_names_both_rows() -> None:
    message = refusal(document(relations=[RELATIONS[0], {**RELATIONS[1], "need": 2}]))
    assert "needs 2 here and 1 at" in message
    assert message.count("doc:") == 2


@pytest.mark.parametrize(
    "row",
    [
        {"id": "a\0", "kind": "Host"},
        {"id": "a", "kind": "Host", "keys": {"ip": ["192.0.2.1", "\0"]}},
        {"id": "a", "kind": "Host", "keys": {"ip": "\0"}},
    ],
)
def test_a_name_that_nothing_could_be_found_by_is_refused(row: dict[str, object]) -> None:
    assert "a NUL character in id or keys of 'a" in refusal(document(entities=[row], relations=[]))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(number: float) -> None:
    entity = {"id": "a", "kind": "Host", "props": {"loadRatio": number}}
    assert "loadRatio" in refusal(document(entities=[entity], relations=[]))


def test_a_document_cut_off_between_lines_is_noticed_by_its_counts() -> None:
    head = {**HEADER, "expect": {"entities": 2}}
    assert "1 entity rows where the header announces 2" in refusal(
        lines([head, {"entity": ENTITIES[0]}])
    )


def test_a_file_that_is_not_there_is_one_line() -> None:
    with pytest.raises(InputError, match=r"no-such\.yaml: No such file"):
        read(Path("no-such.yaml"))


def test_json_lines_are_streamed_and_never_held_whole() -> None:
    rows = 2_000

    class Endless(io.RawIOBase):
        def __init__(self, source: Iterator[bytes]) -> None:
            self.source, self.rest = source, b""

        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0) -> int:
            assert (offset, whence) == (0, 0)
            self.source, self.rest = generate(), b""
            return 0

        def readinto(self, buffer: object) -> int:
            view = memoryview(buffer)  # type: ignore[arg-type]
            while not self.rest:
                self.rest = next(self.source, b"")
                if not self.rest:
                    return 0
            taken = self.rest[: len(view)]
            view[: len(taken)] = taken
            self.rest = self.rest[len(taken) :]
            return len(taken)

    def generate() -> Iterator[bytes]:
        yield json.dumps(HEADER).encode() + b"\n"
        for i in range(rows):
            pad = "x" * 20_000
            row = {"entity": {"id": f"h{i}", "kind": "Host", "labels": {"pad": pad}}}
            yield json.dumps(row).encode() + b"\n"

    tracemalloc.start()
    snapshot = read(io.BufferedReader(Endless(generate())))
    count = sum(1 for _ in snapshot.items)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == rows
    assert peak < 2 * 2**20  # the document has 40 MiB; what stays is one place per id


YAML_HEAD = b"format: kgraph.topology/v1\nsource: cmdb\n"


def test_yaml_keeps_what_people_write_as_names_and_keys() -> None:
    (row,) = items(
        YAML_HEAD + b"entities:\n"
        b"  - {id: 0017, kind: Nic, keys: {mac: 52:54:00:12:34:56, ip: [10.0.0.1, 10.0.0.2]},\n"
        b"     labels: {enabled: no, since: 2026-11-23}, props: {ratio: 1e-3, up: true, n: -7}}\n"
    )
    assert isinstance(row, Record)
    assert row.key == "0017"
    assert [(key.namespace, key.value) for key in row.keys] == [
        ("mac", "52:54:00:12:34:56"),
        ("ip", "10.0.0.1"),
        ("ip", "10.0.0.2"),
    ]
    assert row.labels == {"enabled": "no", "since": "2026-11-23"}
    assert row.props == {"ratio": 0.001, "up": True, "n": -7}


def test_a_fraction_as_text_keeps_its_zeros_or_is_refused() -> None:
    keys = b"{version: 1.10, serial: 4e10}"
    (row,) = items(YAML_HEAD + b"entities: [{id: a, kind: Host, keys: " + keys + b"}]\n")
    assert isinstance(row, Record)
    assert [key.value for key in row.keys] == ["1.10", "4e10"]
    message = refusal(b'{"source": 1.10, "format": "kgraph.topology/v1"}')
    assert message == "doc:1: source: must be text; put it in quotes"


def test_an_alias_stands_for_its_value() -> None:
    shared = {"rack": "r1"}
    entities = [{"id": i, "kind": "Host", "labels": shared} for i in "ab"]
    text = yaml.safe_dump(document(entities=entities, relations=[]))
    assert "*id001" in text
    assert [row.labels for row in items(text.encode()) if isinstance(row, Record)] == [shared] * 2


def test_aliases_cannot_make_a_small_document_huge() -> None:
    bomb = b"x0: &x0 [lol, lol, lol]\n" + b"".join(
        b"x%d: &x%d [%s]\n" % (i, i, b", ".join([b"*x%d" % (i - 1)] * 10)) for i in range(1, 12)
    )
    assert "aliases stand for too much" in refusal(YAML_HEAD + bomb)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (YAML_HEAD + b"entities: []\nentities: []\n", "doc:4: field 'entities' is there twice"),
        (YAML_HEAD + b"relations:\n  - {from: a, from: c, type: USES, to: b}\n", "doc:4: field"),
        (
            lines([HEADER]) + b'{"relation": {"from": "a", "from": "c"}}\n',
            "doc:2: not JSON: field 'from' is there twice",
        ),
        (b'{"source": "a", "source": "b"}', "field 'source' is there twice"),
        (json.dumps(document(entities={"id": "a"})).encode(), "entities: must be a list"),
        (YAML_HEAD + b"entities: {id: a}\n", "doc:3: entities: must be a list"),
    ],
)
def test_nothing_is_lost_in_silence(content: bytes, said: str) -> None:
    assert said in refusal(content)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"complete": "yes"}, "complete: must be a yes or no"),
        ({"complete": 1}, "complete: must be a yes or no"),
        ({"source": ""}, "source:"),
        ({"scope": None}, "scope: must be text"),
        ({"format": "kgraph.incident/v1"}, "kgraph investigate --bundle"),
        ({"expect": {"entitys": 1}}, "expect.entitys: unknown field; did you mean entities?"),
        ({"entities": [{"id": "a", "kind": "Host", "lables": {}}]}, "did you mean labels?"),
        ({"entities": [{"id": "a", "kind": "Host", "zzz": {}}]}, "known fields: id, kind, name"),
        ({"entities": [{"id": "a", "kind": "Host", "[": {}}]}, "[: unknown field; known fields:"),
        ({"entities": [None]}, "the whole: must be an object"),
        ({"entities": [{"id": "a"}]}, "kind: is missing"),
        ({"entities": [{**ENTITIES[0], "props": {"x": None}}]}, "props.x: must be text, a number"),
        ({"entities": [{**ENTITIES[0], "props": {"x": 2**63}}]}, "props.x: must fit into 64 bits"),
        ({"relations": [{**RELATIONS[0], "need": 0}]}, "need:"),
        ({"relations": [{**RELATIONS[0], "need": "1"}]}, "need:"),
        ({"relations": [{**RELATIONS[0], "need": True}]}, "need:"),
        ({"relations": [{**RELATIONS[0], "to": ""}]}, "to:"),
        ({"relations": [{**RELATIONS[0], "group": None, "need": 2}]}, "need: is 2 without"),
        ({"relations": [{**RELATIONS[0], "type": "RUN_ON"}]}, "did you mean RUNS_ON"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_field(
    changes: dict[str, object], said: str
) -> None:
    assert said in refusal(document(**changes))


@pytest.mark.parametrize("form", [as_lines(), json.dumps(document(), indent=1).encode()])
def test_blank_lines_and_a_byte_order_mark_do_no_harm(form: bytes) -> None:
    assert len(items(b"\n\n" + form)) == len(items(b"\xef\xbb\xbf" + form)) == 5


def test_a_list_that_holds_nothing_is_empty() -> None:
    assert items(YAML_HEAD + b"entities:\nrelations: []\n") == []
    assert items(json.dumps({**HEADER, "entities": None}).encode()) == []


@pytest.mark.parametrize("end", range(0, 340, 7))
def test_a_json_document_cut_anywhere_yields_no_row_at_all(end: int) -> None:
    content = json.dumps(document(), indent=1).encode()[: -1 - end]
    with pytest.raises(InputError):
        read(io.BytesIO(content), name="doc")


# PyYAML writes these texts without quotes, though YAML 1.2 reads them as numbers: 0E0.
_POWER = re.compile(r"[-+]?[0-9]+[eE][-+]?[0-9]+")
_texts = st.text(max_size=6).filter(lambda text: not _POWER.fullmatch(text))
_ids = st.text(min_size=1, max_size=6).filter(lambda text: "\0" not in text)
_rows = st.lists(
    st.fixed_dictionaries(
        {"id": _ids, "kind": st.sampled_from(sorted(KINDS))},
        optional={
            "name": st.text(min_size=1, max_size=6),
            "labels": st.dictionaries(st.text(max_size=4), st.text(max_size=6), max_size=2),
            "props": st.dictionaries(
                st.text(max_size=4),
                st.booleans()
                | st.integers(-(2**63) + 1, 2**63 - 1)
                | st.floats(allow_nan=False, allow_infinity=False)
                | _texts,
                max_size=2,
            ),
        },
    ),
    max_size=4,
    unique_by=lambda row: str(row["id"]),
)


@given(rows=_rows)
def test_any_entities_are_read_alike_in_all_three_forms(rows: list[dict[str, object]]) -> None:
    whole = {**HEADER, "entities": rows}
    by_yaml = bare(items(yaml.safe_dump(whole).encode()))
    assert by_yaml == bare(items(json.dumps(whole).encode()))
    assert by_yaml == bare(items(lines([HEADER, *({"entity": row} for row in rows)])))


def test_a_document_that_nobody_goes_on_reading_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(
        "format: kgraph.topology/v1\nsource: a\nscope: b\ncomplete: true\n"
        "entities:\n  - {id: h, kind: Host}\n"
    )
    snapshot = read(path)
    del snapshot
    gc.collect()  # a file that is left open raises here: warnings are errors
