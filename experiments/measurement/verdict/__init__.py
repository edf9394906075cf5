"""From numbers to a verdict: thresholds, rules and the outliers among seeds."""
