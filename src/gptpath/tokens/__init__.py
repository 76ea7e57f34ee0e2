"""Byte-level BPE, the tiktoken encoding, and token shards."""
