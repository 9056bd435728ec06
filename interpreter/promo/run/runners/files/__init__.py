"""Runners kept in files beside a spec: any program, the constants of a script, or a Python function."""
