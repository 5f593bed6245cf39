"""From the outbox to the outside: numbers in one order for everybody, events for topics."""
