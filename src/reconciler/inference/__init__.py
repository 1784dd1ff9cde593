"""Inference: prompts, safety, answers, tokens and cost, for probes and for the bot router."""
