"""What a profile will cost here, before anything is spent."""
