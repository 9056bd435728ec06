"""
A file system in memory that keeps only what it must: bytes that were flushed, and names whose folder was flushed.

`after_power_loss` gives a file system as it may be found after the power went: each sector of a file that was not
flushed may be old, new or zeros, its length old or new, and each change of names is there or not, in any
order.  A rename is there or not as a whole.  With `calls` one can have it stop at the n-th call.
"""

import hashlib
from pathlib import Path

from promo.run.disk import Access

BLOCK = 512


class Died(BaseException):
    """The process died here; no clearing up may swallow it."""


class File:
    """Bytes as processes see them, and as they are on disk."""

    def __init__(self, kept=b""):
        self.now, self.kept = bytearray(kept), bytes(kept)


class Folder:
    """Names as processes see them, as they are on disk, and changes that are not there yet."""

    def __init__(self, kept=None):
        self.now = dict(kept or {})
        self.kept, self.changes = dict(self.now), []

    def change(self, **names):
        self.changes.append(names)
        self._apply(self.now, names)

    def flush(self):
        self.kept, self.changes = dict(self.now), []

    @staticmethod
    def _apply(names, change):
        for name, node in change.items():
            if node is None:
                names.pop(name, None)
            else:
                names[name] = node


class LossyKernel:
    """See `promo.run.disk.Kernel`."""

    def __init__(self, root=None, watch=lambda kernel: None):
        self.root = root or Folder()
        self.watch = watch
        """Called before and after each effect."""
        self._handles = {}
        self._next = 3

    def _node(self, path):
        node = self.root
        for name in path.parts:
            if not isinstance(node, Folder) or name not in node.now:
                return None
            node = node.now[name]
        return node

    def open(self, path, access):
        node = self._node(path)
        if node is None:
            if access in (Access.CHANGE, Access.FOLDER):
                raise FileNotFoundError(2, "No such file or directory", str(path))
            self.watch(self)
            node = File()
            self._node(path.parent).change(**{path.name: node})
        if access is Access.WHOLE:
            node.now.clear()
        self._next += 1
        self._handles[self._next] = node
        return self._next

    def write(self, handle, data):
        self.watch(self)
        half = len(data) // 2
        node = self._handles[handle]
        node.now += data[:half]
        self.watch(self)
        node.now += data[half:]
        self.watch(self)
        return len(data)

    def cut(self, handle, size):
        self.watch(self)
        del self._handles[handle].now[size:]
        self.watch(self)

    def flush(self, handle):
        self.watch(self)
        node = self._handles[handle]
        if isinstance(node, Folder):
            node.flush()
        else:
            node.kept = bytes(node.now)
        self.watch(self)

    def flush_all(self, handles):
        for handle in handles:
            self.flush(handle)

    def close(self, handle):
        del self._handles[handle]

    def rename(self, old, new):
        self.watch(self)
        self._node(old.parent).change(**{old.name: None, new.name: self._node(old)})
        self.watch(self)

    def make(self, path):
        if self._node(path) is not None:
            return False
        self.watch(self)
        self._node(path.parent).change(**{path.name: Folder()})
        self.watch(self)
        return True

    def exists(self, path):
        return self._node(path) is not None

    def read(self, path):
        node = self._node(Path(path))
        return bytes(node.now) if isinstance(node, File) else None

    def files(self, folder):
        found = []

        def walk(node, place):
            for name, inner in node.now.items():
                if isinstance(inner, Folder):
                    walk(inner, f"{place}{name}/")
                else:
                    found.append(f"{place}{name}")

        walk(self._node(folder), "")
        return tuple(sorted(found))

    def digest(self, path):
        content = self.read(path)
        return None if content is None else hashlib.sha256(content).hexdigest()

    def after_power_loss(self, random):
        """What may be found when the power comes back."""
        return LossyKernel(_found(self.root, random, {}))


def _found(node, random, seen):
    if id(node) in seen:
        return seen[id(node)]
    if isinstance(node, File):
        found = File(_bytes(node, random))
    else:
        names = dict(node.kept)
        mood = random.random()  # all lost, all there, or any of them
        for change in node.changes:
            if mood > 0.25 and (mood > 0.75 or random.random() < 0.5):
                Folder._apply(names, change)
        found = Folder({name: _found(inner, random, seen) for name, inner in names.items()})
    seen[id(node)] = found
    return found


def _bytes(file, random):
    old, new = file.kept, bytes(file.now)
    if old == new:
        return old
    mood = random.random()
    if mood < 0.2:
        return old
    if mood < 0.4:
        return new
    short, long = sorted((len(old), len(new)))
    size = random.choice((short, long, random.randint(short, long)))
    blocks = []
    for start in range(0, size, BLOCK):
        width = min(BLOCK, size - start)
        before = old[start : start + width].ljust(width, b"\0")
        after = new[start : start + width].ljust(width, b"\0")
        blocks.append(random.choice((before, after)))
    return b"".join(blocks)
