"""Atomic files, untrusted Parquet tables, child processes. Knows no runs."""
