"""Revisions of the ledger's schema, forward only. One is written out in full, not taken from
``tables``: it must go on making what it made when it was new."""
