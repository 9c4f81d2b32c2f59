"""Ensembles, circuits, programs, gradients, exact moments."""
