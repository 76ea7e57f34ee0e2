"""The language models, their heads, and the model folder."""
