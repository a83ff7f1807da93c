"""Spectra of many objects: what they have in common, and what their errors and gaps hide."""
