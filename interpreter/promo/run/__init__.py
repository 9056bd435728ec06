"""Plan to results: processes, their limits, and what they leave on disk."""
