"""One run: precompile, train, fine-tune, reproduce. No grids."""
