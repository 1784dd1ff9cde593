"""Fixtures for all tests."""

from box import store
from scenario_bench import bench

__all__ = ["bench", "store"]
