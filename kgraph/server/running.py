"""Serving until told to stop: what is under way ends, then the watch writes down where it is."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import uvicorn
from fastapi import FastAPI

from kgraph.app.service import tokens
from kgraph.app.stored.stores import Access, opened
from kgraph.config import Configuration
from kgraph.config.server import ServerSettings
from kgraph.logs import logger
from kgraph.schema import ConfigurationError, KgraphError
from kgraph.server.agents_http import PATH
from kgraph.server.application import agents_application, application
from kgraph.server.memory import settle
from kgraph.server.metrics import Metrics
from kgraph.server.patience import end_unread, patient
from kgraph.server.service import NotWatching, Service, hooks
from kgraph.server.watching import WatchThread

# Who computes gives way to who answers five times as often as Python would have it.
_SWITCH_SECONDS = 0.001
_log = logger(__name__)


class ServerProcess(uvicorn.Server):
    """Ends with exit code 0 when told to stop; uvicorn would die by the signal it was sent.

    Args:
        config: uvicorn's.
        ready: called once requests are answered.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def stop(number: int, _frame: object) -> None:
            _log.info("stopping; once more ends at once")
            self.should_exit = True
            signal.signal(number, before[signal.Signals(number)])

        for number in before:
            signal.signal(number, stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(configuration: Configuration, announce: Callable[[str], None]) -> None:
    """Serve until told to stop.

    Args:
        configuration: all of it.
        announce: takes one line once requests are answered: where.

    Raises:
        ConfigurationError: it would listen beyond loopback and nobody could authenticate; a
            faulty setting; the address cannot be had.
        KgraphError: the watch ended by itself.
    """
    settings = configuration.settings.server
    refuse_unlocked(configuration)
    _check_certificate(configuration)
    sys.setswitchinterval(_SWITCH_SECONDS)
    metrics = Metrics()
    running: list[ServerProcess] = []

    def end() -> None:
        for each in running:
            each.should_exit = True

    watch = WatchThread(configuration, hooks(configuration), metrics, end)
    service = Service(
        configuration,
        watch if settings.watch else NotWatching(),
        metrics=metrics,
        ending=lambda: any(each.should_exit for each in running),
    )
    with _listening(settings) as listener:

        def ready() -> None:
            announce(_address(listener, settings))
            _notify("READY=1")

        server = ServerProcess(_uvicorn(settings, service, application(service)), ready)
        running.append(server)
        if settings.watch:
            watch.start()
        settle()
        try:
            asyncio.run(server.serve([listener]))
        finally:
            _notify("STOPPING=1")
            if settings.watch:
                watch.stop()
    if watch.failure:
        raise KgraphError(f"the watch has ended: {watch.failure}")


def serve_agents(configuration: Configuration, announce: Callable[[str], None]) -> None:
    """Speak to agents alone, until told to stop: no hooks, no API, no watch.

    Raises:
        ConfigurationError: as `serve`.
    """
    settings = configuration.settings.server
    refuse_unlocked(configuration)
    _check_certificate(configuration)
    service = Service(configuration)
    with _listening(settings) as listener:
        address = f"{_address(listener, settings)}{PATH}"
        app = agents_application(service)
        server = ServerProcess(_uvicorn(settings, service, app), lambda: announce(address))
        service.ending = lambda: server.should_exit
        asyncio.run(server.serve([listener]))


def _uvicorn(settings: ServerSettings, service: Service, app: FastAPI) -> uvicorn.Config:
    proxies = list(settings.trusted_proxies)
    return uvicorn.Config(
        app,
        http=patient(settings.body_seconds),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        limit_concurrency=settings.connections,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=max(1, round(settings.grace)),
        h11_max_incomplete_event_size=64 * 1024,
        ssl_certfile=settings.certificate
        and str(service.configuration.resolve(settings.certificate)),
        ssl_keyfile=settings.key and str(service.configuration.resolve(settings.key)),
    )


def refuse_unlocked(configuration: Configuration) -> None:
    """Open the store for writing once, so that it is there, and see that somebody may come in."""
    settings = configuration.settings.server
    with opened(configuration, Access.WRITE) as store:
        if settings.authentication == "none" or tokens.listed(store):
            return
    mend = "`kgraph token create NAME --role admin` makes one"
    if settings.loopback:
        _log.warning(f"nobody can log in yet: there is no token; {mend}")
        return
    raise ConfigurationError(
        f"nobody could authenticate at {settings.listen}: there is no token",
        where=f"{configuration.origin('server.listen')}: server.listen",
        mend=mend,
    )


def _check_certificate(configuration: Configuration) -> None:
    """See that the certificate and its key can be used, before anything is started."""
    settings = configuration.settings.server
    if settings.certificate is None or settings.key is None:
        return
    certificate = configuration.resolve(settings.certificate)
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, configuration.resolve(settings.key))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"certificate and key cannot be used: {error.strerror or error}",
            where=f"{certificate}, {configuration.resolve(settings.key)}",
            mend="PEM files, readable for this user, that belong together",
        ) from None


@contextmanager
def _listening(settings: ServerSettings) -> Iterator[socket.socket]:
    """Take the address before anything is started: then it is known to be ours."""
    with ExitStack() as held:
        try:
            family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
            # With its protocol: asyncio lets small answers wait for 40 ms on a socket without.
            listener = held.enter_context(socket.socket(family[0], family[1], family[2]))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            end_unread(listener)
            listener.bind(family[4])
            listener.listen(2048)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {settings.listen}: {error.strerror or error}",
                where="server.listen",
                mend=_mend_of_listening(error),
            ) from error
        yield listener


def _mend_of_listening(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is another kgraph serve running here? choose another port"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return "choose a port from 1024 on, or let the service have that one"
    return "name an address that this machine has, such as 127.0.0.1; 0.0.0.0 is all of them"


def _address(listener: socket.socket, settings: ServerSettings) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "https" if settings.certificate else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _notify(state: str) -> None:
    """Tell systemd, if it has started us; sd_notify(3)."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(state.encode(), address)
