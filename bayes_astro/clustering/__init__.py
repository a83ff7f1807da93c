"""How objects cluster: two-point correlation functions."""
