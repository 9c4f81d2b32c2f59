"""Records, the chain that they form, the crate, comparison."""
