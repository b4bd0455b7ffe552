"""Bytes to values and back, sans-IO: strict out, tolerant in; `DecodeError` is the only exception a decoder raises.

The ladder, each rung using only those to its right or below: push / mms / sms / wsp / text / tables.
"""
