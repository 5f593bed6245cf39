"""Bytes to events: source mappings, decoding, dead letters. Pure."""
