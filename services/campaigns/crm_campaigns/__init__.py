"""Campaigns: mail to many, with the consent of each."""
