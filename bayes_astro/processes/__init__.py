"""Gaussian processes of light curves."""
