"""The HTML page of a report: templates, styles, scripts and the parts they are filled with."""
