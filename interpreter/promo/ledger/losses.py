"""Why an attempt is lost, as a choice: nobody knows how it would have ended, and its candidate is not to blame."""

from enum import Enum


class Loss(Enum):
    """Why nobody knows how an attempt would have ended."""

    GONE = "gone"
    """promo ended before it did, or called it off."""
    BUSY = "busy"
    """Another study took its device a moment earlier."""
    DISK = "disk"
    """The disk refused what it had to write."""
    PREEMPTED = "preempted"
    """Its queue ended it for a job that goes before it."""
    NODE = "node"
    """The machine that it ran on failed."""
    SITE_LIMIT = "site limit"
    """Its queue ended it at a limit of the site's own, before its own was reached."""
    CALLED_OFF = "called off"
    """Somebody cancelled its job behind promo's back."""
    UNBEGUN = "unbegun"
    """Its job ended before a supervisor had taken it in hand: its node sees no such folder, or no such Python."""
    WORDLESS = "wordless"
    """Its job ended, and its supervisor left no word of how."""
    UNKNOWN = "unknown"
    """Its queue no longer knows of its job."""
    OUTSIDE = "outside"
    """Whoever was to train it elsewhere will not."""
