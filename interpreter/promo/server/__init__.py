"""The language server: a compiled text to what an editor shows of it; `serve` speaks the protocol."""
