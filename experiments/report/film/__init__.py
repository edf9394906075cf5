"""Recorded episodes as frames, GIF and MP4. Pure functions of data."""
