"""Mail: how one is written, and how a mail server is spoken to."""
