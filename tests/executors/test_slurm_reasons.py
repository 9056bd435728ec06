"""Why a job waits, in Slurm's words and in plain ones."""

import pytest

from promo.run.executors.slurm_reasons import told


@pytest.mark.parametrize("reason", ["", "None", "Resources", "Priority", "BeginTime"])
def test_who_only_waits_for_its_turn_is_not_spoken_of(reason):
    assert told(reason) == ""


@pytest.mark.parametrize(
    ("reason", "plain"),
    [
        ("BadConstraints", "no node has what its host's block asks for"),
        ("Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", "are down"),
        ("QOSMaxJobsPerUserLimit", "as much runs as may at once"),
        ("QOSMaxWallDurationPerJobLimit", "more than one job may have"),
        ("AssocMaxWallDurationPerJobLimit", "more than one job may have"),
        ("QOSMaxGRESPerJob", "more than one job may have"),
        ("AssocGrpGRESMinutes", "the hours that its account may use are used up"),
        ("AssocGrpCPUMinutesLimit", "the hours that its account may use are used up"),
        ("AssocGrpGRES", "a limit of its account"),
        ("AssocMaxJobsLimit", "as much runs as may at once"),
        ("MaxJobsPerAccount", "as much runs as may at once"),
        ("AssociationJobLimit", "a limit of its account"),
        ("QOSTimeLimit", "more time than its account or quality of service allows"),
        ("QOSMinGRES", "less than a job has to"),
        ("MaxMemPerLimit", "a limit of memory"),
    ],
)
def test_what_may_not_end_by_itself_is_told_in_its_own_word_and_in_plain_ones(reason, plain):
    assert told(reason).startswith(f"Slurm says {reason} (")
    assert plain in told(reason)


def test_a_word_that_nobody_knows_is_told_as_it_is():
    assert told("Unheard(7)") == "Slurm says Unheard(7)"
