"""Barren plateaus: random circuits, their gradients, exact theory and statistics."""
