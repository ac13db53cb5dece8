"""Does a name server answer for a name? One question by UDP; by TCP where that is too short."""

from __future__ import annotations

import time
from datetime import timedelta

import dns.exception
import dns.message
import dns.query
import dns.rcode

from ingest.detect.checks.seen import Seen, Target, slow, unanswered, well, wrong
from kgraph.schema.errors import one_line

_REFUSED = frozenset({dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP})


def look(target: Target, patience: timedelta) -> tuple[Seen, ...]:
    """Look once: `path` is the name that is asked for.

    That a name does not exist is an answer, and a wrong one: whoever configured the check knows
    that it does.
    """
    begin = time.monotonic()
    try:
        question = dns.message.make_query(target.path, "A")
        answer, _ = dns.query.udp_with_fallback(
            question, target.host, timeout=patience.total_seconds(), port=target.port or 53
        )
    except dns.exception.Timeout:
        return unanswered(target, TimeoutError())
    except OSError as error:
        return unanswered(target, error)
    except (dns.exception.DNSException, ValueError) as error:
        told = f"{target.address}: no answer that can be read: {one_line(error)}"
        return (wrong("errors", told), *well("unreachable"))
    taken = time.monotonic() - begin
    said = dns.rcode.to_text(answer.rcode())
    if answer.rcode() in _REFUSED or answer.rcode() == dns.rcode.NXDOMAIN:
        return (wrong("errors", f"{target.address} answers {said}"), *well("down", "unreachable"))
    told = f"{target.address} answers {said}, {taken * 1000:.0f} ms"
    return (*well("errors", "down", "unreachable", detail=told), *slow(target, taken))
