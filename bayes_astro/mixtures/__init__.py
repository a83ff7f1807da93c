"""What every task whose density is a mixture shares; no task."""
