"""What every room may use: sources, diagnostics, errors, units, canonical bytes, package data."""
