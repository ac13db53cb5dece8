"""Asking an HTTP service: a token by reference, an answer with an end, an error in one line."""

from __future__ import annotations

import base64
import logging
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from kgraph.schema import ConfigurationError, SourceError
from kgraph.schema.addresses import is_loopback
from kgraph.secret import secret

# What it would tell when somebody debugs has all headers of answers, and tokens come in some.
logging.getLogger("httpcore").setLevel(logging.INFO)
# And of each request the whole address, which is the secret itself of some webhooks.
logging.getLogger("httpx").setLevel(logging.WARNING)
TIMEOUT_SECONDS = 10.0  # without a byte
PATIENCE = timedelta(seconds=30)  # for one whole answer
MOST_BYTES = 256 * 2**20
# Trusts nobody, for what is asked without TLS: to read whom this machine trusts takes longer than
# the question.
_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ERRNO = re.compile(r"\[Errno -?\d+\] |\[SSL: \w+\] | \(_ssl\.c:\d+\)")


def said(error: Exception) -> str:
    """Return what an error says, without its number, as the part of a sentence."""
    if "WRONG_VERSION_NUMBER" in str(error):
        return "no TLS is spoken there"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"{_ERRNO.sub('', str(error))} (SSL_CERT_FILE may name who vouches for it)"
    return _ERRNO.sub("", str(error)).rstrip(".") or type(error).__name__


