"""Backward passes written from the list of causes alone, without knowledge of the checker."""
