"""GPT-1's twelve data sets: what each is, and the layouts in which it is published.

The zero-shot room reads CoLA, SST-2 and RACE by readers of its own
(`gptpath.zeroshot.benchmarks.gpt1_sets`, which says how they differ); a test holds the two to the
same texts and labels.
"""
