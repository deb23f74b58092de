"""`python -m xmit_pipeline.cli`: the same as the `xmit` command."""

from xmit_pipeline.cli.app import main

main()
