"""Does the machine answer to ICMP echo? Three requests, by a socket that needs no root.

Sources: https://www.rfc-editor.org/rfc/rfc792, https://www.rfc-editor.org/rfc/rfc4443; of Linux's
datagram sockets for ICMP, icmp(7): `net.ipv4.ping_group_range` says who may.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from datetime import timedelta

from ingest.detect.checks.connecting import Left
from ingest.detect.checks.seen import Seen, Target, unanswered, well, wrong
from kgraph.schema import SourceError

_TRIES = 3
_PAUSE = 0.2  # seconds between two requests, at least
_ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}  # request, reply
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}


def look(target: Target, patience: timedelta) -> tuple[Seen, ...]:
    """Look once; a machine that answers one of three is there.

    Raises:
        SourceError: we may not ping.
    """
    left, asked, taken = Left(patience), 0, list[float]()
    try:
        family, _, _, _, address = socket.getaddrinfo(target.host, 0, type=socket.SOCK_DGRAM)[0]
        with _opened(family) as line:
            for number in range(_TRIES):
                share = left.seconds() / (_TRIES - number)
                asked += 1
                answered = _asked(line, family, address, number, share)
                if answered is not None:
                    taken.append(answered)
                    time.sleep(max(0.0, min(_PAUSE - answered, left.seconds() - _PAUSE)))
    except TimeoutError:
        pass  # what has answered by then is there
    except OSError as error:
        return unanswered(target, error)
    if not taken:
        return unanswered(target, TimeoutError())
    told = f"{target.host} answers {len(taken)} of {asked}, {min(taken) * 1000:.1f} ms"
    if len(taken) < asked:
        lost = asked - len(taken)
        return (*well("unreachable", detail=told), wrong("network", told, float(lost)))
    return well("unreachable", detail=told)


def _opened(family: int) -> socket.socket:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            return socket.socket(family, kind, _PROTOCOL[socket.AddressFamily(family)])
        except PermissionError:
            continue
    what = "we may not ping"
    mend = "let the group in by `sysctl net.ipv4.ping_group_range`, or grant CAP_NET_RAW"
    raise SourceError(what, where="check ping", mend=mend)


def _asked(
    line: socket.socket, family: int, address: tuple[object, ...], number: int, seconds: float
) -> float | None:
    """Send one request; return the seconds until its reply, None where none came."""
    request, reply = _ECHO[socket.AddressFamily(family)]
    mark = os.urandom(16)
    packet = struct.pack("!BBHHH", request, 0, 0, os.getpid() & 0xFFFF, number) + mark
    packet = packet[:2] + struct.pack("!H", _checksum(packet)) + packet[4:]
    begin = time.monotonic()
    line.sendto(packet, address)
    while (left := seconds - (time.monotonic() - begin)) > 0:
        line.settimeout(left)
        try:
            heard = line.recv(2_048)
        except TimeoutError:
            return None
        # A raw socket of IPv4 hands over the IP header, too, and what others were sent.
        start = (heard[0] & 0x0F) * 4 if line.type == socket.SOCK_RAW and request == 8 else 0
        if heard[start : start + 1] == bytes([reply]) and heard.endswith(mark):
            return time.monotonic() - begin
    return None


def _checksum(packet: bytes) -> int:
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total >> 16) + (total & 0xFFFF)
    folded: int = ~(total + (total >> 16)) & 0xFFFF
    return folded
