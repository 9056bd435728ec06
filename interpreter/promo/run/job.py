"""
Windows: the job that a supervisor and everything it starts belong to.

Whoever is started by a member is one itself, and nobody leaves; when the supervisor ends in whatever way, the system
closes the only handle to the job and ends whoever is still in it.  None of this was ever run: no Windows was at hand.
"""

import sys

if sys.platform == "win32":
    import ctypes
    import os
    from ctypes import wintypes

    KILL_ON_CLOSE = 0x2000
    EXTENDED_LIMITS, PROCESS_LIST = 9, 3
    MOST = 4096
    """Members that are asked for at once."""

    class Basic(ctypes.Structure):
        """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

        _fields_ = (
            ("process_time", wintypes.LARGE_INTEGER),
            ("job_time", wintypes.LARGE_INTEGER),
            ("flags", wintypes.DWORD),
            ("least_working_set", ctypes.c_size_t),
            ("most_working_set", ctypes.c_size_t),
            ("processes", wintypes.DWORD),
            ("affinity", ctypes.c_size_t),
            ("priority", wintypes.DWORD),
            ("scheduling", wintypes.DWORD),
        )

    class Extended(ctypes.Structure):
        """JOBOBJECT_EXTENDED_LIMIT_INFORMATION; the counters of input and output are six numbers."""

        _fields_ = (
            ("basic", Basic),
            ("input_and_output", ctypes.c_ulonglong * 6),
            ("process_memory", ctypes.c_size_t),
            ("job_memory", ctypes.c_size_t),
            ("peak_process_memory", ctypes.c_size_t),
            ("peak_job_memory", ctypes.c_size_t),
        )

    class Members(ctypes.Structure):
        """JOBOBJECT_BASIC_PROCESS_ID_LIST."""

        _fields_ = (("assigned", wintypes.DWORD), ("listed", wintypes.DWORD), ("numbers", ctypes.c_size_t * MOST))

    class Job:
        """The job of this process; it must be kept as long as the process lives."""

        def __init__(self) -> None:
            self._system = ctypes.WinDLL("kernel32", use_last_error=True)
            self._system.CreateJobObjectW.restype = wintypes.HANDLE
            self._system.GetCurrentProcess.restype = wintypes.HANDLE
            self._handle = wintypes.HANDLE(self._system.CreateJobObjectW(None, None))
            limits = Extended()
            limits.basic.flags = KILL_ON_CLOSE
            size = ctypes.sizeof(limits)
            self._must(self._system.SetInformationJobObject(self._handle, EXTENDED_LIMITS, ctypes.byref(limits), size))
            own = wintypes.HANDLE(self._system.GetCurrentProcess())
            self._must(self._system.AssignProcessToJobObject(self._handle, own))

        def others(self) -> set[int]:
            """Numbers of all members but this process, however they came to be started."""
            found = Members()
            size = ctypes.sizeof(found)
            asked = (self._handle, PROCESS_LIST, ctypes.byref(found), size, None)
            self._must(self._system.QueryInformationJobObject(*asked))
            return set(found.numbers[: found.listed]) - {os.getpid()}

        @staticmethod
        def _must(done: int) -> None:
            if not done:
                raise ctypes.WinError(ctypes.get_last_error())
