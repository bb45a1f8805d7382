"""Pages in people's hands: who gets which, by mail and chat, once."""