def client(
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float | httpx.Timeout = TIMEOUT_SECONDS,
    verify: ssl.SSLContext | bool = True,
    way: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return what asks a service, by the proxy that the environment names for it.

    This machine is asked without one, whatever the environment says: the tokens that are sent to
    it may cross no network in the clear, and a proxy would look for the service where it runs.

    Args:
        url: of the service.
        headers: to send each time.
        timeout: seconds without a byte.
        verify: whom to trust.
        way: a transport of its own, which passes every proxy by.

    Raises:
        ConfigurationError: the proxy, or the certificates, that the environment names are none.
    """
    try:
        if way is None and is_loopback(_schemed(url)[1]):
            way = httpx.HTTPTransport(verify=verify)
        return httpx.Client(headers=headers, timeout=timeout, verify=verify, transport=way)
    except (ImportError, ValueError, httpx.InvalidURL):  # SOCKS needs a package that is not ours
        what = "the proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used"
        mend = "write it as http://HOST:PORT, or unset it for kgraph"
        raise ConfigurationError(what, where="environment", mend=mend) from None
    except OSError as error:  # an SSLError is one
        what = f"SSL_CERT_FILE or SSL_CERT_DIR names no certificates: {said(error)}"
        raise ConfigurationError(what, where="environment", mend="name a PEM file") from None


def by_proxy(url: str) -> str:
    """Return how to tell that an address is asked by a proxy, without its password; or nothing."""
    scheme, host = _schemed(url)
    named = getproxies()
    proxy = named.get(scheme) or named.get("all")
    if not proxy or is_loopback(host) or proxy_bypass(host):
        return ""
    return f" (asked by the proxy {proxy.rpartition('@')[2]}; NO_PROXY names who is not)"


def _schemed(url: str) -> tuple[str, str]:
    """Return scheme and host of an address."""
    try:
        parts = urlsplit(url)
    except ValueError:  # none at all; whoever asks there says so
        return "", ""
    return parts.scheme, parts.hostname or ""


class NoAnswerError(SourceError):
    """The service is silent: no connection, it broke or stalled, or it says that it is sick."""


class RefusedError(SourceError):
    """The service answered that it will not, or that there is no such thing.

    Attributes:
        status: of HTTP, below 500.
    """

    def __init__(self, what: str, *, where: str, mend: str, status: int) -> None:
        super().__init__(what, where=where, mend=mend)
        self.status = status


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the token or password is; never that itself, so that it can't be logged.

    Attributes:
        token_env: name of an environment variable.
        token_file: a file that holds the token alone.
        scheme: what the service calls tokens.
        user: whose password the token is, for services that ask for one.
    """

    token_env: str = ""
    token_file: Path | None = None
    scheme: str = "Bearer"
    user: str = ""

    def headers(self) -> dict[str, str]:
        """Read the token now; ConfigurationError when it is named but not usable."""
        found = secret(self.token_env, self.token_file)
        if found is None:
            return {}
        where, token = found
        # Checked here: the HTTP library would put a faulty header, token and all, into its error.
        if not token or not all("!" <= character <= "~" for character in token):
            mend = "it must hold the token alone, in one line of ASCII"
            raise ConfigurationError("no usable token", where=where, mend=mend)
        if self.user:
            both = base64.b64encode(f"{self.user}:{token}".encode()).decode()
            return {"Authorization": f"Basic {both}"}
        return {"Authorization": f"{self.scheme} {token}"}


@dataclass(frozen=True, slots=True)
class Service:
    """One HTTP service.

    Attributes:
        title: what to call it in messages, such as `Prometheus`.
        url: its address; a path in it is a prefix.
        credentials: where the token is, if it asks for one.
        patience: how long one answer may take in all.
        socket: a Unix socket that it is reached by; `url` then only names it.
        ca_file: certificates of those who vouch for it; None: those that this machine trusts.
        headers: further ones to send; they may hold a secret, so they are never shown.
    """

    title: str
    url: str
    credentials: Credentials = field(default_factory=Credentials)
    patience: timedelta = field(default_factory=lambda: PATIENCE)
    socket: Path | None = None
    ca_file: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @contextmanager
    def asking(self) -> Iterator[Asker]:
        """Hold one connection for several questions.

        Raises:
            ConfigurationError: the token is named but not there, or the address holds a password.
            NoAnswerError: nobody listens at the socket.
        """
        if "@" in self.url.partition("://")[2].partition("/")[0]:
            mend = "take it out, and name `token_env` or `token_file`"
            raise ConfigurationError(f"the {self.title}'s address holds a password", mend=mend)
        # Redirects are not followed: a token must not travel to another host.
        way = _by_socket(self.socket, self.title) if self.socket else None
        headers = {**self.credentials.headers(), **self.headers}
        with client(self.url, headers=headers, verify=self._trusted(), way=way) as asking:
            yield Asker(self, asking)

    def _trusted(self) -> ssl.SSLContext | bool:
        if self.ca_file:
            return _trusting(self.ca_file)
        plain = self.url.lower().startswith("http://")
        return _NOBODY if plain else True


def _trusting(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # an SSLError is one
        what = f"no usable certificates: {error.strerror or error}"
        raise ConfigurationError(what, where=str(ca_file), mend="name a PEM file") from None


def _by_socket(path: Path, title: str) -> httpx.HTTPTransport:
    # Tried first, since the HTTP library leaves a socket open that it could not connect.
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(TIMEOUT_SECONDS)
        try:
            line.connect(str(path))
        except OSError as error:
            what = f"{title} can't be reached: {error.strerror or error}"
            mend = "check that it runs, and that we may use its socket"
            raise NoAnswerError(what, where=f"unix://{path}", mend=mend) from None
    return httpx.HTTPTransport(uds=str(path), verify=_NOBODY)


@dataclass(frozen=True, slots=True)
class Asker:
    """An open connection to a service."""

    service: Service
    client: httpx.Client

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> bytes:
        """Return the answer of `GET path`.

        Raises:
            NoAnswerError: unreachable, broken off, too slow, or an answer of 5xx.
            RefusedError: it did not answer with 200 or 201.
            SourceError: its answer has no end; one line.
        """
        return self._ask("GET", path, parameters)

    def get_for(self, path: str, header: str) -> tuple[bytes, str]:
        """Return the answer of `GET path`, and one header of it; raises what `get` does."""
        told: dict[str, str] = {}
        content = self._ask("GET", path, told=told)
        return content, told.get(header.lower(), "")

    def post(self, path: str, parameters: Mapping[str, str]) -> bytes:
        """Return the answer of a form that is posted; raises what `get` does."""
        return self._ask("POST", path, parameters)

    def post_json(self, path: str, document: object) -> bytes:
        """Return the answer to a JSON document; raises what `get` does."""
        return self._ask("POST", path, document=document)

    def post_for(self, path: str, document: object, header: str) -> tuple[bytes, str]:
        """Return the answer to a JSON document, and one header of it; raises what `get` does."""
        told: dict[str, str] = {}
        content = self._ask("POST", path, document=document, told=told)
        return content, told.get(header.lower(), "")

    def _ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        document: object = None,
        told: dict[str, str] | None = None,
    ) -> bytes:
        url, title = self.service.url.rstrip("/"), self.service.title
        if path and not path.startswith("/"):
            # Some are links of an answer: `@elsewhere/` would take our token to another host.
            what = f"{path!r:.60} is no path of it"
            raise SourceError(what, where=self.service.url, mend=f"is this {title}?")
        address = url if url.endswith(path) else url + path
        form = dict(parameters or {}) if method == "POST" and document is None else None
        # An empty one would take the place of what a link of an answer asks for.
        query = dict(parameters) if method == "GET" and parameters else None
        try:
            with self.client.stream(
                method, address, params=query, data=form, json=document
            ) as answer:
                if told is not None:
                    told.update(answer.headers)
                return self._body(answer, address)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            what = f"{title} can't be reached: {said(error)}{by_proxy(address)}"
            mend = "check the address and that it runs"
            raise NoAnswerError(what, where=address, mend=mend) from None

    def _body(self, answer: httpx.Response, address: str) -> bytes:
        title = self.service.title
        if answer.status_code not in {httpx.codes.OK, httpx.codes.CREATED}:
            mend = "check the address, and the token if it asks for one"
            what = f"{title} answered {answer.status_code} {answer.reason_phrase}"
            if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise NoAnswerError(what, where=address, mend=mend)
            raise RefusedError(what, where=address, mend=mend, status=answer.status_code)
        content = bytearray()
        end = time.monotonic() + self.service.patience.total_seconds()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > MOST_BYTES:
                raise SourceError("the answer has no end", where=address, mend=f"is this {title}?")
            if time.monotonic() > end:
                what = f"{title} took more than {self.service.patience.total_seconds():g} s"
                raise NoAnswerError(what, where=address, mend="is it overloaded?")
        return bytes(content)
