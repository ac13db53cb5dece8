"""Is the certificate good, and for how long? Makes the handshake and leaves."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

from ingest.detect.checks.connecting import Left, connected
from ingest.detect.checks.seen import Seen, Target, unanswered, well, wrong
from kgraph.schema import State
from kgraph.schema.errors import one_line
from kgraph.schema.timestamps import moment_of

SOON = timedelta(days=14)  # before its end somebody should have renewed it


def look(target: Target, patience: timedelta) -> tuple[Seen, ...]:
    """Look once."""
    left = Left(patience)
    try:
        trusted = ssl.create_default_context(cafile=target.ca_file or None)
        with connected(target, left) as line:
            line.settimeout(left.seconds())
            with trusted.wrap_socket(line, server_hostname=target.host) as secured:
                certificate = secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        told = f"{target.address}: its certificate is not good: {error.verify_message}"
        return (wrong("errors", told), *well("down", "unreachable"))
    except ssl.SSLError as error:
        told = f"{target.address}: no TLS: {one_line(error)}"
        return (wrong("errors", told), *well("unreachable"))
    except OSError as error:
        return unanswered(target, error)
    return judged(target, str(certificate.get("notAfter", "")), datetime.now(UTC))


def judged(target: Target, not_after: str, now: datetime) -> tuple[Seen, ...]:
    """Return what the end of a good certificate says: louder the nearer it is. Pure.

    Args:
        target: whose it is.
        not_after: as OpenSSL writes it, such as `Jan  5 09:34:43 2027 GMT`.
        now: the moment.
    """
    end = moment_of(ssl.cert_time_to_seconds(not_after))
    left = end - now
    told = f"{target.address}: certificate good until {end:%Y-%m-%d}"
    found = well("errors", "down", "unreachable", detail=told)
    if left >= SOON:
        return found
    score = 1.0 + 3.0 * (1 - left / SOON)
    soon = f"{target.address}: its certificate ends in {max(0, left.days)} days"
    return (*found, Seen("anomaly", State.ABNORMAL, soon, score, due=end))
