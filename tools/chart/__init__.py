"""The Helm charts: what is generated into them, and how they are rendered for a look."""
