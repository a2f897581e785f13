"""Conversion to and from other packages; each module imports its package, an extra, when it is imported."""
