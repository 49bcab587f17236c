"""The command line: what operators do, over the public REST API only."""
