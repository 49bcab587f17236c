"""Teams: the groups that people work in, one below another."""
