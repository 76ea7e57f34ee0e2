"""Supervised fine-tuning of pretrained models (GPT-1 sec. 3.2)."""
