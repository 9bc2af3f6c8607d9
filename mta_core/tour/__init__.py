"""A tour of prepared scenes for an audience: drawn once from the shipped weights, then only shown."""

from mta_core.tour.scene import Panel, Scene, read, write

__all__ = ["Panel", "Scene", "read", "write"]
