"""How sources vary: structure functions, damping times."""
