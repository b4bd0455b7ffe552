from mmsd.cli import main

main()
