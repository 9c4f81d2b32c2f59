"""The physics: ensembles, circuits, programs, gradients, exact moments. Imports no other part."""
