"""Look at NFS exports: whether the server answers, exports that path, and what lies there.

The looks are kept and told as those at NBD exports are (`ingest.nbd`): what a server is, and
whether it has changed, is the same question for both.
"""

from __future__ import annotations

from ingest.nfs.look import look

__all__ = ["look"]
