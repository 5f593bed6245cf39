"""The life of an alert, and the words people read. Pure."""
