"""Which stars belong to a cluster."""
