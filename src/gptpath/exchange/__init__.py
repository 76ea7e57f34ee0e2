"""Model folders from and to the layouts of others: transformers' folders, OpenAI's files."""
