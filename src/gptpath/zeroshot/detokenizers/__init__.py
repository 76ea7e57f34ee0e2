"""Published word-level spellings turned back into running text, reversibly (GPT-2 sec. 3.1)."""
