"""Films of recorded episodes: frames, GIF and MP4, by pure functions."""
