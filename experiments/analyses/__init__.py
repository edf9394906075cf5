"""Analysis scripts, each of which regenerates one page of the docs. Nothing imports them."""
