"""The gateway: the one door for people and programs."""
