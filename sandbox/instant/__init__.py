"""A stand-in for InstantDB's HTTP API: one SQLite file, Instant's shapes, errors, rules and races.

`standin.InstantStandIn` is the whole of it as one function from request to answer; `python -m sandbox.instant`
puts it on a port. It speaks the admin API (query, transact, users, magic codes, tokens, live queries) and the
routes that push a schema and rules. It has no storage, no streams, no OAuth and no websocket.

Where it is kinder than the real server:
- background jobs of a schema push are done before the push is answered, though reported as still waiting;
- counters of rate limits live in memory, so a restart forgets them;
- one process at a time may have the file open.
"""
