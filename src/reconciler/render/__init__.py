"""Showing plans, runs and findings."""
