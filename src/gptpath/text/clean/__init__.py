"""Normalising texts, and rules by which some are dropped (docs/cleaning.md)."""
