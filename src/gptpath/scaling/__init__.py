"""Power-law fits of loss and scores against size."""
