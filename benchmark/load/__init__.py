"""Closed-loop load on 127.0.0.1 from a process of its own: so many connections, each with one request at a time."""
