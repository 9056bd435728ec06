"""Text to tree: tokens, nodes, the table-driven parser, the formatter."""
