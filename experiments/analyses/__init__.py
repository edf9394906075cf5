"""Scripts that each regenerate one page of the docs. Nothing imports them."""
