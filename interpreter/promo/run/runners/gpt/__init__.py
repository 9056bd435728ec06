"""The built-in runner: a byte-level transformer of the autoresearch and nanochat family."""
