"""Watermarks, coverage, match levels, the join of records to crimes expected. Pure."""
