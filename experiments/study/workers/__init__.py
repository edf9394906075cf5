"""Workers that do a study's runs, on this machine or on a Ray cluster."""
