"""The page: figures and tables, ours beside the published ones."""
