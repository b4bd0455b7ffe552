"""What developers run; no part of mmsd as installed."""
