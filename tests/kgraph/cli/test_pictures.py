from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.cli import pictures, svg
from kgraph.cli.drawing import markdown
from kgraph.cli.page import Markup, document, escaped, table
from kgraph.cli.text import one_line, printable
from kgraph.incidents import Label, Report, Section
from kgraph.incidents.folding import folded
from kgraph.incidents.layers import rows
from kgraph.incidents.picture import Mark, Node, Picture, draw
from kgraph.schema import Entity, Relation

NASTY = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            '"]; click n0 "javascript:alert(1)"',
            "</svg><script>alert(1)</script>",
            'a" onload="x',
            "n0 -->|x| n1\nclick",
            '\\"; evil [label="',
            "\x1b[31mred\x07",
            "%%{init: {}}%%",
            "#quot;",
            "web`rm -rf`",
        ]
    ),
)
_EDGE = re.compile(r"  n\d+ -->\|[A-Z_]+\| n\d+")
_NODE = re.compile(
    r'  n\d+\["[^"<>\[\]{}|`\\%]*<br/>[^"<>\[\]{}|`\\%]*<br/>[^"<>\[\]{}|`\\%]*"\](:::\w+)?'
)
_DOT = re.compile(r'  n\d+ (-> n\d+ )?\[label="([^"\\]|\\.)*"(, fillcolor="#\w+")?\];')


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


def _picture(name: str, uid: str) -> Picture:
    entities = [Entity(uid, "Host", name), Entity(f"{uid}!", "VirtualMachine", name)]
    relation = Relation(f"{uid}!", "RUNS_ON", uid)
    notes = dict.fromkeys((uid, f"{uid}!"), name or "seen")
    return draw(entities, [relation], {uid: Mark.CAUSE}, notes)


@given(NASTY, NASTY)
def test_no_name_can_write_mermaid(name: str, uid: str) -> None:
    lines = pictures.mermaid(_picture(name, uid)).removesuffix("\n").split("\n")
    assert len(lines) == 5
    assert all(_NODE.fullmatch(line) for line in lines[1:3])
    assert _EDGE.fullmatch(lines[3])


@given(NASTY, NASTY)
def test_no_name_can_write_graphviz(name: str, uid: str) -> None:
    lines = pictures.dot(_picture(name, uid)).removesuffix("\n").split("\n")
    assert len(lines) == 6
    assert all(_DOT.fullmatch(line) for line in lines[2:5])


@given(NASTY, NASTY)
def test_no_name_can_write_html(name: str, uid: str) -> None:
    def tags(text: str, key: str) -> list[tuple[str, tuple[str, ...]]]:
        drawn = svg.figure(_picture(text, key), text)
        rows_of = table([text], [[f"x {text}"]], text)
        parser = _Tags()
        parser.feed(document(text, Markup(drawn + rows_of + escaped(text))))
        return parser.seen

    assert tags(name, uid) == tags("plain", "key")


def _star(size: int) -> Picture:
    """Hosts around one switch, the last of them at fault; each knows each of the ten before."""
    entities = [Entity(str(n), "Host", f"host-{n:04}.example.org") for n in range(size)]
    relations = [
        Relation(str(n), "USES", str(m)) for n in range(size) for m in range(max(0, n - 10), n)
    ]
    return draw(entities, relations, {str(size - 1): Mark.CAUSE, "0": Mark.HIT})


@pytest.mark.parametrize("size", [3, 60, 400, 3_000])
def test_mermaid_gets_no_more_than_it_takes_and_the_picture_says_what_is_missing(
    size: int,
) -> None:
    picture = _star(size)
    text = pictures.mermaid(picture)
    boxes, arrows = text.count('["') - text.count("omitted["), text.count(" -->|")
    assert len(text) <= 50_000
    assert arrows <= 500
    missing = len(picture.nodes) - boxes, len(picture.edges) - arrows
    told = f"{missing[0]} more entities and {missing[1]} more relations are not drawn"
    assert (told in text) == any(missing)
    assert f"host-{size - 1:04}" in text  # the cause is drawn, whatever is left out
    assert "host-0000" in text


@given(st.text())
def test_nothing_that_steers_a_terminal_is_shown(text: str) -> None:
    shown = printable(text)
    assert "\x1b" not in shown
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert "\n" not in one_line(text)


@given(NASTY)
def test_no_name_can_write_markdown(name: str) -> None:
    report = Report("INC-1", name, (Section(Label.CAUSE, (name,)),))
    for line in markdown(report).splitlines():
        bare = re.sub(r"\\.", "", line.removeprefix("## ").replace("**CAUSE**", ""))
        assert not re.search(r"[`*_\[\]<>]", bare)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("P .80 (calibrated)  Host h1 DOWN", "P .80 (calibrated) · Host h1 DOWN"),
        ("now  10 VMs paused", "now 10 VMs paused"),
        ("kgraph check x  (splits a from b)", "kgraph check x (splits a from b)"),
        ("     shop 1 of 3 up, needs 2", "shop 1 of 3 up, needs 2"),
        ("splits a down + b down", "splits a down + b down"),
        ("+ a", "\\+ a"),
        ("- a", "\\- a"),
        ("12. a", "12\\. a"),
        ("12.5 a", "12.5 a"),
    ],
)
def test_a_line_of_a_ticket_is_told_apart_by_points_and_reads_as_it_is_written(
    line: str, told: str
) -> None:
    report = Report("INC-1", "INC-1  firing 5 h  20 VMs down", (Section(Label.CAUSE, (line,)),))
    assert markdown(report).splitlines() == [
        "## INC-1 · firing 5 h · 20 VMs down",
        "",
        f"- **CAUSE** {told}",
    ]


