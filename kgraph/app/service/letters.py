"""Dead letters: what a person may do about them."""

from __future__ import annotations

import json
from datetime import datetime

from kgraph.app.service.telling import newest_message
from kgraph.schema import Document, Drawer, InputError
from kgraph.schema.timestamps import format_time
from kgraph.store import GraphStore


def retry(store: GraphStore, letter_id: str, now: datetime) -> None:
    """Put a dead letter back to where it came from.

    Raises:
        InputError: there is none of this id, or its receiver was told of the same since: what it
            says would open again what is over.
    """
    letter = _found(store, letter_id)
    body = json.loads(letter.body)
    place = letter_id.partition(" ")[2]
    if "inbox" in body:
        again = Document(Drawer.INBOX, place, now, json.dumps(body["inbox"]))
    else:
        receiver, incident = body["outbox"]["receiver"], body["outbox"]["incident"]
        newest = newest_message(store, receiver, incident)
        if newest not in {None, place}:
            raise InputError(
                f"a newer message on {incident} to {receiver} was made since",
                mend="retry that one, if it is a dead letter, too, and delete this one",
            )
        fresh = body["outbox"] | {"tries": 0, "due": format_time(now)}
        again = Document(Drawer.OUTBOX, place, now, json.dumps(fresh))
    store.put([again])
    store.drop(Drawer.DEAD, [letter_id])


def discard(store: GraphStore, letter_id: str) -> None:
    """Forget a dead letter.

    Raises:
        InputError: there is none of this id.
    """
    _found(store, letter_id)
    store.drop(Drawer.DEAD, [letter_id])


def _found(store: GraphStore, letter_id: str) -> Document:
    found = store.named(Drawer.DEAD, [letter_id])
    if not found:
        raise InputError(f"no dead letter {letter_id!r}")
    return found[0]
