"""The runner that trains nothing: its conditions are the configs of a recorded table."""
