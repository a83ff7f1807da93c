"""Photometric redshifts: densities of single objects and of populations."""
