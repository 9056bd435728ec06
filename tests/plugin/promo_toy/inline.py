"""An executor that carries a run out where it is, without a process of its own: for benchmarks of what is around it."""

import contextlib

from promo.run import worker
from promo.run.values import Exit


class InlineExecutor:
    def start(self, attempt):
        with contextlib.suppress(Exception):
            return worker.main(attempt.folder)
        return 1

    def poll(self, handle):
        return Exit(handle)

    def cancel(self, handle):
        pass

    def prepare(self, handle):
        pass

    def find(self, folder):
        return None

    def close(self):
        pass
