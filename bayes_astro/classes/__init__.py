"""Objects of several kinds."""
