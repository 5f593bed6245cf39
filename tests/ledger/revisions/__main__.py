"""Make the ledger of this program's revision."""

from tests.ledger.revisions import make

if __name__ == "__main__":
    make()
