"""Physics in pure functions: observables and exact moments of gradients and losses."""
