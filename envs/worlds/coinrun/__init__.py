"""CoinRun, the first world: its rules, its layouts, its conditions."""
