"""The commands: arguments in, text out, exit codes."""
