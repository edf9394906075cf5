"""Charts as SVG and PNG, by pure functions."""
