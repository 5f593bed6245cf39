"""Contracts with other teams: what comes in, what goes out, and the words used in both."""