@pytest.mark.parametrize("name", ["@all", "db @ops/dba", "(@_x)", "getty@tty1"])
def test_no_name_in_markdown_calls_people(name: str) -> None:
    report = Report("INC-1", name, (Section(Label.CAUSE, (name,)),))
    assert not re.search(r"(?<!\w)@\\?\w", markdown(report))
    assert ("getty@tty1" in markdown(report)) == (name == "getty@tty1")


def test_an_edge_to_what_is_not_drawn_is_left_out() -> None:
    picture = draw([Entity("a", "Host", "a")], [Relation("a", "USES", "b")])
    assert picture.edges == ()


def _picture_of(*edges: tuple[str, str]) -> Picture:
    uids = dict.fromkeys(uid for edge in edges for uid in edge)
    return draw(
        [Entity(uid, "Service", uid) for uid in uids], [Relation(a, "CALLS", b) for a, b in edges]
    )


def test_a_cycle_is_drawn_too() -> None:
    picture = _picture_of(("a", "b"), ("b", "a"))
    assert sorted(uid for row in rows(picture, 6) for uid in row) == ["a", "b"]
    assert svg.figure(picture, "cycle").count("<rect") == 2


def test_what_is_needed_stands_below_and_the_guests_of_one_store_side_by_side() -> None:
    picture = _picture_of(("web", "vm1"), ("vm1", "store"), ("vm2", "store"))
    assert [sorted(row) for row in rows(picture, 6)] == [["web"], ["vm1", "vm2"], ["store"]]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=40),
    st.integers(1, 6),
)
def test_every_entity_stands_in_one_row_and_no_row_is_too_wide(
    pairs: list[tuple[int, int]], widest: int
) -> None:
    picture = _picture_of(*((str(a), str(b)) for a, b in pairs))
    found = rows(picture, widest)
    assert sorted(uid for row in found for uid in row) == sorted(n.uid for n in picture.nodes)
    assert all(0 < len(row) <= widest for row in found)


def test_a_long_chain_is_no_deeper_than_a_page_can_show() -> None:
    picture = _picture_of(*((str(n), str(n + 1)) for n in range(60)))
    assert len(rows(picture, 100)) <= 31


def test_an_empty_picture_is_no_picture() -> None:
    assert svg.figure(draw([], []), "nothing") == ""


def test_what_is_left_out_is_said_under_the_picture_and_in_the_other_languages() -> None:
    drawn = _picture_of(("a", "b"))
    cut = Picture(drawn.nodes, drawn.edges, omitted=7)
    assert "7 more entities are not drawn" in svg.figure(cut, "cut")
    assert "7 more entities are not drawn" in pictures.dot(cut)
    assert "7 more entities and 0 more relations are not drawn" in pictures.mermaid(cut)


def test_the_way_of_the_fault_is_thick_in_every_language() -> None:
    drawn = _picture_of(("a", "b"), ("b", "c"))
    marked = Picture(drawn.nodes, drawn.edges, frozenset({("a", "CALLS", "b")}))
    assert pictures.mermaid(marked).count(" ==>|") == 1
    assert pictures.dot(marked).count("penwidth") == 1
    assert svg.figure(marked, "ways").count('class="way"') == 1


def _storm(guests: int) -> Picture:
    entities = [Entity("x", "StorageExport", "store")]
    entities += [Entity(f"v{n}", "VirtualMachine", f"vm-{n}") for n in range(guests)]
    entities.append(Entity("s", "Service", "shop"))
    relations = [Relation(f"v{n}", "STORED_ON", "x") for n in range(guests)]
    relations += [Relation("s", "RUNS_ON", f"v{n}") for n in range(guests)]
    marks = {"x": Mark.CAUSE} | {f"v{n}": Mark.HIT for n in range(guests)}
    return draw(entities, relations, marks, {f"v{n}": "paused" for n in range(guests)})


def test_alike_victims_share_a_box_that_counts_them_and_the_cause_stays_alone() -> None:
    found = folded(_storm(88))
    assert [(node.name, node.note) for node in found.nodes] == [
        ("store", ""),
        ("88 VMs", "paused"),
        ("shop", ""),
    ]
    assert [edge[1] for edge in found.edges] == ["STORED_ON", "RUNS_ON"]


def test_what_differs_in_state_is_not_folded_together() -> None:
    drawn = _storm(3)
    mixed = Picture((*drawn.nodes[:-1], Node("w", "VirtualMachine", "w", Mark.WELL)), ())
    assert [node.name for node in folded(mixed).nodes] == ["store", "3 VMs", "w"]


@given(st.integers(1, 60))
def test_folding_loses_no_way_between_boxes(guests: int) -> None:
    drawn = _storm(guests)
    ways = frozenset(edge for edge in drawn.edges if edge[1] == "STORED_ON")
    found = folded(Picture(drawn.nodes, drawn.edges, ways))
    assert {edge[1] for edge in found.ways} == {"STORED_ON"}
    assert found.ways <= set(found.edges)
