"""The page of `make play`: prompts for language models, texts for classifiers, in a browser."""
