"""Bytes and messages to values and back: pure functions, one module per wire. No sockets, no servers."""
