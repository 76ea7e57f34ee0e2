"""What nothing needs any more: found, shown with its bytes, and only then removed."""
