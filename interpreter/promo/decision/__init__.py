"""Evidence to verdicts: gates promote, rules judge, and each says why."""
