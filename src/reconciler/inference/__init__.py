"""Asking models: prompts, streams, safety, cost; what probes and the bot router share."""
