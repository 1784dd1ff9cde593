"""Fixtures for all tests."""

from scenario_bench import bench

__all__ = ["bench"]
