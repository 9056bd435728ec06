"""Experiment to runs: what will be trained, in which order, at which cost."""
