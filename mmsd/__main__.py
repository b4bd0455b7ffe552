"""`python -m mmsd` is the command `mmsd`."""

from mmsd.cli import main

main()
