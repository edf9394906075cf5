"""Charts as SVG and PNG. Pure functions of data."""
