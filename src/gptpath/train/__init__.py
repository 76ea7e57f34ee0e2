"""Pretraining: batches, schedule, optimiser, loop, checkpoints, ledger."""
