"""Real servers on loopback: good ones, and ones that refuse, hang, reset and drip."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Talk = Callable[[socket.socket], None]


@contextmanager
def listening(talk: Talk) -> Iterator[int]:
    """Run `talk` with each connection; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    line, _ = server.accept()
                    threading.Thread(target=_talked, args=(talk, line), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield port
        server.shutdown(socket.SHUT_RDWR)


def _talked(talk: Talk, line: socket.socket) -> None:
    with contextlib.suppress(OSError), line:
        talk(line)


def saying(content: bytes) -> Talk:
    """Send something to whoever connects, once it has asked.

    Then take the rest: to close while something is unread resets the connection.
    """

    def talk(line: socket.socket) -> None:
        line.recv(4_096)
        line.sendall(content)
        line.shutdown(socket.SHUT_WR)
        silent(line)

    return talk


def greeting(content: bytes) -> Talk:
    return lambda line: line.sendall(content)


def silent(line: socket.socket) -> None:
    """Take everything and answer nothing, until the other end leaves."""
    line.settimeout(10)
    while line.recv(4_096):
        pass


def resetting(line: socket.socket) -> None:
    line.recv(1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def dripping(line: socket.socket) -> None:
    """Answer a byte at a time, and never come to an end."""
    line.recv(4_096)
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000:
        line.sendall(bytes([byte]))
        time.sleep(0.05)


@contextmanager
def name_server(rcode: dns.rcode.Rcode) -> Iterator[int]:
    """Answer every question with a code."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(0.05)
        stopping = threading.Event()

        def serve() -> None:
            while not stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    asked, who = line.recvfrom(2_048)
                    answer = dns.message.make_response(dns.message.from_wire(asked))
                    answer.set_rcode(rcode)
                    line.sendto(answer.to_wire(), who)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield line.getsockname()[1]
        stopping.set()
        thread.join()


def certificate(folder: Path, lasts: timedelta, name: str = "127.0.0.1") -> Path:
    """Write a certificate that vouches for itself, with its key, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kgraph test")])
    now = datetime.now(UTC)

    named: x509.GeneralName
    try:
        named = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        named = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + lasts)
        .add_extension(x509.SubjectAlternativeName([named]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}-{lasts.days}.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@contextmanager
def secured(pem: Path, talk: Talk) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def shaking(line: socket.socket) -> None:
        with context.wrap_socket(line, server_side=True) as own:
            talk(own)

    with listening(shaking) as port:
        yield port
