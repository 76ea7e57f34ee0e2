"""The research path from GPT-1 to GPT-2, from raw text to measured models."""

__version__ = "0.1.0"
