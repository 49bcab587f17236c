"""What a process tells of itself, and the call that it is working on."""
