"""Layers of a student's file: found, called with inputs that fit, and checked, each in a process.

========== ==================================================================
source     what there is to check in a file, and how it is loaded
inputs     arguments in a few characters, such as ``x=4,3``
recipes    what operations of a known name are called with
arguments  a function's signature against inputs: what it is called with
objects    objects of a student's classes, made and given a pair's form
calling    forward and backward called once, in any course's convention
judging    the answer on one operation
blame      where in the student's file something happened
worker     the process in which the file runs
processes  the processes, as many at a time as there are cores
========== ==================================================================
"""
