"""The HTML page of a report: templates, styles, scripts, and the data for them."""
