"""Public benchmarks in their published layouts, read from a local folder.

Nothing is downloaded but by `hub`, on request, into that folder. No torch here: the contamination
stage reads the same texts.
"""
