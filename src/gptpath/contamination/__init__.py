"""Overlap of test sets with the training corpus (GPT-2 sec. 4)."""
