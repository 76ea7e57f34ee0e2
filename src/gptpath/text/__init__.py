"""From raw sources to cleaned, deduplicated, split documents and labelled items (Polars)."""
