"""Recount: which reported crimes were never recorded, said in time and never falsely."""
