"""
A folder to the file system that it lies on, and what that cannot do.

A ledger needs locks that hold for every process that sees it, whichever machine that runs on, and files that are there
whole after a rename.  Attempts need the files alone, for each is begun by who makes a file first.
"""

from pathlib import Path

from promo.base.classes import frozen

NETWORKS = frozenset({"afs", "cifs", "davfs", "fuse.davfs2", "fuse.sshfs", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"})
"""File systems of other machines, whose locks may be granted to two at once, or lost with the connection."""
STORES = frozenset(
    {"fuse.blobfuse", "fuse.blobfuse2", "fuse.gcsfuse", "fuse.goofys", "fuse.mountpoint-s3", "fuse.rclone", "fuse.s3fs"}
)
"""Stores of objects that look like folders: no locks, no appending, and a rename is a copy."""
LOCAL_LOCKS = {"lustre": "flock", "beegfs": None}
"""
File systems of clusters whose locks hold on one machine only, unless they were mounted with this option.

Source: Lustre operations manual, mount.lustre(8), `flock`, `localflock`, `noflock`; BeeGFS, tuneUseGlobalFileLocks,
which no mount shows.
"""


@frozen
class Mount:
    """A file system as the system names it; empty where it does not tell."""

    kind: str = ""
    options: frozenset[str] = frozenset()

    @property
    def lacks(self) -> str:
        """Why no ledger can lie there, behind the name of a folder; empty where it can."""
        if self.kind in NETWORKS:
            return f"lies on a network file system ({self.kind}), whose locks cannot be trusted"
        if self.kind in STORES:
            return f"lies in an object store ({self.kind}), which has no locks and renames by copying"
        if self.kind in LOCAL_LOCKS and LOCAL_LOCKS[self.kind] not in self.options:
            return f"lies on a file system ({self.kind}) whose locks may hold on one machine only"
        return ""


def mount_of(folder: Path) -> Mount:
    """The file system that a folder lies on; of several on one place, as an automounter leaves them, the last one."""
    import psutil

    place = folder.resolve()
    mounts = [one for one in psutil.disk_partitions(all=True) if place.is_relative_to(one.mountpoint)]
    nearest = max(reversed(mounts), key=lambda one: len(one.mountpoint), default=None)
    return Mount() if nearest is None else Mount(nearest.fstype, frozenset(nearest.opts.split(",")))
