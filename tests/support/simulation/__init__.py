"""A deterministic simulation of the whole engine: see docs/explanation/simulation.md."""
