"""What the verdicts say of a force: figures added up line by line, rates, and the page to forward."""
