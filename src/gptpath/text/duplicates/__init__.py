"""Exact and near-duplicates among documents (docs/duplicates.md)."""
