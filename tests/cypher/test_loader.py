"""The query files are of the documented form, and speak of the declared schema only."""

import re
from pathlib import Path

import pytest

from cypher import Column, Parameter, Query, QueryError, parse, queries
from kgraph.schema import KINDS, RELATIONS, Carries

_TOPICS = {"schema", "inventory", "impact", "incident", "weak_points", "hygiene", "history"}
_HURTS = {name for name, row in RELATIONS.items() if row.carries in {Carries.FIRM, Carries.SOFT}}
_FIRM = {name for name in _HURTS if RELATIONS[name].carries is Carries.FIRM}
_GOOD = """\
// Who hangs on one entity.
// params:  $uid STRING, the entity
//          $depth INTEGER
// returns: uid STRING, hops INTEGER (1 to 8, shortest),
//          uids LIST<STRING>
// order:   hops, uid
// A remark, with a $dollar in it.
MATCH (n {uid: $uid}) WHERE n.name <> '$price' AND n.depth < $depth RETURN n
"""


_LABELS = {"Entity", "Incident", "Hypothesis", "Plan", "PastRelation", "_KgPending", "_KgScope"}
_ASKED = re.compile(r'ask\(\s*"(\w+/\w+)"')
_OF_INCIDENTS = {"EXPLAINED_BY", "HAS_HYPOTHESIS"}  # those of one word are no relation types here


def _each() -> list[Query]:
    return list(queries().values())


def _types(query: Query) -> set[str]:
    return set(re.findall(r"\b[A-Z]+_[A-Z]+\b|\bUSES\b|\bCALLS\b|\bBALANCES\b", query.text))


def test_every_topic_has_a_query_and_names_are_sorted() -> None:
    assert {query.topic for query in _each()} == _TOPICS
    assert list(queries()) == sorted(queries())


@pytest.mark.parametrize("query", _each(), ids=lambda query: query.name)
def test_a_shipped_query_names_only_declared_relations_and_kinds(query: Query) -> None:
    assert _types(query) <= set(RELATIONS) | _OF_INCIDENTS
    assert set(re.findall(r"\(\w*:(\w+)", query.text)) <= set(KINDS) | _LABELS


@pytest.mark.parametrize("query", _each(), ids=lambda query: query.name)
def test_a_shipped_query_returns_the_columns_that_its_header_promises(query: Query) -> None:
    returned = query.text.rpartition("\nRETURN")[2] if "\nRETURN" in query.text else ""
    body, _, order = returned.partition("\nORDER BY ")
    columns = [line.split(" AS ")[-1].strip(" ,") for line in body.splitlines() if line.strip()]
    assert columns == [column.name for column in query.returns]
    order = order.partition("\nLIMIT")[0]
    assert re.sub(r" \((most|newest) first\)", " DESC", query.order) == order.strip()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("impact/blast_radius", _HURTS),
        ("impact/dependency_path", _HURTS),
        ("incident/shared_dependencies", _HURTS),
        ("incident/suspect_changes", _HURTS),
        ("impact/dependencies", _HURTS),
        ("impact/hit_by_kind", _HURTS),
        ("impact/services_at_risk", _HURTS),
        ("hygiene/dependency_cycles", _FIRM),
        ("weak_points/hidden_shared_causes", _FIRM),
        ("weak_points/most_depended_on", _FIRM),
        ("weak_points/single_points_of_failure", _FIRM),
    ],
)
def test_a_walk_follows_all_relations_that_carry_failure_and_no_other(
    name: str, expected: set[str]
) -> None:
    assert _types(queries()[name]) - _OF_INCIDENTS == expected


@pytest.mark.parametrize("query", _each(), ids=lambda query: query.name)
def test_every_path_is_bounded(query: Query) -> None:
    assert not re.search(r"\*(?!\)|\d+\.\.\d)|->\+|\{\d+,\}", query.text)


@pytest.mark.parametrize("query", _each(), ids=lambda query: query.name)
def test_a_uid_is_looked_up_where_it_has_an_index(query: Query) -> None:
    """Under its kind alone every host is looked at for each: kinds have no index of their own."""
    looked_up = re.findall(r"\(\w*(:[\w:]+) \{uid: ", query.text)
    assert all("Entity" in labels.split(":") for labels in looked_up)


def test_every_query_is_asked_on_the_real_server_and_its_answer_checked() -> None:
    tests = Path(__file__).parent.glob("test_*.py")
    asked = {name for file in tests for name in _ASKED.findall(file.read_text("utf-8"))}
    assert asked == set(queries())


def test_a_header_is_read_with_its_continued_lines() -> None:
    query = parse(_GOOD, "impact/who")
    assert query.title == "Who hangs on one entity."
    assert query.params == (
        Parameter("uid", "STRING", "the entity"),
        Parameter("depth", "INTEGER"),
    )
    assert query.returns == (
        Column("uid", "STRING"),
        Column("hops", "INTEGER", "1 to 8, shortest"),
        Column("uids", "LIST<STRING>"),
    )
    assert (query.order, query.topic) == ("hops, uid", "impact")


def test_a_query_may_have_neither_parameters_nor_rows_nor_order() -> None:
    text = (
        "// Do it.\n// params:  none\n// returns: nothing\n// order:   none\nMATCH (n) DELETE n\n"
    )
    query = parse(text, "schema/do")
    assert (query.params, query.returns, query.order) == ((), (), "")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("// Who hangs on one entity.\n", "", "title is empty"),
        (_GOOD, "MATCH (n) RETURN n", "first line is not a title"),
        (_GOOD, "", "first line is not a title"),
        ("// order:   hops, uid\n", "", "does not say order"),
        ("hops, uid\n", "\n", "does not say order"),
        ("// order:", "// params:", "params stands twice"),
        ("$uid STRING, the", "uid STRING, the", "not of the form `$name TYPE, about`"),
        ("uid STRING, hops", "uid, hops", "not of the form `name TYPE (about)`"),
        ("{uid: $uid}", "{uid: 1}", "$uid is declared under params but not used"),
        ("n.depth < $depth", "n.depth < $depth + $more", "$more is used but not declared"),
    ],
)
def test_a_faulty_file_is_named_with_its_fault(old: str, new: str, said: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(_GOOD.replace(old, new), "impact/who")
    assert str(caught.value).startswith("impact/who.cypher: ")
    assert said in str(caught.value)


def test_a_header_without_a_statement_is_refused() -> None:
    with pytest.raises(QueryError, match="no statement"):
        parse(_GOOD[: _GOOD.index("MATCH")], "impact/who")
