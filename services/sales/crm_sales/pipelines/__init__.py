"""Pipelines: the steps that deals take."""
