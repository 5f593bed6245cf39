"""Packs, indicators, crimes expected, deadlines, what settles them. Pure."""
