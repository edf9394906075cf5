"""The processes that carry out a study's runs, on this machine or on a Ray cluster."""
