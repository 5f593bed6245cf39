"""``python -m service.cli`` is the same as ``recount``."""

from service.cli import main

main()
