from __future__ import annotations

from pathlib import Path

import pytest

from kgraph.schema import StoreError
from kgraph.store import open_store
from kgraph.store.sqlite import surroundings
from kgraph.store.sqlite.surroundings import has_wal_reset_bug, network_file_system

MOUNTS = """\
22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
23 22 0:5 / /dev rw,nosuid - devtmpfs udev rw
40 22 0:50 / /srv/nfs rw,relatime - nfs4 filer:/export rw,vers=4.2
41 40 254:2 / /srv/nfs/local rw - xfs /dev/vdb rw
42 22 0:51 / /mnt/with\\040blank rw shared:9 master:1 - cifs //win/share rw
43 22 0:52 / /home/me/remote rw - fuse.sshfs me@host: rw
44 22 0:53 / /over rw - ext4 /dev/vdc rw
45 44 0:54 / /over rw - nfs filer:/over rw
nonsense
"""


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("/var/lib/kgraph.db", ""),
        ("/srv/nfs/kgraph.db", "nfs4"),
        ("/srv/nfs", "nfs4"),
        ("/srv/nfsx/kgraph.db", ""),
        ("/srv/nfs/local/kgraph.db", ""),
        ("/mnt/with blank/kgraph.db", "cifs"),
        ("/home/me/remote/a/b.db", "fuse.sshfs"),
        ("/over/kgraph.db", "nfs"),
    ],
)
def test_a_path_is_on_the_file_system_that_is_mounted_nearest(path: str, type_: str) -> None:
    assert network_file_system(path, MOUNTS) == type_


@pytest.mark.parametrize("version", [(3, 51, 3), (3, 52, 0), (3, 50, 7), (3, 44, 6), (4, 0, 0)])
def test_versions_with_the_fix_are_well(version: tuple[int, int, int]) -> None:
    assert not has_wal_reset_bug(version)


@pytest.mark.parametrize("version", [(3, 51, 2), (3, 50, 6), (3, 49, 9), (3, 44, 5), (3, 40, 1)])
def test_versions_without_it_are_not(version: tuple[int, int, int]) -> None:
    assert has_wal_reset_bug(version)


def test_a_store_on_a_network_file_system_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(tmp_path / "k.db").close()
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"{MOUNTS}50 22 0:60 / {tmp_path} rw - nfs filer:/x rw\n")
    monkeypatch.setattr(surroundings, "_MOUNTS", mounts)
    with pytest.raises(StoreError, match=r"network file system \(nfs\).*local disk"):
        open_store(tmp_path / "k.db")
    with pytest.raises(StoreError, match="network file system"):
        open_store(tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()
