"""What driver and server say, in one line: what, where, how to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    DriverError,
    IncompleteCommit,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)

from kgraph.schema import KgraphError, StoreAwayError, StoreBusyError, StoreError
from kgraph.schema.errors import one_line
from kgraph.store._target import ServerStore

_AWAY = "check that it runs{} and that this machine reaches it; nothing was changed"
_RIGHTS = "give the user the right to read and write this database and to make constraints"
_READ_ONLY = "name a database, or a member of the cluster, that can be written"
_MEMORY = "give the server more heap, or raise dbms.memory.transaction.total.max"
_NO_WRITES = (
    "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase",
    "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase",
)
# Code of the server, or the beginning of one -> what it means here, and how to mend it.
_SAID: tuple[tuple[str, str, str], ...] = (
    (
        "Neo.ClientError.Security.Unauthorized",
        "the server refuses the user or the password",
        "check store.user, and store.password_env or store.password_file",
    ),
    (
        "Neo.ClientError.Security.AuthenticationRateLimit",
        "the server refuses the user after too many wrong passwords",
        "wait a few seconds, then try with the right one",
    ),
    (
        "Neo.ClientError.Security.CredentialsExpired",
        "the user's password must be changed before it can be used",
        "change it once in Neo4j Browser or with cypher-shell",
    ),
    ("Neo.ClientError.Security.", "the user may not do that", _RIGHTS),
    *((code, "the database is read-only", _READ_ONLY) for code in _NO_WRITES),
    (
        "Neo.ClientError.Statement.AccessMode",
        "the statement would write, and may only read",
        "paste it into Neo4j Browser; `kgraph cypher show` writes it out",
    ),
    (
        "Neo.ClientError.Cluster.NotALeader",
        "this member of the cluster cannot be written",
        "use the neo4j:// scheme: it finds the member that can",
    ),
    (
        "Neo.ClientError.Database.DatabaseNotFound",
        "the server has no such database",
        "make it, or correct store.database",
    ),
    (
        "Neo.ClientError.Transaction.TransactionTimedOut",
        "the server took too long and gave up",
        "try again when it has less to do; nothing was changed",
    ),
    (
        "Neo.ClientError.Transaction.LockClientStopped",
        "the server took too long and gave up: somebody else holds what is to be written",
        "end what runs in a Browser or a shell, and try again; nothing was changed",
    ),
    ("Neo.TransientError.General.OutOfMemoryError", "the server is out of memory", _MEMORY),
    ("Neo.TransientError.General.MemoryPoolOutOfMemory", "the server is out of memory", _MEMORY),
    (
        "Neo.TransientError.General.TransactionMemoryLimit",
        "the server is out of memory",
        _MEMORY,
    ),
    ("Neo.TransientError.", "the server could not do it just now", "try again"),
    ("Neo.DatabaseError.", "the server failed", "look into its log; nothing was changed"),
)
_TIMED_OUT = "Neo.ClientError.Transaction."


@contextmanager
def in_plain_words(target: ServerStore) -> Iterator[None]:
    """Turn what the driver raises into one line; faults of the program pass as they are."""
    try:
        yield
    except KgraphError:
        raise
    except (Neo4jError, DriverError, OSError) as error:
        told = plain(error, target)
        if told is None:
            raise
        raise told from error


def plain(error: Exception, target: ServerStore) -> StoreError | None:
    """Return the one-line form of an error; None for a fault of the program."""
    where = target.title
    if isinstance(error, IncompleteCommit):
        return StoreAwayError(
            "the server went away during the commit: whether it was kept is not known",
            where=where,
            mend="try again: what was kept is found to be so",
        )
    if isinstance(error, ServiceUnavailable | SessionExpired | OSError):
        why = one_line(error).partition(". ")[0]  # what follows is advice to who calls a driver
        asks_tls = "+" in target.url.partition("://")[0]
        mend = _AWAY.format(", that it speaks TLS on this port," if asks_tls else "")
        return StoreAwayError(f"the server cannot be reached ({why})", where=where, mend=mend)
    if isinstance(error, ConfigurationError):
        return StoreError(one_line(error), where=where, mend="correct store.url")
    if isinstance(error, Neo4jError):
        return _of_server(error, where)
    return None


def is_lock_wait(error: Exception) -> bool:
    """Tell whether a statement that takes the lock was given up because another holds it."""
    return isinstance(error, ClientError) and (error.code or "").startswith(_TIMED_OUT)


def is_read_only(error: Exception) -> bool:
    """Tell whether nobody can write to the database."""
    return isinstance(error, Neo4jError) and error.code in _NO_WRITES


def is_too_large(error: Exception) -> bool:
    """Tell whether the server has not enough memory for a transaction: it never will have."""
    return isinstance(error, Neo4jError) and "OutOfMemory" in (error.code or "")


def busy(target: ServerStore) -> StoreBusyError:
    """Return the error of a lock that another process holds for too long."""
    return StoreBusyError(
        "another process is writing to the store", where=target.title, mend="try again"
    )


def _of_server(error: Neo4jError, where: str) -> StoreError | None:
    code = error.code or ""
    if isinstance(error, AuthError) and code.endswith("Unauthorized"):
        code = "Neo.ClientError.Security.Unauthorized"
    for prefix, what, mend in _SAID:
        if code.startswith(prefix):
            return StoreError(f"{what} ({code.removeprefix('Neo.')})", where=where, mend=mend)
    return None
