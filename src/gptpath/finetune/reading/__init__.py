"""Labelled files -> checked rows: formats, columns and labels, splits."""
