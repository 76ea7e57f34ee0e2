"""GPT-1's twelve data sets: what each is, and the layouts in which it is published."""
