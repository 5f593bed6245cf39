"""What the sum of verdicts says: rates, samples, comparisons, and what is learnt from history."""
