"""Pictures: each receives data, computes nothing, and returns a matplotlib figure."""
