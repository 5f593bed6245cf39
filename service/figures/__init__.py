"""Figures and how they are drawn: crimes counted, rates with their intervals, charts. Pure."""
