"""The leaderboard of training methods: from recorded rows of studies to cells with intervals, and a user's own method next to them."""
