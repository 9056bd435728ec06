"""
Why a job waits, in Slurm's own word, to what whoever runs a study ought to know of it.

Who waits for room or for its turn only waits.  Any other word is told, and in plain English where it is known here,
because many of them mean that a job never begins unless somebody changes something.

Source: "Job reason codes" of Slurm's documentation; the words are those in the library of Slurm 22.05.8.
"""

import re
from collections.abc import Mapping

ITS_TURN = frozenset({"", "None", "Resources", "Priority", "BeginTime", "Prolog", "Cleaning", "NodeDown"})
"""Words for waiting that ends by itself."""
WORD = re.compile(r"[A-Za-z_]+(?=$|[,(])")
PLAIN: Mapping[str, str] = {
    "AccountNotAllowed": "its partition takes no jobs of this account",
    "BadConstraints": "no node has what its host's block asks for",
    "InactiveLimit": "its partition is closed to new jobs",
    "InvalidAccount": "there is no such account",
    "InvalidQOS": "there is no such quality of service",
    "JobHeldAdmin": "the cluster's staff hold it",
    "JobHeldUser": "somebody holds it; scontrol release lets it go",
    "Licenses": "no licence that it asks for is free",
    "MaxMemPerLimit": "it asks for more memory than a limit of memory here allows",
    "PartitionDown": "its partition starts no jobs now",
    "PartitionInactive": "its partition takes no jobs now",
    "PartitionNodeLimit": "it asks for more nodes than its partition has or allows",
    "PartitionTimeLimit": "it asks for more time than its partition allows: set option time, or the stages' caps",
    "QOSNotAllowed": "its partition takes no jobs of this quality of service",
    "ReqNodeNotAvail": "nodes that it needs are down, drained or kept for a reservation",
    "Reservation": "its reservation has not begun",
    "ReservationDeleted": "its reservation is no more",
}
KINDS: tuple[tuple[str, str], ...] = (
    (r"Nodes required for job are .*", PLAIN["ReqNodeNotAvail"]),
    (r"(Assoc|QOS|Max).*(PerJob|PerNode|WallDuration).*", "it asks for more than one job may have here"),
    (r"(Assoc|QOS).*Minutes.*", "the hours that its account may use are used up, or too few are left"),
    (r"QOSMin.*", "it asks for less than a job has to here"),
    (
        r"(Assoc|QOS|Max).*(PerUser|PerAccount|MaxJobs|MaxSubmit).*",
        "as much runs as may at once; fewer slots wait less",
    ),
    (r"(Association|QOS)TimeLimit", "it asks for more time than its account or quality of service allows"),
    (r"(Assoc|QOS)(Grp|Max|Usage|iation|Job|Resource).*", "a limit of its account or quality of service is reached"),
)
"""Families of words, the first that fits."""
LONGEST = 300


def word_of(reason: str) -> str:
    """The word of a reason, without the nodes or numbers behind it; all of it where it is a sentence."""
    found = WORD.match(reason)
    return found[0] if found is not None else reason


def told(reason: str) -> str:
    """What a reason says, in Slurm's words and in plain ones; empty where a job only waits for its turn."""
    word = word_of(reason)
    if word in ITS_TURN:
        return ""
    plain = PLAIN.get(word) or next((plain for kind, plain in KINDS if re.fullmatch(kind, word)), None)
    return f"Slurm says {reason[:LONGEST]}" + (f" ({plain})" if plain is not None else "")
