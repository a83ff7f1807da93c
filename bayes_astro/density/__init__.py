"""Densities of objects: mixtures seen through noise."""
