"""The control room: ingest, reading, acting and the live stream over HTTP; pages for people."""
