"""An installation of its own, as the tests of the worker have it."""

from tests.kafka.conftest import ledger, site

__all__ = ["ledger", "site"]
