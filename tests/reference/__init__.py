"""Naive versions of the forwards: loops and scalars, written from the definitions alone."""
