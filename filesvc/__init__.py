"""Tells the story: how a file is taken in, kept, processed and handed out."""
