"""The hosts of the one turn: replay from files."""
