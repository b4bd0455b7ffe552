"""Judgement from values alone: no file, socket, clock or log. What a rule needs to know of now is an argument."""
