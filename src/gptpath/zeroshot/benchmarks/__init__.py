"""Public benchmarks in their published layouts, read from a local folder, never downloaded.

No torch here: the contamination stage reads the same texts.
"""
