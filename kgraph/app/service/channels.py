"""The ways to receivers: HTTP and SMTP. The only module of the service that sends anything."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from http import HTTPStatus
from typing import Any

import httpx

from kgraph.app.service.sending import Channel, NotNowError, RefusedError
from kgraph.config import Configuration
from kgraph.config.receivers import (
    CloudEventsReceiver,
    EmailReceiver,
    PagerDutyReceiver,
    ReceiverConfig,
    WebhookReceiver,
)
from kgraph.incidents import messages, template
from kgraph.logs import logger
from kgraph.schema import ConfigurationError, KgraphError
from kgraph.schema.timestamps import parse_time
from kgraph.secret import secret
from kgraph.web import by_proxy, client, said

_log = logger(__name__)
_SECONDS = 10.0
_AGAIN = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
Form = Callable[[Mapping[str, Any], str], Any]  # a notice and the message's id -> JSON


@dataclass(frozen=True, slots=True)
class Web:
    """Posts JSON.

    Attributes:
        url: where; it may be a secret itself, so no message names it.
        form: makes the JSON.
    """

    name: str
    url: str = field(repr=False)
    form: Form
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    media: str = "application/json"

    def send(self, document: Mapping[str, Any], message_id: str) -> None:
        """Post a notice; any 2xx is taken as received."""
        content = httpx.Request("POST", "http://x", json=self.form(document, message_id)).content
        headers = {
            "Content-Type": self.media,
            "User-Agent": "kgraph",
            "Accept-Encoding": "identity",
            **self.headers,
        }
        try:
            # No redirects: a token must not travel to another host.
            with (
                client(self.url, headers=headers, timeout=_SECONDS) as asking,
                asking.stream("POST", self.url, content=content) as answer,
            ):
                # It need not end: of what it says as it comes the first part is enough.
                why = b"" if answer.is_success else next(answer.iter_raw(), b"")
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            told = said(error).replace(self.url, "its address")
            what = f"{self.name} can't be reached: {told}{by_proxy(self.url)}"
            raise KgraphError(what) from None
        if answer.is_success:
            return
        told = (
            f"{self.name} answered {answer.status_code}: {why.decode('utf-8', 'replace')[:200]!r}"
        )
        if answer.is_client_error and answer.status_code not in _AGAIN:
            raise RefusedError(told)
        after = _after(answer.headers.get("Retry-After", ""))
        raise KgraphError(told) if after is None else NotNowError(told, after)


def _after(text: str) -> timedelta | None:
    """Return how long `Retry-After` asks to wait; None where it does not, or by a date."""
    return timedelta(seconds=int(text)) if re.fullmatch(r"[0-9]{1,6}", text.strip()) else None


@dataclass(frozen=True, slots=True)
class Mail:
    """Sends a mail."""

    config: EmailReceiver
    password: str = field(repr=False)

    def send(self, document: Mapping[str, Any], message_id: str) -> None:
        """Hand a mail to the server."""
        mail = self._mail(document, message_id)
        config = self.config
        try:
            with closing(self._connected()) as server:
                if config.user:
                    server.login(config.user, self.password)
                refused = server.send_message(mail, config.sender, list(config.to))
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()  # it has the mail, however it takes leave
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            final = all(code >= 500 for code in codes)
            raise (RefusedError if final else KgraphError)(f"{config.name}: {codes}") from None
        except (smtplib.SMTPException, OSError) as error:
            where, told = f"{config.host}:{config.port}", " ".join(said(error).split())
            raise KgraphError(f"{config.name} ({where}) did not take the mail: {told}") from None
        if refused:  # the others have it, and would have it again
            missed = {address: code for address, (code, _) in refused.items()}
            _log.error("a mail went to some alone", receiver=config.name, refused=missed)

    def _connected(self) -> smtplib.SMTP:
        config = self.config
        if config.security == "tls":
            tls = ssl.create_default_context()
            return smtplib.SMTP_SSL(config.host, config.port, timeout=_SECONDS, context=tls)
        server = smtplib.SMTP(config.host, config.port, timeout=_SECONDS)
        if config.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        return server

    def _mail(self, document: Mapping[str, Any], message_id: str) -> EmailMessage:
        subject, text = messages.email(document)
        mail = EmailMessage()
        mail["Subject"] = " ".join(subject.split())
        mail["From"], mail["To"] = self.config.sender, ", ".join(self.config.to)
        at = parse_time(document["updatedAt"])
        if at is not None:
            mail["Date"] = format_datetime(at)
        domain = self.config.sender.partition("@")[2]
        # All mails on one incident are one thread.
        mail["Message-ID"] = make_msgid(domain=domain)
        mail["References"] = f"<{document['incident']}@{domain}>"
        mail["X-Kgraph-Message"] = message_id.replace(" ", "-")
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text)
        return mail


def channel(receiver: ReceiverConfig, configuration: Configuration) -> Channel:
    """Make the way to a receiver; its secret and its template are read now.

    Raises:
        ConfigurationError: a secret that is named cannot be had; a faulty template.
    """
    try:
        return _made(receiver, configuration)
    except ConfigurationError as error:
        where = ": ".join(part for part in (f"receiver {receiver.name}", error.where) if part)
        raise ConfigurationError(error.what, where=where, mend=error.mend) from None


def _made(receiver: ReceiverConfig, configuration: Configuration) -> Channel:
    file = configuration.given(receiver.token_file)
    token = _text(secret(receiver.token_env, file))
    match receiver:
        case EmailReceiver():
            return Mail(receiver, token)
        case PagerDutyReceiver():
            if not token:
                mend = "set token_env or token_file to where its routing key is"
                raise ConfigurationError("no routing key", mend=mend)
            return Web(receiver.name, receiver.url, lambda d, _id: messages.pagerduty(d, token))
        case CloudEventsReceiver():
            source = configuration.settings.server.public_url or "urn:kgraph"
            return Web(
                receiver.name,
                receiver.url,
                lambda d, id_: messages.cloudevent(d, source, id_),
                _bearer("Authorization", "Bearer", token),
                "application/cloudevents+json",
            )
        case WebhookReceiver():
            return _webhook(receiver, configuration, token)


def _webhook(receiver: WebhookReceiver, configuration: Configuration, token: str) -> Web:
    url = receiver.url or _text(secret(receiver.url_env, None))
    if receiver.template in template.SHIPPED:
        chosen = template.shipped(receiver.template)
    else:
        path = configuration.base / receiver.template
        try:
            chosen = template.parse(path.read_text("utf-8"), where=str(path))
        except (OSError, UnicodeDecodeError) as error:
            mend = f"shipped: {', '.join(template.SHIPPED)}"
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigurationError(f"no template: {why}", where=str(path), mend=mend) from None
    headers = _bearer(receiver.header, receiver.scheme, token)
    return Web(receiver.name, url, lambda d, _id: template.render(chosen, d), headers)


def _text(found: tuple[str, str] | None) -> str:
    if found is None:
        return ""
    where, text = found
    if not text or not all("!" <= character <= "~" for character in text):
        mend = "it must hold the secret alone, in one line of ASCII"
        raise ConfigurationError("no usable secret", where=where, mend=mend)
    return text


def _bearer(header: str, scheme: str, token: str) -> dict[str, str]:
    return {header: f"{scheme} {token}".strip()} if token else {}
