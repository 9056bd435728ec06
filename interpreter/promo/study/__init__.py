"""Tree to experiment: every name resolved, every quantity exact, every gate sealed."""
