"""Early-warning predictors: numbers of an agent before any shift, and the forecast of its goal preference from them."""
