"""A first spec for somebody's own script: what it says of itself, and the two files that are drafted from it."""
