"""Numbers of the command line."""

import argparse


def positive(text: str) -> int:
    """A whole number from 1 on; argparse says so in one sentence where it is none."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)
