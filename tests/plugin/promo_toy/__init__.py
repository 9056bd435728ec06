"""A runner for tests: it trains nothing, and can fail in every way a run can fail."""
