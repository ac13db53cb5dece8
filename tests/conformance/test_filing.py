"""Documents beside the graph: what must outlive the process that took them in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kgraph.schema import Document, Drawer
from kgraph.store import GraphStore

from .conftest import StoreFactory

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def document(number: int, drawer: Drawer = Drawer.INBOX) -> Document:
    return Document(drawer, f"d{number}", T0 + timedelta(seconds=number), f'{{"n": {number}}}')


def test_documents_come_oldest_first_and_from_behind_one_on(store: GraphStore) -> None:
    store.put([document(3), document(1), document(2), document(9, Drawer.OUTBOX)])
    assert store.documents(Drawer.INBOX) == [document(1), document(2), document(3)]
    assert store.documents(Drawer.INBOX, limit=1, after=document(1)) == [document(2)]
    assert store.count(Drawer.INBOX) == 3


def test_newest_first_goes_the_other_way(store: GraphStore) -> None:
    store.put(document(n) for n in range(4))
    assert store.documents(Drawer.INBOX, newest=True, limit=2) == [document(3), document(2)]
    assert store.documents(Drawer.INBOX, newest=True, after=document(1)) == [document(0)]


def test_documents_of_one_moment_are_all_met_page_by_page(store: GraphStore) -> None:
    rows = [Document(Drawer.AUDIT, f"a{n}", T0, "{}") for n in range(5)]
    store.put(rows)
    for newest in (False, True):
        met: list[Document] = []
        last = None
        while page := store.documents(Drawer.AUDIT, limit=2, after=last, newest=newest):
            met += page
            last = page[-1]
        assert met == (rows[::-1] if newest else rows)


def test_one_that_is_put_again_is_replaced(store: GraphStore) -> None:
    store.put([document(1)])
    again = Document(Drawer.INBOX, "d1", T0, '{"n": 7}')
    store.put([again])
    assert store.documents(Drawer.INBOX) == [again]


def test_documents_are_found_and_forgotten_by_id_in_their_own_drawer(store: GraphStore) -> None:
    store.put([document(1), document(2), document(1, Drawer.SEEN)])
    assert store.named(Drawer.INBOX, ["d2", "d7"]) == [document(2)]
    store.drop(Drawer.INBOX, ["d1", "d7"])
    assert store.documents(Drawer.INBOX) == [document(2)]
    assert store.named(Drawer.SEEN, ["d1"]) == [document(1, Drawer.SEEN)]


def test_of_those_who_claim_an_id_the_first_has_it(store_factory: StoreFactory) -> None:
    one, other = store_factory(), store_factory()
    assert one.claim(document(1))
    assert not other.claim(Document(Drawer.INBOX, "d1", T0, '{"n": 7}'))
    assert other.documents(Drawer.INBOX) == [document(1)]
    one.drop(Drawer.INBOX, ["d1"])
    assert other.claim(document(1))


def test_another_connection_sees_what_was_put(store_factory: StoreFactory) -> None:
    one, other = store_factory(), store_factory()
    one.put([document(1)])
    assert other.documents(Drawer.INBOX) == [document(1)]
