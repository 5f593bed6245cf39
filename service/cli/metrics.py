"""``recount metrics``: every metric that running processes expose."""

import sys

from msgspec.structs import asdict

from service.cli.terminal import AsJson, print_json
from service.metrics import EVERY, as_markdown


def metrics(as_json: AsJson = False) -> None:
    """Every metric with its type, unit, labels and meaning, as a table in Markdown.

    Example: recount metrics --json
    """
    if as_json:
        print_json([asdict(each) for each in EVERY])
        return
    sys.stdout.write(as_markdown())
