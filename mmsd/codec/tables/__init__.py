"""Assigned numbers by specification clause: data, no code."""
