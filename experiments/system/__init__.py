"""Atomic files, untrusted Parquet tables, child processes. Independent of runs."""
