"""Labelled tasks derived from held-out documents (docs/formats.md)."""
