"""Topology documents: the three forms give the same records, and defects give one clear line."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ingest.topology import read
from kgraph.schema import InputError, Item, Record, RelationRecord

HEADER = {
    "format": "kgraph.topology/v1",
    "source": "cmdb",
    "scope": "site:dc1",
    "complete": True,
}
ENTITIES = [
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
RELATIONS = [
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


def test_rows_know_their_line(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text("format: kgraph.topology/v1\nsource: s\nentities:\n  - {id: a, kind: Host}\n")
    (row,) = read(path).items
    assert isinstance(row, Record)
    assert row.where == f"{path}:4"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"entities: [1", "doc:2:1: not YAML"),
        (b"a: b: c", "doc:1:5: not YAML"),
        (b"- 1", "not a topology document"),
        (b"", "the document is empty"),
        (b"\xff\xfe: 1", "byte 0 is not UTF-8"),
        (b"[1, 2]", "not JSON: the document is not an object"),
        (b'{"format": "kgraph.topology/v1", "source"', "not JSON"),
        (json.dumps(document(), indent=1).encode()[:-40], "not JSON"),
        (as_lines()[:-20], "doc:6: not JSON"),
        (lines([HEADER, {"entitty": {}}]), "doc:2: neither an entity nor a relation"),
        (b"a: &a [*a]", "not YAML"),
    ],
)
def test_malformed_text_is_refused_in_one_line_with_its_place(content: bytes, said: str) -> None:
    assert said in refusal(content)


def test_an_unknown_kind_is_refused_with_the_nearest_ones() -> None:
    message = refusal(document(entities=[{"id": "a", "kind": "VirtualMachin"}], relations=[]))
    assert "unknown kind 'VirtualMachin'" in message
    assert "did you mean" in message
    assert "VirtualMachine?" in message


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
    twice = yaml.safe_dump({**HEADER, "entities": [ENTITIES[1], ENTITIES[1]]}).encode()
    message = refusal(twice)
    assert "'feedA' is there twice" in message
    assert message.count("doc:") == 2


def test_differing_need_in_one_group_names_both_rows() -> None:
    message = refusal(document(relations=[RELATIONS[0], {**RELATIONS[1], "need": 2}]))
    assert "needs 2 here and 1 at" in message
    assert message.count("doc:") == 2


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
    rows = 20_000

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
            pad = "x" * 2000
            row = {"entity": {"id": f"h{i}", "kind": "Host", "labels": {"pad": pad}}}
            yield json.dumps(row).encode() + b"\n"

    tracemalloc.start()
    snapshot = read(io.BufferedReader(Endless(generate())))
    count = sum(1 for _ in snapshot.items)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == rows
    assert peak < 12 * 2**20  # the document has 40 MiB; what stays is one place per id
