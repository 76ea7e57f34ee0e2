"""Tasks asked of a language model without training (GPT-1 sec. 5, GPT-2 sec. 3)."""
